create table pgscore.reconciliation (
    binding integer primary key references pgscore.binding (number) on delete cascade,
    repair boolean not null,
    last_key text[],
    checked bigint not null default 0,
    differing bigint not null default 0,
    started timestamptz not null default now(),
    finished timestamptz
);

comment on table pgscore.reconciliation is 'How far the comparison of counters with events has come; one that was interrupted goes on from there';
comment on column pgscore.reconciliation.binding is 'The binding';
comment on column pgscore.reconciliation.repair is 'Whether it mends what differs';
comment on column pgscore.reconciliation.last_key is 'The key of the last profile that was compared, a text for each column';
comment on column pgscore.reconciliation.checked is 'How many profiles were compared';
comment on column pgscore.reconciliation.differing is 'How many of them held other counters than their events give';
comment on column pgscore.reconciliation.started is 'When it began';
comment on column pgscore.reconciliation.finished is 'When it came to the last profile; NULL: it has not';

-- Functions of a profile table's owner write here, each for its own bindings.
grant select, insert, update, delete on pgscore.reconciliation to pgscore_reader;
alter table pgscore.reconciliation enable row level security;
create policy own_bindings on pgscore.reconciliation
    using (
        exists (
            select from pgscore.binding b
            where b.number = reconciliation.binding and pg_has_role(current_user, b.owner::oid, 'usage')
        )
    );
create policy read_all on pgscore.reconciliation for select to pgscore_operator using (true);

comment on policy own_bindings on pgscore.reconciliation is 'The owner of a profile table keeps the state of its rows';
comment on policy read_all on pgscore.reconciliation is 'Operators see how far each has come';
