create function pgscore_trusted._load_received(
    contract text, signature bytea, key_id text, confirmed text[], key_ids text[], public_keys bytea[], engines text[],
    megabytes bigint[]
)
returns pgscore_trusted.refusal
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    keys = dict(zip(key_ids, public_keys))
    return GD[runtime].load(GD, keys, contract, signature, key_id, confirmed, dict(zip(engines, megabytes)))
$$;

comment on function pgscore_trusted._load_received(text, bytea, text, text[], text[], bytea[], text[], bigint[]) is
    'Checks the signature of the artifact that was received, by these keys, and only then unpickles it; an ONNX graph needs its engine among these';
revoke all on function pgscore_trusted._load_received(text, bytea, text, text[], text[], bytea[], text[], bigint[]) from public;

create function pgscore_trusted._load(contract text, signature bytea, key_id text, confirmed text[])
returns pgscore_trusted.refusal
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return pgscore_trusted._load_received(
        contract, signature, key_id, confirmed,
        array(select k.key_id from pgscore_trusted.trusted_key k where k.revoked_at is null order by k.key_id),
        array(select k.public_key from pgscore_trusted.trusted_key k where k.revoked_at is null order by k.key_id),
        array(select e.engine from pgscore_trusted.allowed_engine e order by e.engine),
        array(select e.megabytes from pgscore_trusted.allowed_engine e order by e.engine)
    );
end
$$;

comment on function pgscore_trusted._load(text, bytea, text, text[]) is
    'Checks the signature of the artifact that was received and only then unpickles it, for the life of this backend; an ONNX graph is data, and needs the engine onnx to be on instead';
revoke all on function pgscore_trusted._load(text, bytea, text, text[]) from public;
grant execute on function pgscore_trusted._load(text, bytea, text, text[]) to pgscore_owner;
