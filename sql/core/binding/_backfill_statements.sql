create function pgscore._backfill_statements(b pgscore.binding, at_once boolean) returns table (at_the_end boolean, role regrole, statement text)
language sql stable
set search_path = ''
as $$
    -- At once: the tables are locked, so nobody adds to what is counted when the transaction commits. Later: the list is
    -- written before the tables are locked, because it takes its time.
    select at_once, b.profile_owner, case
        when at_once then format(
            'insert into %s (binding, task, keys, deltas) values (%s, ''recount all'', ''{}'', ''{}'')',
            pgscore._queue_name(b.profile_number), b.number
        )
        else format(
            'insert into pgscore.stale_row (binding, key, cause, reason) select %s, %s, ''backfill'', %L from %s p where %s',
            b.number, pgscore._key_text(b.profile_key, 'p'),
            format('events from before the tables were tied are not counted yet; call pgscore.reconcile(%L, %L)', b.events, b.profile),
            b.profile, pgscore._key_present(b.profile_key, 'p')
        )
    end
$$;

comment on function pgscore._backfill_statements(pgscore.binding, boolean) is
    'What the owner of a profile table runs to have what the event table holds counted at once, or to have all profiles listed as stale until reconcile has counted them';
