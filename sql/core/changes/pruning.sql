create function pgscore.prune_score_changes(older_than interval default '30 days') returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
    if older_than is null or older_than < '0' then
        raise exception 'older_than is an age, not %', coalesce(older_than::text, 'NULL') using errcode = 'invalid_parameter_value';
    end if;
    -- What a dump has brought would come in later, behind what is newer; and what came since may stand between. Nobody has
    -- read that: consumers are refused until then, and begin anew.
    if pgscore._has_foreign_changes() then
        delete from pgscore.score_change;
        delete from pgscore.pruned_change;
        delete from pgscore.change_origin;
        insert into pgscore.change_origin (server) values (pgscore._change_server());
    end if;
    -- Who has read less than what goes is told so.
    insert into pgscore.pruned_change as p (model, position, ordinal)
    select distinct on (c.model) c.model, c.position, c.ordinal
    from pgscore.score_change c where c.at < now() - older_than
    order by c.model, c.position desc, c.ordinal desc
    on conflict (model) do update set position = excluded.position, ordinal = excluded.ordinal
    where (p.position, p.ordinal) < (excluded.position, excluded.ordinal);
    perform pgscore._make_partitions('score_change', '1 day', 7);
    return pgscore._drop_partitions('score_change', older_than);
end
$$;

comment on function pgscore.prune_score_changes(interval) is
    'Drops changes of scores that are older, read or not, and all where the database was restored from a dump; makes partitions ahead; says how many partitions it dropped';
grant execute on function pgscore.prune_score_changes(interval) to pgscore_operator;
