create table pgscore.binding (
    number integer generated always as identity primary key,
    name text not null,
    owner regrole not null,
    events regclass not null,
    profile regclass not null,
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
    event_schema name not null,
    event_prefix name not null,
    profile_schema name not null,
    profile_prefix name not null,
    columns jsonb not null default '{}',
    notify_above double precision,
    notify_below double precision,
    changes boolean not null default false,
    reasons name,
    top integer,
    unique (events, profile, model),
    unique (name, owner),
    constraint timing_is_known check (timing in ('commit', 'statement')),
    constraint on_error_is_known check (on_error in ('keep', 'abort')),
    constraint on_missing_is_known check (on_missing in ('ignore', 'insert', 'error')),
    constraint max_scoring_ms_is_positive check (max_scoring_ms > 0),
    constraint top_is_positive check (top > 0),
    constraint reasons_have_a_top check (reasons is null or top is not null),
    constraint keys_match check (cardinality(event_key) = cardinality(profile_key)),
    constraint prefixes_are_ours check (starts_with(event_prefix, '_pgscore_') and starts_with(profile_prefix, '_pgscore_')),
    constraint reducers_are_a_list check (jsonb_typeof(reducers) = 'array')
);

comment on table pgscore.binding is 'Ties of an event table to a profile table; pgscore.attach makes them and changes them, because functions are generated from them';
comment on column pgscore.binding.number is 'What generated functions name the binding by';
comment on column pgscore.binding.name is 'The event table, as it was called when it was attached, and more where that is not unique; unique for each owner';
comment on column pgscore.binding.owner is 'Who owned both tables when they were attached: all that is generated belongs to this role and has its rights';
comment on column pgscore.binding.events is 'The table that applications insert into';
comment on column pgscore.binding.profile is 'The table whose counters move and whose rows are scored';
comment on column pgscore.binding.model is 'The model that scores; it need not exist yet';
comment on column pgscore.binding.event_key is 'The events'' columns that name the profile';
comment on column pgscore.binding.profile_key is 'The profile''s columns that they name';
comment on column pgscore.binding.reducers is 'How events change the profile: [{"column": ..., "aggregate": ...}]';
comment on column pgscore.binding.score is 'The profile''s column for the score';
comment on column pgscore.binding.version is 'The profile''s column for the version that gave the score';
comment on column pgscore.binding.scored_at is 'The profile''s column for the time of the score';
comment on column pgscore.binding.timing is 'commit: profiles change when the transaction commits; statement: at the end of each statement';
comment on column pgscore.binding.on_error is 'keep: a failing model leaves the row stale; abort: it fails the transaction';
comment on column pgscore.binding.on_missing is 'Events without a profile; ignore: they are counted when it comes; insert: it is made; error: they fail';
comment on column pgscore.binding.max_scoring_ms is 'Milliseconds after which the rest of many rows goes without a score, at the next thousand; NULL: never';
comment on column pgscore.binding.log is 'Whether scores are written to pgscore.prediction_log';
comment on column pgscore.binding.event_schema is 'The schema in which the event table''s functions stand';
comment on column pgscore.binding.event_prefix is 'What the names of the event table''s functions begin with';
comment on column pgscore.binding.profile_schema is 'The schema in which the profile table''s functions and tables stand';
comment on column pgscore.binding.profile_prefix is 'What the names of the profile table''s functions and tables begin with';
comment on column pgscore.binding.columns is 'The columns that it names, with their numbers in pg_attribute: reattach finds by these what was renamed';
comment on column pgscore.binding.notify_above is 'NOTIFY pgscore tells of scores that rise above it; NULL: of none';
comment on column pgscore.binding.notify_below is 'NOTIFY pgscore tells of scores that fall below it; NULL: of none';
comment on column pgscore.binding.changes is 'Whether changes of the score are written to pgscore.score_change';
comment on column pgscore.binding.reasons is 'The profile''s column for the inputs that add most to the score; NULL: they are not stored';
comment on column pgscore.binding.top is 'How many of them';

-- Attach runs with its caller's rights, and writes here what is about the caller's own tables. The number is not theirs
-- to choose: one that was taken ahead would stand in another owner's way.
grant select, delete on pgscore.binding to pgscore_reader;
grant insert (
    name, owner, events, profile, model, event_key, profile_key, reducers, score, version, scored_at, timing, on_error, on_missing,
    max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix, columns, notify_above, notify_below, changes, reasons, top
) on pgscore.binding to pgscore_reader;
grant update (
    owner, event_key, profile_key, reducers, score, version, scored_at, columns, timing, on_error, on_missing, max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix,
    notify_above, notify_below, changes, reasons, top
) on pgscore.binding to pgscore_reader;
alter table pgscore.binding enable row level security;
create policy read_all on pgscore.binding for select using (true);
create policy attach_own on pgscore.binding for insert
    with check (
        pg_has_role(current_user, owner::oid, 'usage')
        and not exists (
            select from (values (events, event_schema), (profile, profile_schema)) as t (relation, space)
            where not exists (
                select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                where c.oid = t.relation and c.relowner = binding.owner and n.nspname = t.space
            )
        )
    );
create policy change_own on pgscore.binding for update
    using (
        exists (
            select from pg_catalog.pg_class c
            where c.oid in (events, profile) and pg_has_role(current_user, c.relowner, 'usage')
        )
    )
    with check (
        pg_has_role(current_user, owner::oid, 'usage')
        and not exists (
            select from (values (events, event_schema), (profile, profile_schema)) as t (relation, space)
            where not exists (
                select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                where c.oid = t.relation and c.relowner = binding.owner and n.nspname = t.space
            )
        )
    );
create policy detach_own on pgscore.binding for delete
    using (
        exists (select from pg_catalog.pg_roles r where r.oid = owner and pg_has_role(current_user, r.oid, 'usage'))
        or exists (
            select from pg_catalog.pg_class c
            where c.oid in (events, profile) and pg_has_role(current_user, c.relowner, 'usage')
        )
    );

comment on policy read_all on pgscore.binding is 'Whoever reads pgscore sees all bindings';
comment on policy attach_own on pgscore.binding is 'Owners of two tables, and members of them, attach these and no others';
comment on policy change_own on pgscore.binding is 'Who owns the tables changes their binding; it stays about tables of one owner';
comment on policy detach_own on pgscore.binding is 'Who owns one of the tables, or owned them when they were attached, detaches them';
