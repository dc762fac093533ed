create function pgscore._bindings_of(profile regclass) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.* from pgscore.binding b
    where b.profile = _bindings_of.profile and exists (select from pg_catalog.pg_class c where c.oid = b.events)
    order by b.number
$$;

comment on function pgscore._bindings_of(regclass) is 'The bindings of a profile table whose event tables exist';
