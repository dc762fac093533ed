create function pgscore._list_backfill(b pgscore.binding) returns void
language plpgsql volatile
set search_path = ''
as $$
begin
    perform pgscore._as_role(
        (select o.profile_owner from pgscore.binding o where o.number = b.number),
        format(
            'insert into pgscore.stale_row (binding, key, cause, reason)
            select %s, %s, ''backfill'', %L from %s p where %s',
            b.number, pgscore._key_text(b.profile_key, 'p'),
            format('events from before the tables were tied are not counted yet; call pgscore.reconcile(%L, %L)', b.events, b.profile),
            b.profile, pgscore._key_present(b.profile_key, 'p')
        )
    );
end
$$;

comment on function pgscore._list_backfill(pgscore.binding) is
    'Lists all profiles as stale until reconcile has counted them; before the tables are locked, because it takes its time';
grant execute on function pgscore._list_backfill(pgscore.binding) to pgscore_reader;
