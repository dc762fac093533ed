create function pgscore._as_role(role regrole, statement text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    former constant text := current_setting('role');
begin
    perform set_config('role', (select r.rolname from pg_catalog.pg_roles r where r.oid = role)::text, true);
    execute statement;
    perform set_config('role', former, true);
end
$$;

comment on function pgscore._as_role(regrole, text) is 'Runs a statement as a role that the caller is a member of';
grant execute on function pgscore._as_role(regrole, text) to pgscore_reader;
