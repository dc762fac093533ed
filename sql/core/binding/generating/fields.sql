create function pgscore._read_columns(b pgscore.binding) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(n.name order by n.step, n.name)
    from (
        select min(n.step) as step, n.name
        from (
            select 1 as step, k as name from unnest(b.event_key) k
            union all
            select 2, f.value::name from jsonb_array_elements(b.reducers) r, jsonb_each_text(r) f where f.key in ('of', 'order_by', 'time')
            union all
            select 2, f::name from jsonb_array_elements(b.reducers) r, jsonb_object_keys(coalesce(r -> 'where', '{}')) f
        ) n
        group by n.name
    ) n
$$;

comment on function pgscore._read_columns(pgscore.binding) is 'The columns of events that a binding reads: the key, and what its reducers name';
grant execute on function pgscore._read_columns(pgscore.binding) to pgscore_reader;

create function pgscore._list_sql(items text[]) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select array_to_string(items, case when length(array_to_string(items, ', ')) > 60 then e',\n    ' else ', ' end)
$$;

comment on function pgscore._list_sql(text[]) is 'SQL for a list of expressions: long ones have a line for each';
grant execute on function pgscore._list_sql(text[]) to pgscore_reader;

create function pgscore._named_sql(names name[], source text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%s.%I as %I', source, k.name, k.name), ', ' order by k.ordinal)
    from unnest(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._named_sql(name[], text) is 'SQL for fields of a row that stands in a variable, under their names';
grant execute on function pgscore._named_sql(name[], text) to pgscore_reader;

create function pgscore._worth_sql(b pgscore.binding, brought text[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Events that no filter takes are told only where a profile may be missing, or a value has to be looked up.
    select '(' || string_agg(format('%s is not null', d), ' or ') || ')'
    from unnest(brought) d
    where b.on_missing = 'ignore'
    having not exists (
        select from pgscore._reducers_of(b) r
        where r.kind = 'look' or r.is_whole
    )
$$;

comment on function pgscore._worth_sql(pgscore.binding, text[]) is
    'SQL that says whether inserted events, of which is known what they bring, change anything; NULL where they always do';
grant execute on function pgscore._worth_sql(pgscore.binding, text[]) to pgscore_reader;

create function pgscore._events_fit_sql(b pgscore.binding, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Parsed, and never computed.
    select format('case when false then num_nulls(%s) end', string_agg(f.fits, ', ' order by f.step, f.fits))
    from (
        select 1 as step, format('%s.%I = null::%s', source, e.name, t.type) as fits
        from unnest(b.event_key) with ordinality as e (name, ordinal)
        join unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as t (type, ordinal) using (ordinal)
        union
        select 2, replace(f, '{{row}}', source) from pgscore._reducers_of(b) r, unnest(r.event_fits) f
    ) f
$$;

comment on function pgscore._events_fit_sql(pgscore.binding, text) is
    'SQL that PostgreSQL refuses where the columns of events have got types with which counters would be wrong';
grant execute on function pgscore._events_fit_sql(pgscore.binding, text) to pgscore_reader;

create function pgscore._profiles_fit_sql(b pgscore.binding, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(distinct replace(f, '{{row}}', source), ', ') from pgscore._reducers_of(b) r, unnest(r.profile_fits) f
$$;

comment on function pgscore._profiles_fit_sql(pgscore.binding, text) is
    'SQL that PostgreSQL refuses where columns of the profile have got types with which counters would be wrong; never computed';
grant execute on function pgscore._profiles_fit_sql(pgscore.binding, text) to pgscore_reader;

create function pgscore._written_sql(b pgscore.binding, targets name[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select concat_ws(', ', pgscore._columns_sql(array(
        select c.name from (
            select 1 as step, k.ordinal, k.name from unnest(b.profile_key) with ordinality as k (name, ordinal)
            union all
            select 2, r.ordinal, r.target from pgscore._reducers_of(b) r
            union all
            select 3, n.ordinal, n.name
            -- Those of other models are looked at where rows are scored: what else is attached changes nothing here.
            from pgscore._targets_of(b.profile) t, unnest(array[t.score, t.version, t.scored_at, t.reasons]) with ordinality as n (name, ordinal)
            where t.model = b.model and n.name is not null
        ) c
        group by c.name order by min(c.step), min(c.ordinal), c.name
    ), 'p'), pgscore._profiles_fit_sql(b, 'p'), pgscore._columns_sql(b.profile_key || targets, 'q'))
$$;

comment on function pgscore._written_sql(pgscore.binding, name[]) is
    'SQL that PostgreSQL refuses where columns of a profile, p, or of its queue, q, are not those that a binding writes; never computed';
grant execute on function pgscore._written_sql(pgscore.binding, name[]) to pgscore_reader;
