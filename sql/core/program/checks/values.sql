-- 1e400 and 1e-400 are numbers in JSON, and no doubles.
create function pgscore._is_number(value jsonb) returns boolean
language sql immutable parallel safe
return case
    when jsonb_typeof(value) = 'number'
    then value::numeric = 0 or abs(value::numeric) between 4.95e-324 and 1.7976931348623157e308
    else false
end;

comment on function pgscore._is_number(jsonb) is 'Whether JSON is a number that a double can hold';

create function pgscore._is_integer(value jsonb, low integer, high integer) returns boolean
language sql immutable parallel safe
return case
    when jsonb_typeof(value) = 'number' then scale(value::numeric) = 0 and value::numeric between low and high
    else false
end;

comment on function pgscore._is_integer(jsonb, integer, integer) is
    'Whether JSON is an integer within these ends, written as one';

create function pgscore._is_text(value jsonb) returns boolean
language sql immutable parallel safe
return case when jsonb_typeof(value) = 'string' then octet_length(value #>> '{}') <= 1000 else false end;

comment on function pgscore._is_text(jsonb) is 'Whether JSON is a text of at most 1,000 bytes';

create function pgscore._shown(value jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when value is null then 'absent'
        when jsonb_typeof(value) in ('array', 'object') then
            case jsonb_typeof(value) when 'array' then 'a list' else 'an object' end
        when length(value::text) > 60 then left(value::text, 60) || '...'
        else value::text
    end
$$;

comment on function pgscore._shown(jsonb) is 'A value as messages show it: short, on one line';
