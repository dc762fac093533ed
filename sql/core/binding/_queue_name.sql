create function pgscore._queue_name(profile_number integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format('pgscore.queue_%s', profile_number)
$$;

comment on function pgscore._queue_name(integer) is 'The queue of a bound profile table';
