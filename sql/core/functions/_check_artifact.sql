create function pgscore._check_artifact() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant bigint := (
        select v.size from pgscore.model_version v where v.model = new.model and v.version = new.version
    );
    -- Read from the heads of the values: no byte of an artifact is fetched.
    stored constant bigint := coalesce(
        (
            select sum(octet_length(c.content)) from pgscore.artifact_chunk c
            where c.model = new.model and c.version = new.version
        ),
        0
    );
begin
    if stored <> wanted then
        raise exception 'model "%" version % has % of % bytes of its artifact', new.model, new.version, stored, wanted
            using errcode = 'data_exception', hint = 'Publish it again: nothing of it was stored.';
    end if;
    return null;
end
$$;

comment on function pgscore._check_artifact() is 'At commit: refuses a version whose artifact is not there as a whole';

create constraint trigger artifact_is_complete after insert on pgscore.model_version
    deferrable initially deferred
    for each row execute function pgscore._check_artifact();
create constraint trigger artifact_is_complete after insert on pgscore.artifact_chunk
    deferrable initially deferred
    for each row execute function pgscore._check_artifact();

comment on trigger artifact_is_complete on pgscore.model_version is 'A version comes with its whole artifact';
comment on trigger artifact_is_complete on pgscore.artifact_chunk is 'An artifact that has come back after pruning is whole';
