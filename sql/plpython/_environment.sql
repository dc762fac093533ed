create function pgscore_trusted._environment() returns jsonb
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:a924e5d24677bd6d6a64067afbdb347992b1eff7efc1bccd0e9b2fd90a767cba"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].environment()
$$;

comment on function pgscore_trusted._environment() is 'The server''s Python, its search path and the packages that matter';
revoke all on function pgscore_trusted._environment() from public;
grant execute on function pgscore_trusted._environment() to pgscore_publisher, pgscore_operator;
