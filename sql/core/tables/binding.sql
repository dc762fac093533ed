create table pgscore.binding (
    name text primary key,
    events regclass not null,
    profile regclass not null,
    model text not null,
    event_key name not null,
    profile_key name not null,
    reducers jsonb not null,
    score name not null,
    version name,
    scored_at name,
    timing text not null default 'commit',
    on_error text not null default 'keep',
    log boolean not null default true,
    apply_schema name not null,
    apply_function name not null,
    unique (events, profile),
    constraint timing_is_known check (timing in ('commit')),
    constraint on_error_is_known check (on_error in ('keep', 'abort')),
    constraint reducers_are_a_list check (jsonb_typeof(reducers) = 'array')
);

comment on table pgscore.binding is 'Ties of an event table to a profile table';
comment on column pgscore.binding.name is 'The event table, as it was called when it was bound';
comment on column pgscore.binding.events is 'The table that applications insert into';
comment on column pgscore.binding.profile is 'The table whose counters move and whose rows are scored';
comment on column pgscore.binding.model is 'The model that scores; it need not exist yet';
comment on column pgscore.binding.event_key is 'The events'' column that names the profile';
comment on column pgscore.binding.profile_key is 'The profile''s column that it names';
comment on column pgscore.binding.reducers is 'How events change the profile: [{"column": …, "aggregate": …}]';
comment on column pgscore.binding.score is 'The profile''s column for the score';
comment on column pgscore.binding.version is 'The profile''s column for the version that gave the score';
comment on column pgscore.binding.scored_at is 'The profile''s column for the time of the score';
comment on column pgscore.binding.timing is 'commit: profiles change when the transaction commits';
comment on column pgscore.binding.on_error is 'keep: a failing model leaves the row stale; abort: it fails the transaction';
comment on column pgscore.binding.log is 'Whether scores are written to pgscore.prediction_log';
comment on column pgscore.binding.apply_schema is 'Schema of the function that moves the counters and stores the scores';
comment on column pgscore.binding.apply_function is 'Name of that function';
grant select on pgscore.binding to pgscore_reader;
