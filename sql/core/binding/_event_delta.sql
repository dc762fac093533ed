create function pgscore._event_delta(reducer jsonb, kind text, events regclass, sign text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when kind = 'look' then 'null'
        -- What goes away is recounted.
        when kind = 'grow' and sign <> '1' then 'null'
        when reducer ->> 'aggregate' = 'count' and sign = '1' then format('count(*)%s', f.filter)
        when reducer ->> 'aggregate' = 'count' then format('sum(%s)%s', sign, f.filter)
        when reducer ->> 'aggregate' = 'sum' and kind = 'grow' then format('sum(e.%I)%s', reducer ->> 'of', f.filter)
        when reducer ->> 'aggregate' = 'sum' then format('sum(%s * e.%I::numeric)%s', sign, reducer ->> 'of', f.filter)
        -- There are types without min() and max().
        else format(
            '(array_agg(e.%1$I order by e.%1$I %2$s) filter (where e.%1$I is not null%3$s))[1]', reducer ->> 'of',
            case reducer ->> 'aggregate' when 'min' then 'asc' else 'desc' end, coalesce(' and ' || f.condition, '')
        )
    end
    from (
        select c as condition, coalesce(' filter (where ' || c || ')', '') as filter
        from pgscore._reducer_condition(reducer, events, 'e') c
    ) f
$$;

comment on function pgscore._event_delta(jsonb, text, regclass, text) is
    'SQL for what events, e, of one key bring to a reducer; sign is SQL for 1 where they come and -1 where they go';
