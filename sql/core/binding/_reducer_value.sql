create function pgscore._reducer_value(reducer jsonb, events regclass, matches text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    chosen constant text := format('from %s e where %s%s', events, matches, coalesce(' and ' || pgscore._reducer_condition(reducer, events, 'e'), ''));
begin
    return case reducer ->> 'aggregate'
        when 'count' then format('(select count(*) %s)', chosen)
        when 'sum' then format('(select coalesce(sum(e.%I), 0) %s)', reducer ->> 'of', chosen)
        when 'last' then format(
            '(select e.%I %s order by e.%I desc nulls last%s limit 1)', reducer ->> 'of', chosen, reducer ->> 'order_by',
            (select string_agg(format(', e.%I desc', k), '' order by ordinal) from unnest(pgscore._primary_key(events)) with ordinality as p (k, ordinal))
        )
        else format(
            '(select e.%1$I %2$s and e.%1$I is not null order by e.%1$I %3$s limit 1)', reducer ->> 'of', chosen,
            case reducer ->> 'aggregate' when 'min' then 'asc' else 'desc' end
        )
    end;
end
$$;

comment on function pgscore._reducer_value(jsonb, regclass, text) is
    'SQL for what a reducer gives for all events, e, that match';
