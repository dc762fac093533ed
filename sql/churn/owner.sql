-- The application's own role. Not a superuser: its trigger functions run with its rights, and call what pgscore_owner may
-- replace.
do $$
declare
    newer constant boolean := current_setting('server_version_num')::integer >= 160000;
begin
    if to_regrole('churn_owner') is null then
        create role churn_owner nologin;
        comment on role churn_owner is 'Owns the reference application of pgscore';
    end if;
    -- As for pgscore_owner: from PostgreSQL 16 on who makes a role may grant it, and does not become it before.
    if not pg_has_role(current_user, 'churn_owner', case when newer then 'set' else 'member' end) then
        execute format('grant churn_owner to %I', current_user) || case when newer then ' with inherit true, set true' else '' end;
    end if;
    if not pg_has_role('churn_owner', 'pgscore_reader', 'member') then
        grant pgscore_reader to churn_owner;
    end if;
end
$$;

create schema churn authorization churn_owner;
