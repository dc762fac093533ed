create function pgscore._golden_arrays(model text, version integer, first integer, last integer) returns table (
    ordinal integer, expected double precision, numbers double precision[], texts text[]
)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    with described as materialized (
        select i.input ->> 'name' as name, i.input ->> 'type' as type, i.ordinal
        from pgscore.model_version v, jsonb_array_elements(v.contract -> 'inputs') with ordinality as i (input, ordinal)
        where v.model = _golden_arrays.model and v.version = _golden_arrays.version
    )
    select g.ordinal, g.expected, a.numbers, a.texts
    from pgscore.golden_row g
    -- An object is taken apart once: to look up each input in it would read all of it as often.
    cross join lateral (
        select
            -- NaN for NULL: to reach an element behind NULLs goes through all that stand before it.
            coalesce(
                array_agg(
                    case
                        when jsonb_typeof(e.value) = 'null' then 'NaN'
                        when d.type = 'boolean' and jsonb_typeof(e.value) = 'boolean' then e.value::boolean::integer
                        when d.type = 'double precision' and jsonb_typeof(e.value) = 'number'
                            and length(e.value::text) <= 300
                        then e.value::double precision
                        when d.type = 'boolean'
                        then pgscore._payload_value(g.inputs, d.name, 'boolean')::boolean::integer
                        -- Infinity, numbers past a double's range, and what is refused.
                        else pgscore._payload_value(g.inputs, d.name, 'double precision')::double precision
                    end
                    order by d.ordinal
                ) filter (where d.type <> 'text'),
                '{}'
            ) as numbers,
            coalesce(
                array_agg(
                    case
                        when jsonb_typeof(e.value) in ('string', 'null') then e.value #>> '{}'
                        else pgscore._payload_value(g.inputs, d.name, 'text')
                    end
                    order by d.ordinal
                ) filter (where d.type = 'text'),
                '{}'
            ) as texts
        from described d left join jsonb_each(g.inputs) e on e.key = d.name
    ) a
    where g.model = _golden_arrays.model and g.version = _golden_arrays.version and g.ordinal between first and last
    order by g.ordinal
$$;

comment on function pgscore._golden_arrays(text, integer, integer, integer) is
    'Some golden rows of a version with their number inputs, booleans as 0 and 1, NaN for NULL, and their text inputs, in the contract''s order; refused where one is not there or of another type';
