-- 1e400 and 1e-400 are numbers in JSON, and no doubles.
create function pgscore._is_number(value jsonb) returns boolean
language sql immutable parallel safe
return case
    when jsonb_typeof(value) = 'number'
    then value::numeric = 0 or abs(value::numeric) between 4.95e-324 and 1.7976931348623157e308
    else false
end;

comment on function pgscore._is_number(jsonb) is 'Whether JSON is a number that a double can hold';
