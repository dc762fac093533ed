create function pgscore._refuse_pruned(model text, version integer) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from pgscore.retirement r
        where r.model = _refuse_pruned.model and r.version = _refuse_pruned.version and r.pruned_at is not null
    ) then
        raise exception 'model "%" version % was pruned: its artifact is gone', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Publish the same file again to bring it back.';
    end if;
end
$$;

comment on function pgscore._refuse_pruned(text, integer) is 'Refuses a version whose artifact and functions were removed';
