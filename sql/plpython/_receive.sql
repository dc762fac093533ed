create function pgscore_trusted._receive(ordinal integer, content bytea) returns void
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:5c116551fa90bb80a9cce36d8f9388d848c8c6658d2b53a2053b090f38c16407"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    GD[runtime].receive(GD, ordinal, content)
$$;

comment on function pgscore_trusted._receive(integer, bytea) is
    'Takes the next piece of an artifact, the first with ordinal 1, for pgscore_trusted._load';
revoke all on function pgscore_trusted._receive(integer, bytea) from public;
grant execute on function pgscore_trusted._receive(integer, bytea) to pgscore_owner;
