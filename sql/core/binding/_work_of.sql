create function pgscore._work_of(b pgscore.binding, task text, keys text, deltas text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format('row(%s, %s, %s, %s)::pgscore.work', b.number, task, keys, deltas)
$$;

comment on function pgscore._work_of(pgscore.binding, text, text, text) is 'SQL for work of a binding, its parts given as SQL';
