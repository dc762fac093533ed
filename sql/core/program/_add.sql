create function pgscore._add(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Halves are exact where the sum can overflow.
    if abs(a) > 1 and abs(b) > 1 and abs(a * 0.5::double precision + b * 0.5::double precision) >= power('2'::double precision, 1023) then
        return nullif(sign(a * 0.5::double precision + b * 0.5::double precision) * 'Infinity'::double precision, 'NaN');
    end if;
    return nullif(a + b, 'NaN');
end
$$;

comment on function pgscore._add(double precision, double precision) is
    'a + b as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite. NULL where it is no number';
grant execute on function pgscore._add(double precision, double precision) to pgscore_reader;
