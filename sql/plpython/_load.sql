create function pgscore_trusted._load(contract text, signature bytea, key_id text, confirmed text[])
returns pgscore_trusted.refusal
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:48186840837c5a74b41e1417d07e693d179925db6fab073a8edd81db0ba2bf9e"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    keys = plpy.execute("select key_id, public_key from pgscore_trusted.trusted_key where revoked_at is null")
    engines = plpy.execute("select engine, megabytes from pgscore_trusted.allowed_engine")
    return GD[runtime].load(GD, keys, contract, signature, key_id, confirmed, engines)
$$;

comment on function pgscore_trusted._load(text, bytea, text, text[]) is
    'Checks the signature of the artifact that was received and only then unpickles it, for the life of this backend; an ONNX graph is data, and needs the onnx engine to be on instead';
revoke all on function pgscore_trusted._load(text, bytea, text, text[]) from public;
grant execute on function pgscore_trusted._load(text, bytea, text, text[]) to pgscore_owner;
