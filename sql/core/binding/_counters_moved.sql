create function pgscore._counters_moved(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('old.%1$I is distinct from new.%1$I', c.name), ' or ' order by c.name)
    from (
        select distinct r ->> 'column' as name from pgscore._bindings_of(profile) b, jsonb_array_elements(b.reducers) r
    ) c
$$;

comment on function pgscore._counters_moved(regclass) is 'SQL that says, in a trigger of a profile table, whether a column that a reducer moves has changed';
