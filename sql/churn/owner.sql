-- The application's own role. Not a superuser: its trigger functions run with its rights, and call what pgscore_owner may
-- replace.
do $$
begin
    if to_regrole('churn_owner') is null then
        create role churn_owner nologin;
        comment on role churn_owner is 'Owns the reference application of pgscore';
    end if;
    if not pg_has_role(current_user, 'churn_owner', 'member') then
        execute format('grant churn_owner to %I', current_user);
    end if;
    if not pg_has_role('churn_owner', 'pgscore_reader', 'member') then
        grant pgscore_reader to churn_owner;
    end if;
end
$$;

create schema churn authorization churn_owner;
