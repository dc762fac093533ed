create function pgscore_trusted._load(artifact bytea, contract text, signature bytea, key_id text)
returns pgscore_trusted.refusal
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:8e9cb0db34f21895209162bb03378fa89028ec2d081321ef1afd8140cbb7a38e"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    keys = plpy.execute("select key_id, public_key from pgscore_trusted.trusted_key where revoked_at is null")
    return GD[runtime].load(GD, keys, artifact, contract, signature, key_id)
$$;

comment on function pgscore_trusted._load(bytea, text, bytea, text) is
    'Checks the signature of an artifact and only then unpickles it, for the life of this backend';
revoke all on function pgscore_trusted._load(bytea, text, bytea, text) from public;
grant execute on function pgscore_trusted._load(bytea, text, bytea, text) to pgscore_owner;
