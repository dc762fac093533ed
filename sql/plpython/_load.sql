create function pgscore_trusted._load(artifact bytea, contract text, signature bytea, key_id text)
returns pgscore_trusted.refusal
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:ea7400e360c2d762d231d17d66309739f14aac8086b8e9264b5b11d87fc81dcb"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    keys = plpy.execute("select key_id, public_key from pgscore_trusted.trusted_key where revoked_at is null")
    return GD[runtime].load(GD, keys, artifact, contract, signature, key_id)
$$;

comment on function pgscore_trusted._load(bytea, text, bytea, text) is
    'Checks the signature of an artifact and only then unpickles it, for the life of this backend';
revoke all on function pgscore_trusted._load(bytea, text, bytea, text) from public;
grant execute on function pgscore_trusted._load(bytea, text, bytea, text) to pgscore_owner;
