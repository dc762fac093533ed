create table pgscore.bound_profile (
    number integer primary key,
    profile regclass not null unique,
    owner regrole not null
);

comment on table pgscore.bound_profile is 'Profile tables that bindings score; each has a queue of its own';
comment on column pgscore.bound_profile.number is 'A small number; names of generated functions, triggers and tables hold it';
comment on column pgscore.bound_profile.profile is 'The table';
comment on column pgscore.bound_profile.owner is 'Who owned it when it was bound: profiles are changed with this role''s rights';
grant select on pgscore.bound_profile to pgscore_reader;
