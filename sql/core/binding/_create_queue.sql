create function pgscore._create_queue(profile_number integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Unlogged: a crash leaves no transaction in flight. The index finds a transaction's own rows among dead ones.
    execute format(
        'create unlogged table %s (
            transaction xid8 not null default pg_current_xact_id(),
            binding integer not null, task text not null, keys text[] not null, deltas text[] not null
        ) with (
            autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = -1,
            vacuum_truncate = false
        )',
        pgscore._queue_name(profile_number)
    );
    execute format('create index on %s (transaction)', pgscore._queue_name(profile_number));
    -- A session plans once. Were the table a page long then, it would read all of it ever after, however many dead rows
    -- have come meanwhile. So it is some pages long from the start, and stays so.
    execute format(
        'insert into %s (binding, task, keys, deltas) select 0, ''padding'', ''{}'', ''{}'' from generate_series(1, 2000)',
        pgscore._queue_name(profile_number)
    );
    execute format('delete from %s', pgscore._queue_name(profile_number));
    execute format(
        'comment on table %s is %L', pgscore._queue_name(profile_number),
        'Work of transactions in flight: written by triggers, taken back at commit, never seen by another transaction'
    );
    perform pgscore._comment_columns(pgscore._queue_name(profile_number), jsonb_build_object(
        'transaction', 'The transaction', 'binding', 'The number of the binding; 0 for the apply function''s own mark',
        'task', 'move: add the deltas; undo: those that can be taken away, and recount the rest; recount, settle: recount all; recount all: of every profile; arrive, rekey: a profile is new or has a new key; rekeyed: it is stored with it; scored: rows are being stored with their scores',
        'keys', 'Keys of profiles', 'deltas', 'For each key, what the events add: a text array with an element for each reducer; for rekey, the former key'
    ));
    -- Events are queued already folded, a row for each statement, so this fires once for a statement of any size.
    execute format(
        'create constraint trigger apply after insert on %s deferrable initially deferred
        for each row execute function pgscore._apply_queue()',
        pgscore._queue_name(profile_number)
    );
    execute format(
        'comment on trigger apply on %s is %L', pgscore._queue_name(profile_number),
        'Runs when the transaction commits, or at SET CONSTRAINTS ALL IMMEDIATE'
    );
    execute format('grant select on %s to pgscore_applier', pgscore._queue_name(profile_number));
    execute format(
        'create table %s (slot integer primary key, transaction xid8) with (fillfactor = 50)', pgscore._arrival_name(profile_number)
    );
    execute format('insert into %s (slot) select generate_series(0, 63)', pgscore._arrival_name(profile_number));
    perform pgscore._comment_columns(pgscore._arrival_name(profile_number), jsonb_build_object(
        'slot', 'What keys hash to', 'transaction', 'The transaction that changed the row last'
    ));
    execute format(
        'comment on table %s is %L', pgscore._arrival_name(profile_number),
        'New profiles, and events that find no profile, change the row that their key hashes to: of two at the same time the later one waits, and then sees the other'
    );
end
$$;

comment on function pgscore._create_queue(integer) is 'Makes the tables that the bindings of a profile table share';
