create function pgscore._drop_statements(name text, owners regrole[]) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select p.proowner::regrole, format('drop function if exists %s cascade', p.oid::regprocedure)
    from pg_catalog.pg_proc p
    where p.proname = _drop_statements.name and p.proowner = any (owners)
$$;

comment on function pgscore._drop_statements(text, regrole[]) is
    'What the owners of tables run to be rid of a generated function, in whatever schema it stands';
