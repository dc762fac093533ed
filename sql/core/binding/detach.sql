create function pgscore.detach(events regclass, profile regclass) returns void
language plpgsql volatile
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    step record;
begin
    for step in select s.* from pgscore._unbind(events, profile) s loop
        perform pgscore._as_role(step.role, step.statement);
    end loop;
end
$$;

comment on function pgscore.detach(regclass, regclass) is
    'Unties two tables and leaves them as they are. Called by a member of the owners of both';
grant execute on function pgscore.detach(regclass, regclass) to pgscore_reader;
