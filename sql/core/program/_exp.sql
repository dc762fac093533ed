create function pgscore._exp(a double precision) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when a = 'NaN' then null
        when a > '709.782712893384' then 'Infinity'
        when a < '-745.13' then 0
        else exp(a)
    end
$$;

comment on function pgscore._exp(double precision) is
    'exp(a) as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite, an underflow 0. NULL where it is no number';
grant execute on function pgscore._exp(double precision) to pgscore_reader;
