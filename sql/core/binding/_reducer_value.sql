create function pgscore._reducer_value(reducer jsonb, events regclass, event_key name) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    chosen constant text := format(
        'from %s e where e.%I = $1%s', events, event_key, ' and ' || pgscore._reducer_condition(reducer, events, 'e')
    );
begin
    return case reducer ->> 'aggregate'
        when 'count' then format('(select count(*) %s)', chosen)
        when 'sum' then format('(select coalesce(sum(e.%I), 0) %s)', reducer ->> 'of', chosen)
        when 'last' then format(
            '(select e.%I %s order by e.%I desc nulls last%s limit 1)', reducer ->> 'of', chosen, reducer ->> 'order_by',
            (
                select string_agg(format(', e.%I desc', a.attname), '' order by k.ordinal)
                from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
                join pg_catalog.pg_attribute a on a.attnum = k.number
                where i.indrelid = events and i.indisprimary and a.attrelid = events
            )
        )
        else format(
            '(select e.%1$I %2$s and e.%1$I is not null order by e.%1$I %3$s limit 1)', reducer ->> 'of', chosen,
            case reducer ->> 'aggregate' when 'min' then 'asc' else 'desc' end
        )
    end;
end
$$;

comment on function pgscore._reducer_value(jsonb, regclass, name) is
    'SQL for what a reducer gives for all events whose key is $1';
