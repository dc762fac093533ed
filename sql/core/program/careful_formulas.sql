create function pgscore._flat(lists jsonb) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_agg(e.value order by r.ordinal, e.ordinal), '[]')
    from jsonb_array_elements(lists) with ordinality as r (value, ordinal)
    cross join lateral jsonb_array_elements(case jsonb_typeof(r.value) when 'array' then r.value else '[]' end)
        with ordinality as e (value, ordinal)
$$;

comment on function pgscore._flat(jsonb) is 'The members of lists, one list after the other; null is an empty one';

create function pgscore._piecewise_sql(step jsonb, value text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'pgscore._piecewise(%s, %s, %L::pg_catalog.int4[], %s, %s, %s)', value, pgscore._array_literal_sql(step -> 'knots', 'number'),
        (
            select array_agg(s.start::integer order by s.ordinal)
            from (
                select 0 as ordinal, 0 as start
                union all
                select c.ordinal, sum(jsonb_array_length(c.value)) over (order by c.ordinal)
                from (
                    select p.ordinal, case jsonb_typeof(p.value) when 'array' then p.value else '[]' end as value
                    from jsonb_array_elements(step -> 'coefficients') with ordinality as p (value, ordinal)
                ) c
            ) s
        ),
        pgscore._array_literal_sql(
            (
                -- The highest power first.
                select coalesce(jsonb_agg(e.value order by p.ordinal, e.ordinal desc), '[]')
                from jsonb_array_elements(step -> 'coefficients') with ordinality as p (value, ordinal)
                cross join lateral jsonb_array_elements(case jsonb_typeof(p.value) when 'array' then p.value else '[]' end)
                    with ordinality as e (value, ordinal)
            ),
            'number'
        ),
        case step ->> 'closed' when 'left' then 'true' else 'false' end, pgscore._literal_sql((nullif(step -> 'missing', 'null'))::double precision)
    )
$$;

comment on function pgscore._piecewise_sql(jsonb, text) is 'SQL for a piecewise step of a value given as SQL';

create function pgscore._is_tame_kernel(step jsonb) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- Differences and products with numbers from 1e-150 to 1e100 are 0, or far from where they overflow and underflow.
    select (step -> 'gamma')::double precision between '1e-15' and '1e50'
        and abs(coalesce((step -> 'constant')::double precision, 0)) <= '1e100'
        and abs((step -> 'intercept')::double precision) <= '1e100'
        and not exists (
            select from jsonb_array_elements(pgscore._flat(step -> 'vectors')) as v (value)
            where v.value::double precision <> 0 and not abs(v.value::double precision) between '1e-130' and '1e100'
        )
        and not exists (
            select from jsonb_array_elements(step -> 'coefficients') as c (value)
            where c.value::double precision <> 0 and not abs(c.value::double precision) between '1e-60' and '1e60'
        )
$$;

comment on function pgscore._is_tame_kernel(jsonb) is
    'Whether a kernel step has no constant that lets its operators raise an error for ordinary numbers';

create function pgscore._formula_sql(step jsonb, given text[]) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    listed constant text := format('array[%s]::pg_catalog.float8[]', array_to_string(given, ', '));
begin
    return case step ->> 'step'
        when 'product' then format('pgscore._product(%s)', listed)
        when 'ratio' then format('pgscore._ratio(%s, %s)', given[1], given[2])
        when 'piecewise' then pgscore._piecewise_sql(step, given[1])
        when 'quadratic' then format(
            'pgscore._quadratic(%s, %s, %s)', listed, pgscore._array_literal_sql(step -> 'center', 'number'),
            case
                when step ? 'matrix' then pgscore._array_literal_sql(pgscore._flat(step -> 'matrix'), 'number')
                else 'null::pg_catalog.float8[]'
            end
        )
        when 'median' then format('pgscore._median(%s, %s)', listed, pgscore._array_literal_sql(step -> 'weights', 'number'))
        when 'kernel' then format(
            'pgscore._kernel(%L, %s, %s, %s, %s, %s, %s, %s, %s)', step ->> 'kernel', listed,
            pgscore._array_literal_sql(pgscore._flat(step -> 'vectors'), 'number'),
            pgscore._array_literal_sql(step -> 'coefficients', 'number'),
            pgscore._literal_sql((step -> 'intercept')::double precision),
            pgscore._literal_sql((step -> 'gamma')::double precision),
            pgscore._literal_sql(coalesce((step -> 'constant')::double precision, 0)),
            coalesce((step -> 'degree')::integer, 1),
            case when pgscore._is_tame_kernel(step) then 'true' else 'false' end
        )
    end;
end
$$;

comment on function pgscore._formula_sql(jsonb, text[]) is
    'SQL that computes a step that is a formula, of the registers that it reads, given as SQL; NULL for any other step';
