create function pgscore._generated_name(relation regclass, kind text, number integer, what text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format('%I.%I', n.nspname, format('_pgscore_%s_%s_%s', kind, number, what))
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = relation
$$;

comment on function pgscore._generated_name(regclass, text, integer, text) is
    'The function that does something for a binding or for a bound profile table, in the schema of the table';
