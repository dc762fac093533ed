create function pgscore.prune(
    model text, older_than interval default '0', keep integer default 0, dry_run boolean default false
) returns table (version integer, bytes bigint)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    target integer;
begin
    perform pgscore._existing_version(model, null);
    if keep is null or keep < 0 or older_than is null then
        raise exception 'prune takes an age and a count that is not negative, not % and %',
            coalesce(older_than::text, 'NULL'), coalesce(keep::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    -- Neither a promotion nor a rollback may come between.
    perform pgscore._lock_generated();
    target := pgscore._rollback_target(model);
    for version, bytes in
        select r.version, v.size
        from (
            select r.*, row_number() over (order by r.retired_at desc, r.version desc) as position
            from pgscore.retirement r
            where r.model = prune.model and r.pruned_at is null
        ) r
        join pgscore.model_version v on v.model = r.model and v.version = r.version
        where r.position > keep and r.retired_at <= now() - older_than and r.version is distinct from target
        order by r.version
    loop
        if not dry_run then
            update pgscore.retirement r set pruned_at = now(), pruned_by = session_user
            where r.model = prune.model and r.version = prune.version;
            perform pgscore._drop_scorer(model, version);
            delete from pgscore.artifact_chunk c where c.model = prune.model and c.version = prune.version;
        end if;
        return next;
    end loop;
end
$$;

comment on function pgscore.prune(text, interval, integer, boolean) is
    'Removes the artifacts of versions retired longer ago than that, but for the latest few; never that of the version to roll back to';
grant execute on function pgscore.prune(text, interval, integer, boolean) to pgscore_operator;
