create function pgscore._is_integer(value jsonb, low integer, high integer) returns boolean
language sql immutable parallel safe
return case
    when jsonb_typeof(value) = 'number' then scale(value::numeric) = 0 and value::numeric between low and high
    else false
end;

comment on function pgscore._is_integer(jsonb, integer, integer) is
    'Whether JSON is an integer within these ends, written as one';
