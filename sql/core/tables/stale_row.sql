create table pgscore.stale_row (
    binding integer not null references pgscore.binding (number) on delete cascade,
    key text not null,
    cause text not null default 'score',
    reason text not null,
    since timestamptz not null default now(),
    primary key (binding, key, cause),
    constraint cause_is_known check (cause in ('score', 'backfill'))
);

comment on table pgscore.stale_row is 'Profile rows whose score is not right: they keep their last score until it can be computed';
comment on column pgscore.stale_row.binding is 'The binding';
comment on column pgscore.stale_row.key is 'The key of the profile row';
comment on column pgscore.stale_row.cause is 'score: the model could not score it; backfill: events from before the tables were attached are not counted yet';
comment on column pgscore.stale_row.reason is 'Why, at the last try';
comment on column pgscore.stale_row.since is 'When it first failed since it last succeeded';

-- Functions of a profile table's owner write here, each for its own bindings.
grant select, insert, update, delete on pgscore.stale_row to pgscore_reader;
alter table pgscore.stale_row enable row level security;
create policy own_bindings on pgscore.stale_row
    using (
        exists (
            select from pgscore.binding b
            where b.number = stale_row.binding and pg_has_role(current_user, b.owner::oid, 'usage')
        )
    );

create policy read_all on pgscore.stale_row for select to pgscore_operator using (true);

comment on policy own_bindings on pgscore.stale_row is 'The owner of a profile table keeps the list of its rows; the view pgscore.stale shows all of them';
comment on policy read_all on pgscore.stale_row is 'Operators see all of them';

create view pgscore.stale as
select b.name as binding, s.key, s.cause, s.reason, s.since
from pgscore.stale_row s join pgscore.binding b on b.number = s.binding;

comment on view pgscore.stale is 'Profile rows whose score is not right, with the reason and the time since when';
comment on column pgscore.stale.binding is 'The binding';
comment on column pgscore.stale.key is 'The key of the profile row';
comment on column pgscore.stale.cause is 'score: the model could not score it; backfill: events from before the tables were attached are not counted yet';
comment on column pgscore.stale.reason is 'Why, at the last try';
comment on column pgscore.stale.since is 'When it first failed since it last succeeded';
grant select on pgscore.stale to pgscore_operator;
