create table pgscore.confirmed_type (
    model text not null,
    version integer not null,
    type text not null,
    confirmed_at timestamptz not null default now(),
    confirmed_by name not null default session_user,
    primary key (model, version, type),
    foreign key (model, version) references pgscore.model_version (model, version)
);

comment on table pgscore.confirmed_type is 'Types that a skops artifact may make beside those that skops itself trusts, confirmed by an operator';
comment on column pgscore.confirmed_type.model is 'The model';
comment on column pgscore.confirmed_type.version is 'The version';
comment on column pgscore.confirmed_type.type is 'The type''s full name, one of those that the version''s contract names';
comment on column pgscore.confirmed_type.confirmed_at is 'When it was confirmed';
comment on column pgscore.confirmed_type.confirmed_by is 'The login role that confirmed it';
grant select on pgscore.confirmed_type to pgscore_reader;
