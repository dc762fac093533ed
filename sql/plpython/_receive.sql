create function pgscore_trusted._receive(ordinal integer, content bytea) returns void
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    GD[runtime].receive(GD, ordinal, content)
$$;

comment on function pgscore_trusted._receive(integer, bytea) is
    'Takes the next piece of an artifact, the first with ordinal 1, for pgscore_trusted._load';
revoke all on function pgscore_trusted._receive(integer, bytea) from public;
grant execute on function pgscore_trusted._receive(integer, bytea) to pgscore_owner;
