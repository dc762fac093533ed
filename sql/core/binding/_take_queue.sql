create function pgscore._take_queue(profile_number integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'for here.taken in
            delete from %s q where q.transaction = pg_current_xact_id() returning q.binding, q.task, q.keys, q.deltas
        loop
            if here.taken.task <> ''scored'' then
                here.work := here.work || here.taken;
            end if;
        end loop;',
        pgscore._queue_name(profile_number)
    )
$$;

comment on function pgscore._take_queue(integer) is 'What a generated function does to take what the transaction queued: each row is added to its variable work';
