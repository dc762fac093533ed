create table pgscore.model (
    name text primary key,
    serving integer,
    one_engine text,
    many_engine text,
    engine text,
    created_at timestamptz not null default now(),
    created_by name not null default session_user,
    constraint serving_has_engines check ((serving is null) = (one_engine is null) and (serving is null) = (many_engine is null)),
    constraint model_name_is_an_identifier check (name ~ '^[a-z_][a-z0-9_]*$' and octet_length(name) <= 50)
);

comment on table pgscore.model is 'Models by name';
comment on column pgscore.model.name is 'An identifier of at most 50 characters; functions are generated under it';
comment on column pgscore.model.serving is 'The version that answers; NULL until one is promoted';
comment on column pgscore.model.one_engine is 'The engine that scores one row; chosen when the version was promoted';
comment on column pgscore.model.many_engine is 'The engine that scores many rows; chosen when the version was promoted';
comment on column pgscore.model.engine is 'The engine that an operator named for both; NULL where they were chosen by measuring';
comment on column pgscore.model.created_at is 'When its first version was published';
comment on column pgscore.model.created_by is 'The login role that published it first';
grant select on pgscore.model to pgscore_reader;
