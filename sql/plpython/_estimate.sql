create function pgscore_trusted._estimate(
    digest text, rows integer, numbers double precision[], texts text[],
    out scores double precision[], out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:ea7400e360c2d762d231d17d66309739f14aac8086b8e9264b5b11d87fc81dcb"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].estimate(GD, digest, rows, numbers, texts)
$$;

comment on function pgscore_trusted._estimate(text, integer, double precision[], text[]) is
    'Scores rows with a version that this backend has loaded; NULL where it has not';
revoke all on function pgscore_trusted._estimate(text, integer, double precision[], text[]) from public;
grant execute on function pgscore_trusted._estimate(text, integer, double precision[], text[]) to pgscore_owner;
