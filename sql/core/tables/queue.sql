-- Rows of transactions in flight only: written by statement triggers, taken back at commit, never seen by another
-- transaction. Unlogged: a crash leaves no transaction in flight. The index finds a transaction's own rows among dead ones.
create unlogged table pgscore.queue (
    transaction xid8 not null default pg_current_xact_id(),
    queued_by name not null default current_user,
    binding integer not null,
    task text not null,
    keys text[] not null,
    deltas text[],
    constraint task_is_known check (task in ('move', 'recount', 'recount all', 'arrive', 'rekey', 'refresh')),
    constraint one_delta_for_a_key check (cardinality(keys) = cardinality(deltas))
)
with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = -1);

create index queue_transaction on pgscore.queue (transaction);

comment on table pgscore.queue is 'Folded events of transactions in flight';
comment on column pgscore.queue.transaction is 'The transaction';
comment on column pgscore.queue.queued_by is 'Who queued it; nobody may name another: owners queue for their own bindings only';
comment on column pgscore.queue.binding is 'Number of the binding';
comment on column pgscore.queue.task is
    'move: add the deltas; recount: from the events; recount all: every profile; arrive, rekey: a profile that is new or has a new key; refresh: the score only';
comment on column pgscore.queue.keys is 'Keys of profiles';
comment on column pgscore.queue.deltas is
    'For each key, what is added to the columns that add up, as an array of numbers in text form; for rekey, the former key';
