create function pgscore_trusted._receive(ordinal integer, content bytea) returns void
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:7b7f0b6cecaac903ff6b8c5166c3a96c296dec0abb58ccbd4b0563879b675982"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    GD[runtime].receive(GD, ordinal, content)
$$;

comment on function pgscore_trusted._receive(integer, bytea) is
    'Takes the next piece of an artifact, the first with ordinal 1, for pgscore_trusted._load';
revoke all on function pgscore_trusted._receive(integer, bytea) from public;
grant execute on function pgscore_trusted._receive(integer, bytea) to pgscore_owner;
