create function pgscore_trusted._environment() returns jsonb
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:7b7f0b6cecaac903ff6b8c5166c3a96c296dec0abb58ccbd4b0563879b675982"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].environment()
$$;

comment on function pgscore_trusted._environment() is 'The server''s Python, its search path and the packages that matter';
revoke all on function pgscore_trusted._environment() from public;
grant execute on function pgscore_trusted._environment() to pgscore_publisher, pgscore_operator;
-- Of these three it alone may register the runtime: publishers and operators ask by pgscore._doctor_python.
grant execute on function pgscore_trusted._environment() to pgscore_owner;
