create function pgscore_trusted._environment() returns jsonb
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:59bdc6831261c00a40cd8102c04912c3d2af5ebd68a1fa8b059ca8a7cff1b131"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].environment()
$$;

comment on function pgscore_trusted._environment() is 'The server''s Python, its search path and the packages that matter';
revoke all on function pgscore_trusted._environment() from public;
grant execute on function pgscore_trusted._environment() to pgscore_publisher, pgscore_operator;
-- Of these three it alone may register the runtime: publishers and operators ask by pgscore._doctor_python.
grant execute on function pgscore_trusted._environment() to pgscore_owner;
