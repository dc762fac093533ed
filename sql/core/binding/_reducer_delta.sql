create function pgscore._reducer_delta(reducer jsonb, events regclass, sign text) returns text
language sql stable
set search_path = ''
as $$
    select format(
        'coalesce(%s%s, 0)::numeric',
        case reducer ->> 'aggregate'
            when 'count' then format('sum(%s)', sign)
            else format('sum(%s * x.%I::numeric)', sign, reducer ->> 'of')
        end,
        ' filter (where ' || pgscore._reducer_condition(reducer, events, 'x') || ')'
    )
$$;

comment on function pgscore._reducer_delta(jsonb, regclass, text) is
    'SQL for what events, x, add to the column of a reducer that adds up; sign is SQL for 1 or -1';
