create function pgscore._reducer(
    reducer jsonb, ordinal integer, events regclass, profile regclass, event_key name[], reducers jsonb
) returns pgscore.reducer_sql
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    aggregates constant text[] := array['count', 'sum', 'min', 'max', 'last', 'avg', 'distinct', 'due'];
    r pgscore.reducer_sql;
    source pg_catalog.pg_attribute;
    target pg_catalog.pg_attribute;
    filter text;
    chosen text;
begin
    r.ordinal := ordinal;
    r.reducer := reducer;
    r.problem := pgscore._reducer_form_problem(reducer, aggregates);
    if r.problem is not null then
        return r;
    end if;
    source := pgscore._column(events, reducer ->> 'of');
    target := pgscore._column(profile, reducer ->> 'column');
    r.target := target.attname;
    r.problem := case
        when target.attname is null then format('table %s has no column "%s" for a reducer', profile, reducer ->> 'column')
        when target.attgenerated <> '' then format('column "%s" of table %s is generated', target.attname, profile)
        when reducer ->> 'aggregate' not in ('count', 'due') and source.attname is null
            then format('table %s has no column "%s" for %s', events, reducer ->> 'of', reducer ->> 'aggregate')
        else coalesce(pgscore._filter_problem(reducer, events), pgscore._window_problem(reducer, events))
    end;
    if r.problem is not null then
        return r;
    end if;
    filter := pgscore._filter_sql(reducer, events);
    chosen := pgscore._chosen_sql(reducer, events, event_key);
    case reducer ->> 'aggregate'
        when 'count' then r := pgscore._count_reducer(r, source, target, filter, chosen);
        when 'sum' then r := pgscore._sum_reducer(r, source, target, filter, chosen);
        when 'min', 'max' then r := pgscore._extreme_reducer(r, source, target, filter, chosen);
        when 'last' then r := pgscore._last_reducer(r, source, target, filter, chosen, events);
        when 'avg' then r := pgscore._avg_reducer(r, source, target, filter, chosen);
        when 'distinct' then r := pgscore._distinct_reducer(r, source, target, filter, chosen);
        when 'due' then r := pgscore._due_reducer(r, target, events, event_key, reducers);
    end case;
    if filter is not null then
        r.event_fits := r.event_fits || pgscore._filter_sql(reducer, events, '{{row}}');
    end if;
    if reducer ? 'window' then
        r := pgscore._window_reducer(r, events);
    end if;
    if reducer ? 'deletes' then
        -- What is counted once stays counted, so the events that are there do not tell it.
        r.differs := null;
        if r.problem is null and r.kind <> 'add' then
            r.problem := format(
                '%s %s is found from the events that are there: it cannot ignore deletes', reducer ->> 'aggregate',
                coalesce('of column "' || source.attname || '"', 'with a window')
            );
        end if;
    end if;
    return r;
end
$$;

comment on function pgscore._reducer(jsonb, integer, regclass, regclass, name[], jsonb) is 'A reducer between two tables: what is wrong with it, or the SQL for all that is done with it';
grant execute on function pgscore._reducer(jsonb, integer, regclass, regclass, name[], jsonb) to pgscore_reader;

create function pgscore._reducer_form_problem(reducer jsonb, aggregates text[]) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    aggregate constant text := reducer ->> 'aggregate';
    wrong text;
begin
    if jsonb_typeof(reducer) is distinct from 'object' then
        return format('a reducer is an object such as {"column": "n", "aggregate": "count"}, not %s', reducer);
    end if;
    select format('a reducer has no field "%s"', k) into wrong
    from jsonb_object_keys(reducer) as k
    where k not in ('column', 'aggregate', 'of', 'order_by', 'where', 'deletes', 'window', 'time');
    if found then
        return wrong;
    end if;
    select format('the field "%s" of a reducer is a text', f.key) into wrong
    from jsonb_each(reducer) as f where f.key <> 'where' and jsonb_typeof(f.value) <> 'string';
    return case
        when wrong is not null then wrong
        when aggregate is null or aggregate <> all (aggregates) then format(
            'the aggregate of a reducer is %s or %s, not "%s"', array_to_string(aggregates[:cardinality(aggregates) - 1], ', '),
            aggregates[cardinality(aggregates)], aggregate
        )
        when aggregate = 'due' and array['of', 'order_by', 'where', 'deletes', 'window', 'time'] && array(select jsonb_object_keys(reducer))
            then 'due is of all windows of a binding, and takes nothing but a "column"'
        when reducer ? 'window' and not reducer ? 'time' then 'a "window" takes a "time": the events'' column that says when each was'
        when reducer ? 'time' and not reducer ? 'window' then 'a "time" goes with a "window"'
        when aggregate <> 'last' and reducer ? 'order_by' then 'last, and no other aggregate, takes an "order_by"'
        when coalesce(reducer ->> 'deletes', 'ignore') <> 'ignore'
            then format('"deletes" of a reducer can be "ignore", not "%s"', reducer ->> 'deletes')
    end;
end
$$;

comment on function pgscore._reducer_form_problem(jsonb, text[]) is
    'What is wrong with a reducer as it is written, whatever the tables are, in a sentence; NULL where nothing is';
grant execute on function pgscore._reducer_form_problem(jsonb, text[]) to pgscore_reader;

create function pgscore._reducers_of(b pgscore.binding) returns setof pgscore.reducer_sql
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A generator asks it some hundred times: PL/pgSQL plans its query once.
    return query
        select r.*
        from jsonb_array_elements(b.reducers) with ordinality as e (reducer, ordinal),
            pgscore._reducer(e.reducer, e.ordinal::integer, b.events, b.profile, b.event_key, b.reducers) as r
        order by e.ordinal;
end
$$;

comment on function pgscore._reducers_of(pgscore.binding) is 'The reducers of a binding, with all the SQL that generated functions have of them';
grant execute on function pgscore._reducers_of(pgscore.binding) to pgscore_reader;
