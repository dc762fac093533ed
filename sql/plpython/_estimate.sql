create function pgscore_trusted._estimate(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:4797d5247a57f6835a41c9757f5888d11bb5e9f5909be19f60f44b9f70f46c8f"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].estimate(GD, digest, rows, numbers, texts, every)
$$;

comment on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) is
    'Scores rows with a version that this backend has loaded; NULL where it has not';
revoke all on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) from public;
grant execute on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) to pgscore_owner;
