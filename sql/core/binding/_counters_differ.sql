create function pgscore._counters_differ(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        string_agg(
            case
                -- The order of the terms decides about the last digits.
                when r.kind = 'grow' and r.reducer ->> 'aggregate' = 'sum' then format(
                    '(p.%1$I is null or (p.%1$I is distinct from r.v%2$s and not abs(p.%1$I - r.v%2$s) <= 1e-9 * abs(r.v%2$s)))', r.target, r.ordinal
                )
                else format('p.%I is distinct from r.v%s', r.target, r.ordinal)
            end, ' or ' order by r.ordinal
        ), 'false'
    )
    from pgscore._reducers_of(b) r
    where not r.reducer ? 'deletes'
$$;

comment on function pgscore._counters_differ(pgscore.binding) is
    'SQL that says whether a profile, p, holds other counters than its events give, r; those that ignore deletes cannot be compared';
