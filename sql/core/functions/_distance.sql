create function pgscore._distance(one double precision, other double precision) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when one is null and other is null or one = other then 0
        when one is null or other is null or 'Infinity' in (abs(one), abs(other)) then 'Infinity'
        when sign(one) <> sign(other) and greatest(abs(one), abs(other)) > 1e307 then 'Infinity'
        else abs(one - other)
    end
$$;

comment on function pgscore._distance(double precision, double precision) is
    'How far apart two scores are; infinitely, where one is NULL and the other is not';
