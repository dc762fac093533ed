create sequence pgscore.score_change_ordinal;

comment on sequence pgscore.score_change_ordinal is 'Orders the changes of scores that have one position';
grant usage on sequence pgscore.score_change_ordinal to pgscore_reader;

-- The position is never less than the transaction that writes, so nothing comes in below the oldest one in flight. And of
-- one row it never falls: who changes a row after another transaction has a snapshot in which that one is completed. The
-- transaction's number alone would not do, since a transaction may change a row after one that began later.
create table pgscore.score_change (
    position xid8 not null default greatest(
        pg_current_xact_id(), (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text::xid8
    ),
    ordinal bigint not null default nextval('pgscore.score_change_ordinal'),
    at timestamptz not null default clock_timestamp(),
    binding text not null,
    owner regrole not null,
    model text not null,
    key text not null,
    former double precision,
    score double precision,
    version integer
) partition by range (at);

create table pgscore.score_change_default partition of pgscore.score_change default;

-- By itself it is nobody's: who may read or write goes by the parent.
alter table pgscore.score_change_default enable row level security;

create index score_change_position on pgscore.score_change (position, ordinal);

comment on table pgscore.score_change is 'Changes of scores, of the bindings that want them told; pgscore.score_changes reads them in order, without gaps';
comment on column pgscore.score_change.position is 'The transaction, or a later one that another change of the row may have had before';
comment on column pgscore.score_change.ordinal is 'Counts up';
comment on column pgscore.score_change.at is 'When';
comment on column pgscore.score_change.binding is 'The binding that told it';
comment on column pgscore.score_change.owner is 'The owner of the binding''s tables';
comment on column pgscore.score_change.model is 'The model';
comment on column pgscore.score_change.key is 'The key of the profile row';
comment on column pgscore.score_change.former is 'The score before; NULL: there was none';
comment on column pgscore.score_change.score is 'The score; NULL: there is none any more, or no such row';
comment on column pgscore.score_change.version is 'The version that gave it; NULL where the binding names no column for it';
comment on table pgscore.score_change_default is 'Changes of times for which no partition was made';

-- Functions of a profile table's owner write here, each for its own bindings.
grant select on pgscore.score_change to pgscore_reader;
grant insert (binding, owner, model, key, former, score, version) on pgscore.score_change to pgscore_reader;
alter table pgscore.score_change enable row level security;
create policy tell_own on pgscore.score_change for insert
    with check (
        pg_get_userbyid(owner) = current_user
        and exists (
            select from pgscore.binding b
            where b.name = score_change.binding and b.owner = score_change.owner and b.model = score_change.model
        )
    );
create policy read_own_changes on pgscore.score_change for select using (pg_has_role(current_user, owner::oid, 'usage'));
create policy read_all_changes on pgscore.score_change for select to pgscore_operator using (true);

comment on policy tell_own on pgscore.score_change is 'The owner of a profile table tells of its rows';
comment on policy read_own_changes on pgscore.score_change is 'Owners, and members of them, read what their bindings told';
comment on policy read_all_changes on pgscore.score_change is 'Operators read what all bindings told';

create table pgscore.pruned_change (
    model text primary key,
    position xid8 not null,
    ordinal bigint not null
);

comment on table pgscore.pruned_change is 'Up to where changes of scores were pruned: who has read less than that has missed some';
comment on column pgscore.pruned_change.model is 'The model';
comment on column pgscore.pruned_change.position is 'The position of the last of those that were pruned';
comment on column pgscore.pruned_change.ordinal is 'Its ordinal';
grant select on pgscore.pruned_change to pgscore_reader;

-- A row for each outbox that has left changes here: the one of this database, and that of a dump that was restored.
create table pgscore.change_origin (
    server text not null
);

comment on table pgscore.change_origin is 'Where the changes of scores were written, as pgscore._change_server says it: another place is one that a dump came from';
comment on column pgscore.change_origin.server is 'The cluster and the table';
grant select on pgscore.change_origin to pgscore_reader;

create table pgscore.change_consumer (
    reader regrole not null default current_user::regrole,
    name text not null,
    position text not null,
    moved_at timestamptz not null default now(),
    primary key (reader, name)
);

comment on table pgscore.change_consumer is 'How far consumers have read the changes of scores; pgscore listen keeps it';
comment on column pgscore.change_consumer.reader is 'Whose consumer it is';
comment on column pgscore.change_consumer.name is 'What it is called';
comment on column pgscore.change_consumer.position is 'The position of the last change that was done with';
comment on column pgscore.change_consumer.moved_at is 'When that was';

grant select, insert, update, delete on pgscore.change_consumer to pgscore_reader;
alter table pgscore.change_consumer enable row level security;
create policy own_positions on pgscore.change_consumer using (pg_has_role(current_user, reader::oid, 'usage'));
create policy read_all_positions on pgscore.change_consumer for select to pgscore_operator using (true);

comment on policy own_positions on pgscore.change_consumer is 'Readers keep the positions of their own consumers';
comment on policy read_all_positions on pgscore.change_consumer is 'Operators see how far each has come';
