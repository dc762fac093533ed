create function pgscore._leaves_are_bounded(step jsonb) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(max(abs(v.value::double precision)), 0) < '1e300'::double precision
    from (
        select l.value from jsonb_array_elements(step -> 'values') as l (value)
        union all
        select b.value from jsonb_array_elements(step -> 'base') as b (value)
    ) v
$$;

comment on function pgscore._leaves_are_bounded(jsonb) is
    'Whether no sum of a trees step can overflow: 4,000,000 leaves below 1e300 stay below 1e307';
