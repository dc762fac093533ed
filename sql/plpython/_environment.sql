create function pgscore_trusted._environment() returns jsonb
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].environment()
$$;

comment on function pgscore_trusted._environment() is 'The server''s Python, its search path and the packages that matter';
revoke all on function pgscore_trusted._environment() from public;
grant execute on function pgscore_trusted._environment() to pgscore_publisher, pgscore_operator;
-- Of these three it alone may register the runtime: publishers and operators ask by pgscore._doctor_python.
grant execute on function pgscore_trusted._environment() to pgscore_owner;
