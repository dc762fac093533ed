create function pgscore._refuse_pruning() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from pgscore.retirement r
        where r.model = old.model and r.version = old.version and r.pruned_at is not null
    ) then
        return old;
    end if;
    raise exception 'delete of pgscore.artifact_chunk is refused: model "%" version % is not retired and pruned',
        old.model, old.version
        using errcode = 'object_not_in_prerequisite_state', hint = 'pgscore.prune removes artifacts.';
end
$$;

comment on function pgscore._refuse_pruning() is 'Keeps artifacts, for their owner too, until pgscore.prune has marked them';

create trigger immutable_until_pruned before delete on pgscore.artifact_chunk
    for each row execute function pgscore._refuse_pruning();

comment on trigger immutable_until_pruned on pgscore.artifact_chunk is 'Only what was retired and pruned is removed';
