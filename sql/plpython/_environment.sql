create function pgscore_trusted._environment() returns jsonb
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:bccfd545bc58770d206d39d76aac67adbc6e12ab5831fac38528b0a44b184749"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].environment()
$$;

comment on function pgscore_trusted._environment() is 'The server''s Python, its search path and the packages that matter';
revoke all on function pgscore_trusted._environment() from public;
grant execute on function pgscore_trusted._environment() to pgscore_publisher, pgscore_operator;
-- Of these three it alone may register the runtime: publishers and operators ask by pgscore._doctor_python.
grant execute on function pgscore_trusted._environment() to pgscore_owner;
