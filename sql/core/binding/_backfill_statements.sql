create function pgscore._backfill_statements(b pgscore.binding, at_once boolean) returns table (at_the_end boolean, role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- At once: the tables are locked, so nobody adds to what is counted when the transaction commits. Later: the list is
    -- written before the tables are locked, because it takes its time, and once they are, for rows that were committed
    -- meanwhile. Those are as young as the oldest transaction that was open before.
    select true, b.profile_owner, format(
        'insert into %s (binding, task, keys, deltas) values (%s, ''recount all'', ''{}'', ''{}'')',
        pgscore._queue_name(b.profile_number), b.number
    )
    where at_once
    union all
    select l.at_the_end, b.profile_owner, format(
        'insert into pgscore.stale_row (binding, key, cause, reason) select %s, %s, ''backfill'', %L from %s p where %s%s'
        ' on conflict do nothing',
        b.number, pgscore._key_text(b.profile_key, 'p'),
        format('events from before the tables were tied are not counted yet; call pgscore.reconcile(%L, %L)', b.events, b.profile),
        b.profile, pgscore._key_present(b.profile_key, 'p'), l.young
    )
    from (values
        (false, ''),
        (true, format(' and age(p.xmin) <= age(%L::xid)', pg_snapshot_xmin(pg_current_snapshot())::xid))
    ) as l (at_the_end, young)
    where not at_once
$$;

comment on function pgscore._backfill_statements(pgscore.binding, boolean) is
    'What the owner of a profile table runs to have what the event table holds counted at once, or to have all profiles listed as stale until reconcile has counted them';
