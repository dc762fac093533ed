create function pgscore_trusted._receive(ordinal integer, content bytea) returns void
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:6742ca06c91b7b82ea447509ab3dc9b27a01ddad535fca948805996134074865"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    GD[runtime].receive(GD, ordinal, content)
$$;

comment on function pgscore_trusted._receive(integer, bytea) is
    'Takes the next piece of an artifact, the first with ordinal 1, for pgscore_trusted._load';
revoke all on function pgscore_trusted._receive(integer, bytea) from public;
grant execute on function pgscore_trusted._receive(integer, bytea) to pgscore_owner;
