create function pgscore._list_problem(place text, value jsonb, low integer, high integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when jsonb_typeof(value) is distinct from 'array' then
            format('%s is %s, and a list is wanted', place, pgscore._shown(value))
        when jsonb_array_length(value) not between low and high then
            format('%s has %s members, and may have %s to %s', place, jsonb_array_length(value), low, high)
    end
$$;

comment on function pgscore._list_problem(text, jsonb, integer, integer) is
    'What is wrong with a list as a whole: it is none, or has too few or too many members; NULL where nothing is';
