create table pgscore.stream_batch (
    consumer regrole not null default to_regrole(quote_ident(current_user)),
    consumer_group text not null,
    checkpoint uuid not null,
    batch bigint not null check (batch >= 0),
    stored timestamptz not null default now(),
    primary key (consumer, consumer_group, checkpoint)
);

comment on table pgscore.stream_batch is 'Which batch of each checkpoint of Spark''s a streaming query has stored last, in the transaction that stored its effects';
comment on column pgscore.stream_batch.consumer is 'The role that consumes; it alone goes on from its own batches';
comment on column pgscore.stream_batch.consumer_group is 'The query''s name';
comment on column pgscore.stream_batch.checkpoint is 'The query''s identifier, which its checkpoint keeps: another checkpoint counts its own batches';
comment on column pgscore.stream_batch.batch is 'The batch: what comes next is the one behind it, and what is not behind it was stored already';
comment on column pgscore.stream_batch.stored is 'When';

-- Whoever may write events or profiles consumes, and keeps the account of it.
grant select, delete on pgscore.stream_batch to pgscore_reader;
grant insert (consumer_group, checkpoint, batch) on pgscore.stream_batch to pgscore_reader;
grant update (batch, stored) on pgscore.stream_batch to pgscore_reader;
alter table pgscore.stream_batch enable row level security;
create policy own_batches on pgscore.stream_batch using (pg_get_userbyid(consumer) = current_user);
create policy operators_read_batches on pgscore.stream_batch for select to pgscore_operator using (true);

comment on policy own_batches on pgscore.stream_batch is 'Who consumes keeps the account of it';
comment on policy operators_read_batches on pgscore.stream_batch is 'Operators see how far streams have come';
