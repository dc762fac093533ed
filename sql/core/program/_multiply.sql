create function pgscore._multiply(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    large constant double precision := greatest(abs(a), abs(b));
    small constant double precision := least(abs(a), abs(b));
begin
    if a is null or b is null or large = 'NaN' then
        return null;
    elsif large = 'Infinity' or small = 0 then
        return nullif(a * b, 'NaN');
    elsif small > 1 and large > '1.797693134862315e308'::double precision / small then
        return sign(a) * sign(b) * 'Infinity'::double precision;
    elsif large < 1 and small < '5e-324'::double precision / large then
        return 0;
    end if;
    return a * b;
end
$$;

comment on function pgscore._multiply(double precision, double precision) is
    'a · b as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite, an underflow 0. NULL where it is no number';
grant execute on function pgscore._multiply(double precision, double precision) to pgscore_reader;
