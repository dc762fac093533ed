create function pgscore._refuse_old_snapshot(profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    own constant xid8 := pg_current_xact_id();
begin
    if current_setting('transaction_isolation') not in ('repeatable read', 'serializable') then
        return;
    end if;
    -- Rows that came after the snapshot go too, and cannot be seen: nobody would be told. None have come where nobody has
    -- begun to write since.
    if pg_snapshot_xmax(pg_current_snapshot()) = own and not exists (select from pg_snapshot_xip(pg_current_snapshot())) then
        begin
            perform pg_xact_status((own::text::bigint + 1)::text::xid8);
        exception when invalid_parameter_value then
            -- Of a transaction that is yet to come there is no status.
            return;
        end;
    end if;
    if pg_sequence_last_value('pgscore.score_change_ordinal') > (select coalesce(max(c.ordinal), 0) from pgscore.score_change c) then
        raise exception 'could not serialize access: scores of % may have changed since this transaction began', profile
            using errcode = 'serialization_failure',
                  hint = format('Try the transaction again. It succeeds where it begins with: lock table %s', profile);
    end if;
end
$$;

comment on function pgscore._refuse_old_snapshot(regclass) is
    'Refuses to truncate a profile table that tells of its scores, in a transaction whose snapshot may not show all of them';
grant execute on function pgscore._refuse_old_snapshot(regclass) to pgscore_reader;
