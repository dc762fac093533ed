create unlogged table pgscore.crossing (
    transaction xid8 not null default pg_current_xact_id(),
    binding integer not null,
    key text not null,
    former double precision,
    primary key (transaction, binding, key)
);

comment on table pgscore.crossing is 'Scores that crossed a threshold in transactions in flight; taken back at commit, and never seen by another transaction';
comment on column pgscore.crossing.transaction is 'The transaction';
comment on column pgscore.crossing.binding is 'The binding''s number';
comment on column pgscore.crossing.key is 'A hash of the key of the profile row';
comment on column pgscore.crossing.former is 'The score before it crossed first in the transaction';

-- Functions of a profile table's owner write here, each for its own bindings.
grant select, delete on pgscore.crossing to pgscore_reader;
grant insert (binding, key, former) on pgscore.crossing to pgscore_reader;
alter table pgscore.crossing enable row level security;
create policy own_crossings on pgscore.crossing
    using (
        exists (
            select from pgscore.binding b
            where b.number = crossing.binding and pg_has_role(current_user, b.owner::oid, 'usage')
        )
    );

comment on policy own_crossings on pgscore.crossing is 'The owner of a profile table notes what crosses in its rows';
