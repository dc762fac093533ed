create table pgscore.export (
    number integer generated always as identity primary key,
    exporter regrole not null default to_regrole(quote_ident(current_user)),
    binding integer not null references pgscore.binding (number) on delete cascade,
    target text not null,
    shape text,
    partitions oid[],
    snapshot pg_snapshot,
    server text,
    stamp uuid,
    versions jsonb,
    rows bigint,
    changed boolean,
    exported timestamptz,
    unique (exporter, binding, target),
    constraint all_is_known_of_what_was_exported check (
        num_nulls(exported, shape, partitions, snapshot, server, stamp, versions, rows, changed) in (0, 9)
    )
);

comment on table pgscore.export is 'What was exported last to each target: an export of changes goes on from there';
comment on column pgscore.export.number is 'What names it';
comment on column pgscore.export.exporter is 'The role that exports; it alone goes on from its own exports';
comment on column pgscore.export.binding is 'The binding whose profile table holds the scores';
comment on column pgscore.export.target is 'Where to, and how it is laid out there; without password';
comment on column pgscore.export.shape is 'The columns that were exported, by number, name and type: other ones are exported in full';
comment on column pgscore.export.partitions is 'The tables that held the rows: one that is attached later brings rows that nobody has written since';
comment on column pgscore.export.snapshot is 'The snapshot that was exported. A row may have changed since where its transaction is not before the oldest that was open then';
comment on column pgscore.export.server is 'Cluster, timeline and database whose transactions these are: after a restore or a failover numbers say nothing';
comment on column pgscore.export.stamp is 'What the target was marked with, so that one that was emptied or restored is noticed';
comment on column pgscore.export.versions is 'How many rows each version had scored; {} where the binding names no column for it';
comment on column pgscore.export.rows is 'How many rows were exported';
comment on column pgscore.export.changed is 'Whether these were changes since the export before, and not all rows';
comment on column pgscore.export.exported is 'When the last that succeeded took its snapshot; NULL: none has';

-- Whoever may read a profile table exports it, and keeps the account of it. The number is the database's to give.
grant select, delete on pgscore.export to pgscore_reader;
grant insert (binding, target) on pgscore.export to pgscore_reader;
grant update (shape, partitions, snapshot, server, stamp, versions, rows, changed, exported) on pgscore.export to pgscore_reader;
alter table pgscore.export enable row level security;
create policy own_exports on pgscore.export using (pg_get_userbyid(exporter) = current_user);
create policy operators_read_exports on pgscore.export for select to pgscore_operator using (true);
create policy owners_read_exports on pgscore.export for select
    using (
        exists (
            select from pgscore.binding b
            where b.number = export.binding and pg_has_role(current_user, b.owner::oid, 'usage')
        )
    );

comment on policy own_exports on pgscore.export is 'Who exports keeps the account of it';
comment on policy operators_read_exports on pgscore.export is 'Operators see where scores go';
comment on policy owners_read_exports on pgscore.export is 'The owner of a profile table sees where its scores go';
