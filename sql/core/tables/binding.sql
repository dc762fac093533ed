create table pgscore.binding (
    number integer primary key,
    name text not null unique,
    events regclass not null,
    profile regclass not null,
    model text not null,
    event_key name not null,
    profile_key name not null,
    key_type text not null,
    reducers jsonb not null,
    score name not null,
    version name,
    scored_at name,
    timing text not null default 'commit',
    on_error text not null default 'keep',
    on_missing text not null default 'ignore',
    log boolean not null default true,
    events_owner regrole not null,
    profile_owner regrole not null,
    profile_number integer not null,
    unique (events, profile, model),
    constraint timing_is_known check (timing in ('commit', 'statement')),
    constraint on_error_is_known check (on_error in ('keep', 'abort')),
    constraint on_missing_is_known check (on_missing in ('ignore', 'insert', 'error')),
    constraint reducers_are_a_list check (jsonb_typeof(reducers) = 'array')
);

comment on table pgscore.binding is 'Ties of an event table to a profile table';
comment on column pgscore.binding.number is 'A small number; names of generated functions and triggers hold it';
comment on column pgscore.binding.name is 'The event table, as it was called when it was bound, and more where that is not unique';
comment on column pgscore.binding.events is 'The table that applications insert into';
comment on column pgscore.binding.profile is 'The table whose counters move and whose rows are scored';
comment on column pgscore.binding.model is 'The model that scores; it need not exist yet';
comment on column pgscore.binding.event_key is 'The events'' column that names the profile';
comment on column pgscore.binding.profile_key is 'The profile''s column that it names';
comment on column pgscore.binding.key_type is 'The type that keys are compared in: bigint, uuid or text';
comment on column pgscore.binding.reducers is 'How events change the profile: [{"column": …, "aggregate": …}]';
comment on column pgscore.binding.score is 'The profile''s column for the score';
comment on column pgscore.binding.version is 'The profile''s column for the version that gave the score';
comment on column pgscore.binding.scored_at is 'The profile''s column for the time of the score';
comment on column pgscore.binding.timing is 'commit: profiles change when the transaction commits; statement: at the end of each statement';
comment on column pgscore.binding.on_error is 'keep: a failing model leaves the row stale; abort: it fails the transaction';
comment on column pgscore.binding.on_missing is 'Events without a profile; ignore: they are counted when it comes; insert: it is made; error: they fail';
comment on column pgscore.binding.log is 'Whether scores are written to pgscore.prediction_log';
comment on column pgscore.binding.events_owner is 'Who owned the event table when it was bound: its trigger functions run as this role';
comment on column pgscore.binding.profile_owner is 'Who owned the profile table when it was bound: profiles are changed as this role';
comment on column pgscore.binding.profile_number is 'The number in names of functions and triggers that all bindings of the profile table share';
grant select on pgscore.binding to pgscore_reader;
