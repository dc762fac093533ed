create function pgscore._apply(at_statement boolean) returns void
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    work record;
    answer record;
    worked boolean;
begin
    loop
        worked := false;
        for work in select t.* from pgscore._take_queue(at_statement) t loop
            worked := true;
            execute format(
                'select array_agg(a.binding_name) as bindings, array_agg(a.profile_key) as keys,
                    array_agg(a.model_score) as scores, array_agg(a.model_version) as versions,
                    array_agg(a.reason) as reasons
                from %I.%I($1, $2, $3, $4) a',
                work.space, work.function
            )
            into answer
            using work.bindings, work.tasks, work.keys, work.deltas;
            if answer.bindings is not null then
                perform pgscore._record_scores(
                    answer.bindings, answer.keys, answer.scores, answer.versions, answer.reasons
                );
            end if;
        end loop;
        -- Profiles that were made, and triggers of the application, may have queued more.
        exit when not worked;
    end loop;
end
$$;

comment on function pgscore._apply(boolean) is
    'Moves counters and stores scores for what the transaction queued. It calls functions of the tables'' owners, who may replace them, so its own owner may do nothing';
