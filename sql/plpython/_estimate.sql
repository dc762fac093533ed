create function pgscore_trusted._estimate(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:447a229c8c0e13ce2d342de832103e0ec2e61a36cb96261b6d9967a9edd55b13"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].estimate(GD, digest, rows, numbers, texts, every)
$$;

comment on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) is
    'Scores rows with a version that this backend has loaded; NULL where it has not';
revoke all on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) from public;
grant execute on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) to pgscore_owner;
