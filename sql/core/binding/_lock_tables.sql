create function pgscore._lock_tables(events regclass, profile regclass, mode text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '500ms'
as $$
declare
    relation regclass;
begin
    -- Half a second is less than deadlock_timeout: whoever waits for us is freed before anybody looks for a deadlock.
    for attempt in 1 .. 10 loop
        begin
            foreach relation in array array[events, profile] loop
                -- What was dropped can be untied all the same.
                continue when not exists (select from pg_catalog.pg_class c where c.oid = relation);
                perform pgscore._as_role(
                    (select c.relowner from pg_catalog.pg_class c where c.oid = relation),
                    format('lock table %s in %s mode', relation, mode)
                );
            end loop;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'tables % and % are in use: in ten attempts of half a second no lock was to be had', events, profile
        using errcode = 'lock_not_available', hint = 'Nothing was changed. Try again when no long transaction uses them.';
end
$$;

comment on function pgscore._lock_tables(regclass, regclass, text) is
    'Locks the tables of a binding, without making applications wait longer than half a second at a time';
grant execute on function pgscore._lock_tables(regclass, regclass, text) to pgscore_reader;
