create function pgscore._reducer_condition(reducer jsonb, events regclass, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        case
            when w.value = 'null' then format('%s.%I is null', source, w.key)
            else format('%s.%I = %L::%s', source, w.key, w.value #>> '{}', format_type(a.atttypid, a.atttypmod))
        end,
        ' and ' order by w.key
    )
    from jsonb_each(reducer -> 'where') as w, pgscore._column(events, w.key) as a
$$;

comment on function pgscore._reducer_condition(jsonb, regclass, text) is
    'SQL for the equality filters of a reducer, on events that stand under the name in source; NULL where it has none';
