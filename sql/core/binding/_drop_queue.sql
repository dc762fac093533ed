create function pgscore._drop_queue(profile_number integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('drop table %s, %s', pgscore._queue_name(profile_number), pgscore._arrival_name(profile_number));
end
$$;

comment on function pgscore._drop_queue(integer) is 'Drops what the bindings of a profile table shared';
