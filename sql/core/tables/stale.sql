create table pgscore.stale (
    binding text not null references pgscore.binding (name) on delete cascade,
    key text not null,
    reason text not null,
    since timestamptz not null default now(),
    primary key (binding, key)
);

comment on table pgscore.stale is 'Profile rows whose score could not be computed: they keep their last score until it can';
comment on column pgscore.stale.binding is 'The binding';
comment on column pgscore.stale.key is 'The key of the profile row';
comment on column pgscore.stale.reason is 'Why, at the last try';
comment on column pgscore.stale.since is 'When it first failed since it last succeeded';
grant select on pgscore.stale to pgscore_operator;
