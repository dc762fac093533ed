create procedure pgscore.reconcile(events regclass, profile regclass, repair boolean default true)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, and all that is called
    -- is pinned itself.
    pinned text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    bindings text[] := pgscore._bindings_to_reconcile(events, profile);
    next text;
    step record;
begin
    foreach next in array bindings loop
        loop
            set transaction isolation level read committed;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            select s.* into step from pgscore._reconcile_step(next, repair) s;
            commit;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            perform pgscore._report_step(next, repair, step.checked, step.differing, step.examples, step.finished);
            exit when step.finished;
        end loop;
    end loop;
end
$$;

comment on procedure pgscore.reconcile(regclass, regclass, boolean) is
    'Says where counters of profiles differ from what their events give, and mends them, some hundred at a time, each in a transaction; after an interruption it goes on where it was';
grant execute on procedure pgscore.reconcile(regclass, regclass, boolean) to pgscore_reader;
