create function pgscore_trusted._estimate(
    digest text, rows integer, numbers double precision[], texts text[],
    out scores double precision[], out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:f65b4c57eab6f96eb5d2e806f03e2ead9186bc0ff1170d5d09642f2bebe04c5d"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].estimate(GD, digest, rows, numbers, texts)
$$;

comment on function pgscore_trusted._estimate(text, integer, double precision[], text[]) is
    'Scores rows with a version that this backend has loaded; NULL where it has not';
revoke all on function pgscore_trusted._estimate(text, integer, double precision[], text[]) from public;
grant execute on function pgscore_trusted._estimate(text, integer, double precision[], text[]) to pgscore_owner;
