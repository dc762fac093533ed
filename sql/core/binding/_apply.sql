create function pgscore._apply(at_statement boolean) returns void
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    work record;
    answer record;
begin
    -- What this queues in turn, for profiles that are made or that triggers change, comes with a call of its own.
    for work in select t.* from pgscore._take_queue(at_statement) t loop
        execute format('select * from %I.%I($1, $2, $3, $4)', work.space, work.function)
        into answer
        using work.bindings, work.tasks, work.keys, work.deltas;
        if answer.names is not null then
            perform pgscore._record_scores(answer.names, answer.rows, answer.scores, answer.versions, answer.reasons);
        end if;
    end loop;
end
$$;

comment on function pgscore._apply(boolean) is
    'Moves counters and stores scores for what the transaction queued. It calls functions of the tables'' owners, who may replace them, so its own owner may do nothing';
