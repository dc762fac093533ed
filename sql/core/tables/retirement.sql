create table pgscore.retirement (
    model text not null,
    version integer not null,
    retired_at timestamptz not null default now(),
    retired_by name not null default session_user,
    pruned_at timestamptz,
    pruned_by name,
    primary key (model, version),
    foreign key (model, version) references pgscore.model_version (model, version),
    constraint pruned_by_somebody check ((pruned_at is null) = (pruned_by is null))
);

comment on table pgscore.retirement is 'Versions that are not to be promoted any more';
comment on column pgscore.retirement.model is 'The model';
comment on column pgscore.retirement.version is 'The version';
comment on column pgscore.retirement.retired_at is 'When it was retired';
comment on column pgscore.retirement.retired_by is 'The login role that retired it';
comment on column pgscore.retirement.pruned_at is 'When its artifact was removed; NULL while it is there';
comment on column pgscore.retirement.pruned_by is 'The login role that removed it';
grant select on pgscore.retirement to pgscore_reader;
