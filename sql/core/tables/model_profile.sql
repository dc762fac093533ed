create table pgscore.model_profile (
    model text not null,
    profile regclass not null,
    schema_name name,
    table_name name,
    primary key (model, profile),
    constraint model_name_is_an_identifier check (model ~ '^[a-z_][a-z0-9_]*$' and octet_length(model) <= 50)
);

comment on table pgscore.model_profile is 'Profile tables that a model scores: typed functions are generated for each';
comment on column pgscore.model_profile.model is 'The model; it need not exist yet';
comment on column pgscore.model_profile.profile is 'A table that has the model''s inputs as columns';
comment on column pgscore.model_profile.schema_name is 'The schema in which it was last seen: what it is called when it was dropped';
comment on column pgscore.model_profile.table_name is 'The name by which it was last seen';
grant select on pgscore.model_profile to pgscore_reader;
