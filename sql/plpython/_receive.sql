create function pgscore_trusted._receive(ordinal integer, content bytea) returns void
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:791cdf007452f033de7cb4d450f5cce779fba2a3dd741876e6b19fd77b4bbb71"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    GD[runtime].receive(GD, ordinal, content)
$$;

comment on function pgscore_trusted._receive(integer, bytea) is
    'Takes the next piece of an artifact, the first with ordinal 1, for pgscore_trusted._load';
revoke all on function pgscore_trusted._receive(integer, bytea) from public;
grant execute on function pgscore_trusted._receive(integer, bytea) to pgscore_owner;
