create function pgscore._refuse_change() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '% of pgscore.% is refused: what was published does not change', lower(tg_op), tg_table_name
        using errcode = 'object_not_in_prerequisite_state',
              hint = 'Publish a new version instead.';
end
$$;

comment on function pgscore._refuse_change() is 'Keeps versions, artifacts, programs and golden rows immutable, for their owner too';

create trigger immutable before update or delete or truncate on pgscore.model_version
    for each statement execute function pgscore._refuse_change();
create trigger immutable before update or delete or truncate on pgscore.golden_row
    for each statement execute function pgscore._refuse_change();
create trigger immutable before update or delete or truncate on pgscore.program
    for each statement execute function pgscore._refuse_change();
create trigger immutable before update or truncate on pgscore.artifact_chunk
    for each statement execute function pgscore._refuse_change();

comment on trigger immutable on pgscore.model_version is 'Versions do not change';
comment on trigger immutable on pgscore.golden_row is 'Golden rows do not change';
comment on trigger immutable on pgscore.program is 'Programs do not change';
comment on trigger immutable on pgscore.artifact_chunk is 'Artifacts do not change';
