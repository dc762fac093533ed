create function pgscore_trusted._estimate(
    digest text, rows integer, numbers double precision[], texts text[],
    out scores double precision[], out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:8e9cb0db34f21895209162bb03378fa89028ec2d081321ef1afd8140cbb7a38e"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].estimate(GD, digest, rows, numbers, texts)
$$;

comment on function pgscore_trusted._estimate(text, integer, double precision[], text[]) is
    'Scores rows with a version that this backend has loaded; NULL where it has not';
revoke all on function pgscore_trusted._estimate(text, integer, double precision[], text[]) from public;
grant execute on function pgscore_trusted._estimate(text, integer, double precision[], text[]) to pgscore_owner;
