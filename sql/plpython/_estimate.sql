create function pgscore_trusted._estimate(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:48186840837c5a74b41e1417d07e693d179925db6fab073a8edd81db0ba2bf9e"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    if GD[runtime].is_graph(GD, digest):
        # Since it was loaded its engine may have been turned off: to load it again says so.
        if "allowed" not in SD:
            SD["allowed"] = plpy.prepare("select from pgscore_trusted.allowed_engine where engine = 'onnx'")
        if not SD["allowed"].execute():
            return None
    return GD[runtime].estimate(GD, digest, rows, numbers, texts, every)
$$;

comment on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) is
    'Scores rows with a version that this backend has loaded; NULL where it has not';
revoke all on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) from public;
grant execute on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) to pgscore_owner;
