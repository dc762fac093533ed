create table pgscore.model_profile (
    model text not null references pgscore.model (name),
    profile regclass not null,
    primary key (model, profile)
);

comment on table pgscore.model_profile is 'Profile tables that a model scores: typed functions are generated for each';
comment on column pgscore.model_profile.model is 'The model';
comment on column pgscore.model_profile.profile is 'A table that has the model''s inputs as columns';
grant select on pgscore.model_profile to pgscore_reader;
