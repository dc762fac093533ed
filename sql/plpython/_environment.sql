create function pgscore_trusted._environment() returns jsonb
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:5482a62b98460d7ae3e5899827bca6c5186e30b18d812046f153a16ef05b7dce"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].environment()
$$;

comment on function pgscore_trusted._environment() is 'The server''s Python, its search path and the packages that matter';
revoke all on function pgscore_trusted._environment() from public;
grant execute on function pgscore_trusted._environment() to pgscore_publisher, pgscore_operator;
