create function pgscore._step_kinds(step jsonb, kinds text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case step ->> 'step'
        when 'trees' then repeat('n', jsonb_array_length(step -> 'base'))
        when 'fill' then substr(kinds, (step -> 'of')::integer + 1, 1)
        else 'n'
    end
$$;

comment on function pgscore._step_kinds(jsonb, text) is
    'The kinds (n: number, t: text) of the registers that a valid step defines, where registers of these kinds exist';
