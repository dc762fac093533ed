-- Where changes of scores were written. Their positions are numbers of transactions, which mean something in one cluster
-- alone: a restored dump brings rows whose numbers other transactions get anew.

create function pgscore._change_server() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A dump is restored into another cluster, or makes the table anew.
    select concat((select c.system_identifier from pg_control_system() c), '/', 'pgscore.score_change'::regclass::oid)
$$;

comment on function pgscore._change_server() is 'What tells this outbox from its copies: the cluster, and the table';
grant execute on function pgscore._change_server() to pgscore_reader;

insert into pgscore.change_origin (server) values (pgscore._change_server());

create function pgscore._has_foreign_changes() returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select (select bool_and(o.server = pgscore._change_server()) from pgscore.change_origin o) is not true
        or exists (
            select from pgscore.score_change c
            where c.position > pg_snapshot_xmax(pg_current_snapshot())
                and c.position is distinct from pg_current_xact_id_if_assigned()
        )
$$;

comment on function pgscore._has_foreign_changes() is
    'Whether the outbox came with a dump and may hold changes of another cluster, whose positions mean nothing here';
grant execute on function pgscore._has_foreign_changes() to pgscore_reader;

create function pgscore._change_line() returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if pgscore._has_foreign_changes() then
        raise exception 'pgscore.score_change holds changes of another cluster, from which this database was restored'
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'As an operator: select pgscore.prune_score_changes() takes them away. Consumers then take all scores once.';
    end if;
    -- A standby that takes over begins a timeline, and may give numbers anew that it never heard of.
    return left(md5(pgscore._change_server()), 8) || '.' || case
        when pg_is_in_recovery() then (select c.timeline_id from pg_control_checkpoint() c)
        else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
    end;
end
$$;

comment on function pgscore._change_line() is
    'What positions of this outbox begin with: the cluster and its timeline; refused where the outbox came with a dump';
grant execute on function pgscore._change_line() to pgscore_reader;
