create table pgscore.stream_offset (
    consumer regrole not null default to_regrole(quote_ident(current_user)),
    consumer_group text not null,
    topic text not null,
    partition integer not null,
    topic_id text not null,
    next_offset bigint not null,
    claim uuid not null,
    claimed_at timestamptz not null default now(),
    moved_at timestamptz,
    primary key (consumer, consumer_group, topic, partition),
    constraint offset_is_no_less_than_0 check (next_offset >= 0),
    constraint partition_is_no_less_than_0 check (partition >= 0)
);

comment on table pgscore.stream_offset is 'How far consumers of streams have come: it moves in the transaction that stores what the messages have done, so each is done once';
comment on column pgscore.stream_offset.consumer is 'The role that consumes';
comment on column pgscore.stream_offset.consumer_group is 'The group of consumers that share the topic''s partitions';
comment on column pgscore.stream_offset.topic is 'The topic';
comment on column pgscore.stream_offset.partition is 'The partition of it';
comment on column pgscore.stream_offset.topic_id is 'What the broker knows the topic by: one that was made anew under the same name has another, and its offsets mean other messages';
comment on column pgscore.stream_offset.next_offset is 'The first message that was not done yet';
comment on column pgscore.stream_offset.claim is 'Of the worker that was given the partition last: who holds another one stores nothing any more';
comment on column pgscore.stream_offset.claimed_at is 'When that worker was given it';
comment on column pgscore.stream_offset.moved_at is 'When the last messages were done; NULL: none were';

-- Whoever consumes keeps here how far they have come. Groups of one name that belong to several roles know nothing of each other.
grant select, delete on pgscore.stream_offset to pgscore_reader;
grant insert (consumer_group, topic, partition, topic_id, next_offset, claim) on pgscore.stream_offset to pgscore_reader;
grant update (topic_id, next_offset, claim, claimed_at, moved_at) on pgscore.stream_offset to pgscore_reader;
alter table pgscore.stream_offset enable row level security;
create policy own_offsets on pgscore.stream_offset using (pg_get_userbyid(consumer) = current_user);
create policy operators_read_offsets on pgscore.stream_offset for select to pgscore_operator using (true);

comment on policy own_offsets on pgscore.stream_offset is 'Who consumes keeps the offsets of their own groups';
comment on policy operators_read_offsets on pgscore.stream_offset is 'Operators see how far each has come';
