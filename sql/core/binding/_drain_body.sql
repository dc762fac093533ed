create function pgscore._drain_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        '<<here>>
        declare
            taken record; first record; rows integer := 0; work pgscore.work[]; delta text[];
        begin
            for here.taken in
                delete from %1$s q where q.transaction = pg_current_xact_id() returning q.binding, q.task, q.keys, q.deltas
            loop
                here.rows := here.rows + 1;
                if here.rows = 1 then
                    here.first := here.taken;
                %2$s else
                    here.work := here.work || row(here.taken.binding, here.taken.task, here.taken.keys, here.taken.deltas)::pgscore.work;
                end if;
            end loop;
            if here.rows = 0 then
                return;
            end if;
            -- Events of one profile are what most transactions bring; queries over arrays cost more than the update.
            if here.work is null and here.first.task = ''move'' and cardinality(here.first.keys) = 1 then
                here.delta := here.first.deltas[1];
                %3$s
            end if;
            perform %4$s(row(here.first.binding, here.first.task, here.first.keys, here.first.deltas)::pgscore.work || here.work);
        end',
        pgscore._queue_name(p.number),
        (select string_agg(pgscore._merge_one(b), ' ' order by b.number) from pgscore._bindings_of(p.profile) b),
        (select string_agg(pgscore._drain_one(b), ' ' order by b.number) from pgscore._bindings_of(p.profile) b),
        pgscore._generated_name(p.profile, 'profile', p.number, 'apply')
    )
    from pgscore.bound_profile p where p.profile = _drain_body.profile
$$;

comment on function pgscore._drain_body(regclass) is
    'The body of the function that does at commit what the transaction queued for a profile table';
