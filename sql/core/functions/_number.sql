-- Beyond these ends, which are the middles between the last doubles and what is no double, the cast raises an error.
create function pgscore._number(value numeric) returns double precision
language sql immutable parallel safe
return case
    when abs(value) between 2.4703282292062327209e-324 and 1.7976931348623158079372897140530341e308
        or value = 0 or value in ('NaN', 'Infinity', '-Infinity')
    then value::double precision
    when abs(value) < 1 then 0
    else sign(value)::double precision * 'Infinity'::double precision
end;

comment on function pgscore._number(numeric) is
    'The nearest double, where the cast would raise an error: past the largest it is infinite, below the least 0';
grant execute on function pgscore._number(numeric) to pgscore_reader;
