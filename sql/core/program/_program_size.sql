create function pgscore._program_size(program jsonb) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select 2 * jsonb_array_length(program -> 'inputs') + coalesce(sum(
        case s.step ->> 'step'
            when 'trees' then jsonb_array_length(s.step -> 'feature')
            when 'linear' then 3 * jsonb_array_length(s.step -> 'of')
            when 'lookup' then 2 * jsonb_array_length(s.step -> 'keys') + 3
            else 3
        end
    ), 0)::integer
    from jsonb_array_elements(program -> 'steps') as s (step)
$$;

comment on function pgscore._program_size(jsonb) is
    'How large the SQL of a valid program is, in nodes of its trees or what takes as long to plan';
