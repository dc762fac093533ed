create type pgscore.reducer_sql as (
    ordinal integer,
    reducer jsonb,
    target name,
    problem text,
    kind text,
    delta text,
    is_whole boolean,
    is_finite boolean,
    looks_by name,
    looks_down boolean,
    event_fits text[],
    profile_fits text[],
    one text,
    folded text,
    signed text,
    merged text,
    grown text,
    recounted text,
    differs text
);

comment on type pgscore.reducer_sql is 'A reducer between two tables, as an aggregate''s file sees it: what is wrong with it, and the SQL for each thing that generated functions do with it';
comment on column pgscore.reducer_sql.ordinal is 'Its place in the list of the binding';
comment on column pgscore.reducer_sql.reducer is 'The reducer, as the binding holds it';
comment on column pgscore.reducer_sql.target is 'The profile''s column';
comment on column pgscore.reducer_sql.problem is 'What is wrong with it, in a sentence; NULL where nothing is';
comment on column pgscore.reducer_sql.kind is 'add: events add to the value and can be taken away again; grow: new events move it, and otherwise it is recounted; look: it is always recounted';
comment on column pgscore.reducer_sql.delta is 'The type of what events bring, with the collation; NULL for look';
comment on column pgscore.reducer_sql.is_whole is 'Whether each event brings something, so that none can be left out';
comment on column pgscore.reducer_sql.is_finite is 'false where they may bring NaN or infinity, which cannot be taken away again';
comment on column pgscore.reducer_sql.looks_by is 'The events'' column by which values are looked up, which an index helps; NULL: all events of the key are read';
comment on column pgscore.reducer_sql.looks_down is 'true where they are looked up from the largest down, with NULL after all others';
comment on column pgscore.reducer_sql.event_fits is 'SQL on events, {{row}}, that is never computed, and that PostgreSQL refuses where a column has got a type that would make values wrong';
comment on column pgscore.reducer_sql.profile_fits is 'The same on profiles, {{row}}';
comment on column pgscore.reducer_sql.one is 'What one event, e, brings; NULL for nothing';
comment on column pgscore.reducer_sql.folded is 'What inserted events, e, of one key bring';
comment on column pgscore.reducer_sql.signed is 'What events, e, of one key bring that come where e.pgscore_sign is 1 and go where it is -1; NULL unless the kind is add';
comment on column pgscore.reducer_sql.merged is 'What several queued deltas, w, bring together';
comment on column pgscore.reducer_sql.grown is 'The profile''s column, from {{present}} and {{delta}}';
comment on column pgscore.reducer_sql.recounted is 'What all events of a key give: a query, to which $1 and so on are the parts of the key';
comment on column pgscore.reducer_sql.differs is 'Whether {{present}} is another value than {{recounted}}; NULL where events that are there do not tell the value';
grant usage on type pgscore.reducer_sql to pgscore_reader;
