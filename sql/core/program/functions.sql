-- Functions that PostgreSQL raises errors for, or does not have. log1p and expm1 are made of ln and exp as the interpreter
-- makes them, so that both give the same.
create function pgscore._log(a double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return case when a = 'NaN' then null when a > 0 then ln(a) when a = 0 then '-Infinity' end;
end
$$;

comment on function pgscore._log(double precision) is
    'The natural logarithm, where PostgreSQL would raise an error: minus infinity at 0. NULL where it is no number';
grant execute on function pgscore._log(double precision) to pgscore_reader;

create function pgscore._log10(a double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return case when a = 'NaN' then null when a > 0 then log(a) when a = 0 then '-Infinity' end;
end
$$;

comment on function pgscore._log10(double precision) is
    'The logarithm to base 10, where PostgreSQL would raise an error: minus infinity at 0. NULL where it is no number';
grant execute on function pgscore._log10(double precision) to pgscore_reader;

create function pgscore._log1p(a double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    rounded double precision;
    lost double precision;
begin
    if a is null or a = 'NaN' or a < -1 then
        return null;
    elsif a = -1 or a = 'Infinity' then
        return a * 'Infinity'::double precision;
    end if;
    rounded := 1 + a;
    lost := case when a <= 1 then a - (rounded - 1) else 1 - (rounded - a) end;
    return ln(rounded) + lost / rounded;
end
$$;

comment on function pgscore._log1p(double precision) is 'ln(1 + a), exact near 0; minus infinity at -1. NULL where it is no number';
grant execute on function pgscore._log1p(double precision) to pgscore_reader;

create function pgscore._expm1(a double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    power constant double precision := pgscore._exp(a);
begin
    if power = 1 then
        return a;
    elsif abs(a) < 1 then
        -- What exp() has rounded away shows in its logarithm.
        return (power - 1) * (a / ln(power));
    end if;
    return power - 1;
end
$$;

comment on function pgscore._expm1(double precision) is
    'exp(a) - 1, exact near 0, where PostgreSQL would raise an error: an overflow is infinite. NULL where it is no number';
grant execute on function pgscore._expm1(double precision) to pgscore_reader;

create function pgscore._logit(a double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return case when a > 0 and a < 1 then ln(a / (1 - a)) when a = 0 then '-Infinity' when a = 1 then 'Infinity' end;
end
$$;

comment on function pgscore._logit(double precision) is
    'ln(a / (1 - a)), minus infinity at 0 and infinity at 1. NULL where it is no number';
grant execute on function pgscore._logit(double precision) to pgscore_reader;
