create function pgscore._arrival_name(profile_number integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format('pgscore.arrival_%s', profile_number)
$$;

comment on function pgscore._arrival_name(integer) is 'The table on which new profiles and events without a profile meet';
