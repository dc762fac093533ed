create function pgscore._folded_delta(reducer jsonb, ordinal integer, typed text, summed text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when reducer ->> 'aggregate' in ('min', 'max') then format(
            '(array_agg(u.delta[%1$s]::%2$s order by u.delta[%1$s]::%2$s %3$s) filter (where u.delta[%1$s] is not null))[1]',
            ordinal, typed, case reducer ->> 'aggregate' when 'max' then 'desc' else 'asc' end
        )
        else format('sum(u.delta[%s]::%s)', ordinal, summed)
    end
$$;

comment on function pgscore._folded_delta(jsonb, integer, text, text) is
    'SQL for what several deltas, u.delta, bring to a reducer together';
