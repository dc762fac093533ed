create function pgscore_trusted._estimate(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:30722426f561d09c4a0f0d98cf51a0d81ee2460319a8d24beb6d87232276ca83"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].estimate(GD, digest, rows, numbers, texts, every)
$$;

comment on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) is
    'Scores rows with a version that this backend has loaded; NULL where it has not';
revoke all on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) from public;
grant execute on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) to pgscore_owner;
