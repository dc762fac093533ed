create table pgscore.binding (
    number integer primary key,
    name text not null unique,
    events regclass not null,
    profile regclass not null,
    profile_number integer not null references pgscore.bound_profile (number),
    model text not null,
    event_key name[] not null,
    profile_key name[] not null,
    reducers jsonb not null,
    score name not null,
    version name,
    scored_at name,
    timing text not null,
    on_error text not null,
    on_missing text not null,
    max_scoring_ms integer,
    log boolean not null,
    events_owner regrole not null,
    profile_owner regrole not null,
    unique (events, profile, model),
    constraint timing_is_known check (timing in ('commit', 'statement')),
    constraint on_error_is_known check (on_error in ('keep', 'abort')),
    constraint on_missing_is_known check (on_missing in ('ignore', 'insert', 'error')),
    constraint max_scoring_ms_is_positive check (max_scoring_ms > 0),
    constraint keys_match check (cardinality(event_key) = cardinality(profile_key)),
    constraint reducers_are_a_list check (jsonb_typeof(reducers) = 'array')
);

comment on table pgscore.binding is 'Ties of an event table to a profile table; pgscore.attach makes them and changes them, because functions are generated from them';
comment on column pgscore.binding.number is 'A small number; names of generated functions and triggers hold it';
comment on column pgscore.binding.name is 'The event table, as it was called when it was bound, and more where that is not unique';
comment on column pgscore.binding.events is 'The table that applications insert into';
comment on column pgscore.binding.profile is 'The table whose counters move and whose rows are scored';
comment on column pgscore.binding.profile_number is 'The number that all bindings of the profile table share';
comment on column pgscore.binding.model is 'The model that scores; it need not exist yet';
comment on column pgscore.binding.event_key is 'The events'' columns that name the profile';
comment on column pgscore.binding.profile_key is 'The profile''s columns that they name';
comment on column pgscore.binding.reducers is 'How events change the profile: [{"column": …, "aggregate": …}]';
comment on column pgscore.binding.score is 'The profile''s column for the score';
comment on column pgscore.binding.version is 'The profile''s column for the version that gave the score';
comment on column pgscore.binding.scored_at is 'The profile''s column for the time of the score';
comment on column pgscore.binding.timing is 'commit: profiles change when the transaction commits; statement: at the end of each statement';
comment on column pgscore.binding.on_error is 'keep: a failing model leaves the row stale; abort: it fails the transaction';
comment on column pgscore.binding.on_missing is 'Events without a profile; ignore: they are counted when it comes; insert: it is made; error: they fail';
comment on column pgscore.binding.max_scoring_ms is 'Milliseconds after which the rest of many rows goes without a score, at the next thousand; NULL: never';
comment on column pgscore.binding.log is 'Whether scores are written to pgscore.prediction_log';
comment on column pgscore.binding.events_owner is 'Who owned the event table when it was bound: its trigger functions have this role''s rights';
comment on column pgscore.binding.profile_owner is 'Who owned the profile table when it was bound';
grant select on pgscore.binding to pgscore_reader;
