create function pgscore.prune_score_changes(older_than interval default '30 days') returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
    if older_than is null or older_than < '0' then
        raise exception 'older_than is an age, not %', coalesce(older_than::text, 'NULL') using errcode = 'invalid_parameter_value';
    end if;
    -- Who has read less than what goes is told so.
    insert into pgscore.pruned_change as p (model, position, ordinal)
    select distinct on (c.model) c.model, c.position, c.ordinal
    from pgscore.score_change c where c.at < now() - older_than
    order by c.model, c.position desc, c.ordinal desc
    on conflict (model) do update set position = excluded.position, ordinal = excluded.ordinal
    where (p.position, p.ordinal) < (excluded.position, excluded.ordinal);
    -- A dump brings what another cluster has numbered, which would come in later, behind what is newer.
    delete from pgscore.score_change c
    where c.position > pg_snapshot_xmax(pg_current_snapshot()) and c.position is distinct from pg_current_xact_id_if_assigned();
    perform pgscore._make_partitions('score_change', '1 day', 7);
    return pgscore._drop_partitions('score_change', older_than);
end
$$;

comment on function pgscore.prune_score_changes(interval) is
    'Drops changes of scores that are older, read or not, and those of another cluster, from which the database was restored; makes partitions ahead; says how many partitions it dropped';
grant execute on function pgscore.prune_score_changes(interval) to pgscore_operator;
