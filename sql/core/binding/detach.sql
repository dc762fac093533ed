create function pgscore.detach(events regclass, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    step record;
begin
    perform pgscore._check_owner(events), pgscore._check_owner(profile);
    -- Transactions that have queued work are over then.
    perform pgscore._lock_tables(events, profile, 'access exclusive');
    for step in select s.* from pgscore._unbind(events, profile) s loop
        perform pgscore._as_role(step.role, step.statement);
    end loop;
end
$$;

comment on function pgscore.detach(regclass, regclass) is
    'Unties an event table from a profile table: triggers and generated functions go, the data stays as it is';
grant execute on function pgscore.detach(regclass, regclass) to pgscore_reader;
