create function pgscore._divide(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if a is null or b is null or a = 'NaN' or b = 'NaN' then
        return null;
    elsif b = 0 then
        return case when a <> 0 then sign(a) * 'Infinity'::double precision end;
    elsif abs(b) = 'Infinity' then
        return case when abs(a) <> 'Infinity' then 0 end;
    elsif abs(a) = 'Infinity' or a = 0 then
        return a / b;
    elsif abs(b) < 1 and abs(a) > '1.797693134862315e308'::double precision * abs(b) then
        return sign(a) * sign(b) * 'Infinity'::double precision;
    elsif abs(b) > 1 and abs(a) < 1 and abs(a) < '5e-324'::double precision * abs(b) then
        return 0;
    end if;
    return a / b;
end
$$;

comment on function pgscore._divide(double precision, double precision) is
    'a / b as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite, an underflow 0. NULL where it is no number';
grant execute on function pgscore._divide(double precision, double precision) to pgscore_reader;
