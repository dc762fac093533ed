-- Rows of transactions in flight only: written by statement triggers, taken back at commit, never seen by another
-- transaction. Unlogged: a crash leaves no transaction in flight. The index finds a transaction's own rows among dead ones.
create unlogged table pgscore.queue (
    transaction xid8 not null default pg_current_xact_id(),
    binding text not null,
    keys text[] not null,
    deltas bigint[] not null,
    constraint one_delta_for_a_key check (cardinality(keys) = cardinality(deltas))
)
with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = -1);

create index queue_transaction on pgscore.queue (transaction);

comment on table pgscore.queue is 'Folded events of transactions in flight';
comment on column pgscore.queue.transaction is 'The transaction';
comment on column pgscore.queue.binding is 'The binding that they belong to';
comment on column pgscore.queue.keys is 'Keys of profiles';
comment on column pgscore.queue.deltas is 'For each key, what is added to the counter';
