create function pgscore._settle_body(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- One statement may fire several triggers, as ON CONFLICT and writable CTEs do, and what one of them recounts at the end
    -- of the statement a later one may add. At commit all of them are over.
    select format(
        'insert into %s (binding, task, keys, deltas)
        select %s, ''settle'', array_agg(distinct u.key), ''{}''
        from unnest(here.work) w, unnest(w.keys) as u (key)
        where w.binding = %s and w.task in (''recount'', ''arrive'')
        having count(*) > 0;',
        pgscore._queue_name(b.profile_number), b.number, b.number
    )
    where b.timing = 'statement'
$$;

comment on function pgscore._settle_body(pgscore.binding) is
    'What the apply function does to have profiles that were recounted at the end of a statement recounted at commit; NULL where work is done at commit';
