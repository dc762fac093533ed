create function pgscore._events_without_profile_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Events that went away again leave nobody missing.
    select format(
        e'w.pgscore_binding = %s and w.pgscore_task in (''move'', ''undo'', ''recount'')\n    and not exists (select from %s p where %s)\n    and (select r.any_event from %s(%s, false%s) r)',
        b.number, b.profile, pgscore._match_sql(b.profile_key, 'p', b.profile_key, 'w'), pgscore._event_object(b, 'recount'),
        pgscore._columns_sql(b.profile_key, 'w'), case when pgscore._due_column(b) is not null then ', null' end
    )
$$;

comment on function pgscore._events_without_profile_sql(pgscore.binding) is 'SQL that says whether work, w, is about events that find no profile';
grant execute on function pgscore._events_without_profile_sql(pgscore.binding) to pgscore_reader;

create function pgscore._missing_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case b.on_missing
        when 'error' then pgscore._fill(pgscore._missing_error_template(), jsonb_build_object(
            'key_text', pgscore._key_text_sql(b.profile_key, 'w'), 'events_without', pgscore._events_without_profile_sql(b),
            'profile', quote_literal(b.profile), 'key_names', quote_literal(array_to_string(b.profile_key, ', ')), 'events', quote_literal(b.events)
        ))
        when 'insert' then pgscore._fill(pgscore._missing_insert_template(), jsonb_build_object(
            'keys', pgscore._columns_sql(b.profile_key, 'w'), 'events_without', pgscore._events_without_profile_sql(b),
            'profile_table', b.profile, 'key_columns', pgscore._columns_sql(b.profile_key),
            'missing_keys', pgscore._columns_sql(b.profile_key, 'm'),
            'missing_order', (
                select string_agg(format('m.%I%s', k.name, case t.type when 'text' then ' collate "C"' end), ', ' order by ordinal)
                from unnest(b.profile_key) with ordinality as k (name, ordinal)
                join unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as t (type, ordinal) using (ordinal)
            ),
            'made_keys', pgscore._columns_sql(b.profile_key, 'p'),
            'bindings', format('%L::integer[]', array(
                select o.number from pgscore._bindings_of(b.profile) o where o.profile_key = b.profile_key order by o.number
            )),
            'match', pgscore._match_sql(b.profile_key, 'm', b.profile_key, 'pgscore_row'),
            -- At commit its arrival stands in the queue; at a statement's end it has been counted already.
            'take_arrivals', pgscore._fill(pgscore._take_arrivals_template(), jsonb_build_object('queue', pgscore._profile_object(b, 'queue')))
        ))
    end
$$;

comment on function pgscore._missing_sql(pgscore.binding) is
    'What the apply function does, before it locks rows, about events whose profile is missing; NULL for nothing';
grant execute on function pgscore._missing_sql(pgscore.binding) to pgscore_reader;

create function pgscore._lost_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        format(
            e'exists (\n    select from unnest(here.work) w\n    where w.pgscore_binding in (%s) and %s and hashtext(%s) & 63 <> all (here.slots) and %s\n'
            '        and not exists (select from unnest(here.locked) as p where %s)\n)',
            k.numbers, pgscore._present_sql(k.profile_key, 'w'), pgscore._key_text_sql(k.profile_key, 'w'),
            pgscore._bound_sql(_lost_sql.profile), pgscore._match_sql(k.profile_key, 'p', k.profile_key, 'w')
        ), e'\nor ' order by k.first
    )
    from pgscore._keys_of(profile) k
$$;

comment on function pgscore._lost_sql(regclass) is
    'SQL that says whether a profile that was there was deleted, or got another key, while the apply function waited for its lock';
grant execute on function pgscore._lost_sql(regclass) to pgscore_reader;

create function pgscore._meet_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._meet_template(), jsonb_build_object(
        'arrival', (select pgscore._profile_object(b, 'arrival') from pgscore._bindings_of(_meet_sql.profile) b limit 1),
        'slots', string_agg(
            format(
                e'select hashtext(%s) & 63 from unnest(here.work) w\nwhere w.pgscore_binding in (%s) and %s\n'
                '    and (w.pgscore_task in (''arrive'', ''rekey'') or not exists (select from %s p where %s))',
                pgscore._key_text_sql(k.profile_key, 'w'), k.numbers, pgscore._present_sql(k.profile_key, 'w'), _meet_sql.profile,
                pgscore._match_sql(k.profile_key, 'p', k.profile_key, 'w')
            ), e'\nunion\n' order by k.first
        )
    ))
    from pgscore._keys_of(profile) k
$$;

comment on function pgscore._meet_sql(regclass) is 'What the apply function does so that new profiles, and events without a profile, see each other';
grant execute on function pgscore._meet_sql(regclass) to pgscore_reader;

create function pgscore._lock_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._lock_template(), jsonb_build_object(
        'profile', profile, 'order', pgscore._row_order_sql(profile, 'pgscore_row'),
        'touched', string_agg(
            format(
                '(%s) %s(select %s from unnest(here.work) w where w.pgscore_binding in (%s))%s',
                pgscore._columns_sql(k.profile_key, 'pgscore_row'), case cardinality(k.profile_key) when 1 then '= any (array' else 'in ' end,
                pgscore._columns_sql(k.profile_key, 'w'), k.numbers, case cardinality(k.profile_key) when 1 then ')' else '' end
            ), e'\nor ' order by k.first
        )
    ))
    from pgscore._keys_of(profile) k
$$;

comment on function pgscore._lock_sql(regclass) is 'What the apply function does to lock the touched rows of a profile table, in the one order, and to read them';
grant execute on function pgscore._lock_sql(regclass) to pgscore_reader;

create function pgscore._abort_hint() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select 'The binding''s on_error is abort; with keep the row would be stored and listed stale.'
$$;

comment on function pgscore._abort_hint() is 'The hint of the error with which a binding fails a transaction whose rows cannot be scored';
grant execute on function pgscore._abort_hint() to pgscore_reader;

create function pgscore._score_many_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    parts constant jsonb := jsonb_build_object(
        'number', b.number, 'model', quote_literal(b.model), 'binding', quote_literal(b.name), 'abort_hint', quote_literal(pgscore._abort_hint()),
        'rows', pgscore._model_function(b.model, 'rows'),
        'profile', quote_literal(b.profile), 'key_text', pgscore._key_text_sql(b.profile_key, 'm'), 'bound', pgscore._bound_sql(b.profile),
        'known', pgscore._known_sql(b),
        'forget', case when b.reasons is not null then 'explanations := null;' end,
        'collect', case when b.reasons is not null then format(
            'explanations_%1$s := explanations_%1$s || coalesce(explanations, array_fill(null::jsonb, array[size]));', b.number
        ) end,
        'explain', case when b.reasons is not null then format(
            e'select array_agg(case when u.score is not null then %s end) into explanations\n'
                'from (\n    select unnest(here.moved[here.first : here.first + here.size - 1]) as row, unnest(answer.scores) as score offset 0\n) u;',
            pgscore._explain_sql(b, 'answer.version', 'u.row')
        ) end
    );
    ask text := pgscore._fill(pgscore._ask_many_template(), parts);
begin
    if b.max_scoring_ms is not null then
        ask := pgscore._fill(pgscore._ask_in_time_template(), jsonb_build_object(
            'ask', ask, 'limit', format('interval %L', b.max_scoring_ms || ' milliseconds'),
            'late', quote_literal(format('scoring took longer than the binding''s max_scoring_ms, %s', b.max_scoring_ms))
        ));
    end if;
    return pgscore._fill(pgscore._score_many_template(), parts || jsonb_build_object(
        'ask', ask, 'starts', case when b.max_scoring_ms is not null then 'began := clock_timestamp();' end,
        'refused', pgscore._fill(case b.on_error when 'abort' then pgscore._abort_many_template() else pgscore._keep_many_template() end, parts),
        'log', case when b.log then pgscore._fill(pgscore._log_many_template(), parts) end
    ));
end
$$;

comment on function pgscore._score_many_sql(pgscore.binding) is 'What the apply function does to have many rows scored by the model of a binding';
grant execute on function pgscore._score_many_sql(pgscore.binding) to pgscore_reader;

create function pgscore._update_sql(profile regclass, queue text, bindings pgscore.binding[], targets pgscore.binding[]) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    scores text;
    scoring text;
begin
    select
        string_agg(
            format(e',\n    %1$I = case when m.version_%2$s is null or m.reason_%2$s is not null then p.%1$I else %3$s end', f.name, t.number, f.source),
            '' order by t.number, f.name
        ) filter (where f.name is not null),
        string_agg(pgscore._score_many_sql(t), e'\n' order by t.number) filter (where f.first)
    into scores, scoring
    from unnest(targets) t, lateral (values
        (true, t.score, 'm.score_' || t.number), (false, t.version, 'm.version_' || t.number), (false, t.scored_at, 'now()'),
        (false, t.reasons, case when t.reasons is not null then pgscore._explained_sql(t, 'm.explanation_' || t.number) end)
    ) as f (first, name, source);
    return pgscore._fill(pgscore._update_template(), jsonb_build_object(
        'profile', profile, 'queue', queue,
        'relations', format('%L', array(select r from pgscore._partitions(profile) r order by r::text)),
        'counters', (
            select string_agg(format('%1$I = (m.row).%1$I', c.name), ', ' order by c.name)
            from (
                select distinct r ->> 'column' as name from unnest(bindings) b, jsonb_array_elements(b.reducers) r
            ) c
        ),
        'match', (select string_agg(format('p.%1$I = (m.row).%1$I', k), ' and ') from unnest(pgscore._row_key(profile)) k),
        'score_many', scoring, 'scores', scores,
        'arrays', (
            select string_agg(
                format(e',\n    unnest(here.scores_%1$s) as score_%1$s, unnest(here.versions_%1$s) as version_%1$s, unnest(here.reasons_%1$s) as reason_%1$s', t.number)
                    || case when t.reasons is null then '' else format(', unnest(here.explanations_%1$s) as explanation_%1$s', t.number) end, ''
                order by t.number
            )
            from unnest(targets) t
        ),
        'scored', (
            select string_agg(format('(m.version_%1$s is not null and m.reason_%1$s is null)', t.number), ' or ' order by t.number)
            from unnest(targets) t
        )
    ));
end
$$;

comment on function pgscore._update_sql(regclass, text, pgscore.binding[], pgscore.binding[]) is
    'What the apply function does to change the rows: one UPDATE, with the scores in it where there are many';
grant execute on function pgscore._update_sql(regclass, text, pgscore.binding[], pgscore.binding[]) to pgscore_reader;

create function pgscore._applying_sql(b pgscore.binding, name text, bindings pgscore.binding[], targets pgscore.binding[], says text)
returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from pgscore._function_sql(
        format('%s(given %s[])', name, pgscore._profile_object(b, 'queue')), 'void', 'plpgsql volatile set plan_cache_mode = auto set jit = off',
        pgscore._fill(pgscore._apply_template(), jsonb_build_object(
            'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'), 'recounted', pgscore._recounted_sql(),
            'declared', (
                select string_agg(format('every_%s boolean;', o.number), e'\n' order by o.number)
                    || case when bool_or(pgscore._due_column(o) is not null) then e'\ninstant timestamptz;' else '' end
                    || case when bool_or(o.on_missing = 'error') then e'\nmissing text;' else '' end
                    || case when bool_or(o.on_missing = 'insert') then format(e'\nkept %s[];\nmade boolean;', pgscore._profile_object(b, 'queue')) else '' end
                from unnest(bindings) o
            ) || (
                select case when bool_or(t.max_scoring_ms is not null) then e'\nbegan timestamptz;' else '' end
                    || case when bool_or(t.reasons is not null) then e'\nexplanations jsonb[];' else '' end || string_agg(
                    format(e'\nnames_%1$s text[];\nscores_%1$s double precision[];\nversions_%1$s integer[];\nreasons_%1$s text[];', t.number)
                        || case when t.reasons is null then '' else format(e'\nexplanations_%s jsonb[];', t.number) end, ''
                    order by t.number
                )
                from unnest(targets) t
            ),
            'instant', (
                select e'-- One for all windows, read when the rows are locked: for a profile it never runs backwards.\n'
                    'instant := clock_timestamp();'
                from unnest(bindings) o where pgscore._due_column(o) is not null limit 1
            ),
            'missing', (select string_agg(pgscore._missing_sql(o), e'\n' order by o.number) from unnest(bindings) o),
            'meet', pgscore._meet_sql(b.profile), 'lock', pgscore._lock_sql(b.profile), 'lost', pgscore._lost_sql(b.profile),
            'move', case
                -- A session pays for two statements where it had one, and a join of few bindings is no burden.
                when cardinality(bindings) > 4 then pgscore._move_light_sql(b.profile, bindings, targets)
                else pgscore._move_sql(b.profile, bindings, targets)
            end,
            'update', pgscore._update_sql(b.profile, pgscore._profile_object(b, 'queue'), bindings, targets)
        )),
        says, b.owner
    ) s
$$;

comment on function pgscore._applying_sql(pgscore.binding, text, pgscore.binding[], pgscore.binding[], text) is
    'What makes a function that moves counters of many profiles: those of these bindings, with the scores of these targets';
grant execute on function pgscore._applying_sql(pgscore.binding, text, pgscore.binding[], pgscore.binding[], text) to pgscore_reader;

create function pgscore._apply_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from pgscore._applying_sql(
        b, pgscore._profile_object(b, 'apply'), array(select o from pgscore._bindings_of(b.profile) o),
        array(select t from pgscore._targets_of(b.profile) t), format('moves counters of %s and stores scores, in one UPDATE', b.profile)
    ) s
$$;

comment on function pgscore._apply_sql(pgscore.binding) is 'What makes the function that moves counters of many profiles';
grant execute on function pgscore._apply_sql(pgscore.binding) to pgscore_reader;

create function pgscore._backfill_targets(b pgscore.binding) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A model may read the counters, the score of another one, or what the table computes of them.
    with targets as (
        select t from pgscore._targets_of(b.profile) t
    ),
    changed as (
        select r ->> 'column' as name from jsonb_array_elements(b.reducers) r
        union
        select n from targets, unnest(array[(t).score, (t).version, (t).scored_at, (t).reasons]) n where n is not null
        union
        select a.attname from pg_catalog.pg_attribute a where a.attrelid = b.profile and a.attgenerated <> '' and not a.attisdropped
    )
    select (t).*
    from targets
    where (t).model = b.model or exists (
        select from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving,
            jsonb_array_elements(v.contract -> 'inputs') i
        where m.name = (t).model and i ->> 'name' in (select c.name from changed c)
    )
$$;

comment on function pgscore._backfill_targets(pgscore.binding) is
    'The targets whose scores may change where the counters of a binding do: of its own model, and of those that read what it writes';
grant execute on function pgscore._backfill_targets(pgscore.binding) to pgscore_reader;
