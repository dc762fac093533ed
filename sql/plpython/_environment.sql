create function pgscore_trusted._environment() returns jsonb
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:6ea68f4488b2569c56ff3b99be387545514d59f506a1c8e56c58e5fc55f61fdc"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].environment()
$$;

comment on function pgscore_trusted._environment() is 'The server''s Python, its search path and the packages that matter';
revoke all on function pgscore_trusted._environment() from public;
grant execute on function pgscore_trusted._environment() to pgscore_publisher, pgscore_operator;
