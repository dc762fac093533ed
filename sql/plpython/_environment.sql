create function pgscore_trusted._environment() returns jsonb
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:06ca44808d6462347cf55b4d57b74779f79cd6f7630e351a4871648026bcb483"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].environment()
$$;

comment on function pgscore_trusted._environment() is 'The server''s Python, its search path and the packages that matter';
revoke all on function pgscore_trusted._environment() from public;
grant execute on function pgscore_trusted._environment() to pgscore_publisher, pgscore_operator;
-- Of these three it alone may register the runtime: publishers and operators ask by pgscore._doctor_python.
grant execute on function pgscore_trusted._environment() to pgscore_owner;
