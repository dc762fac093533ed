create function pgscore_trusted._load(contract text, signature bytea, key_id text, confirmed text[])
returns pgscore_trusted.refusal
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:2322ab2cf35290a71df9d35c0d45e1fb9af06ac337ac542df07007136d8b9965"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    keys = plpy.execute("select key_id, public_key from pgscore_trusted.trusted_key where revoked_at is null")
    return GD[runtime].load(GD, keys, contract, signature, key_id, confirmed)
$$;

comment on function pgscore_trusted._load(text, bytea, text, text[]) is
    'Checks the signature of the artifact that was received and only then unpickles it, for the life of this backend';
revoke all on function pgscore_trusted._load(text, bytea, text, text[]) from public;
grant execute on function pgscore_trusted._load(text, bytea, text, text[]) to pgscore_owner;
