create function pgscore._literal(number double precision) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
    select coalesce(quote_literal(number::text), 'null') || '::double precision'
$$;

comment on function pgscore._literal(double precision) is 'SQL for exactly this double; never a bare number, which would be numeric';
