-- Roles are cluster-wide: another database of the cluster may have made them already.
do $$
declare
    newer constant boolean := current_setting('server_version_num')::integer >= 160000;
    may_create constant boolean := (select r.rolsuper or r.rolcreaterole from pg_roles r where r.rolname = current_user);
    wanted record;
begin
    for wanted in
        select * from (values
            ('pgscore_owner', 'owns the schemas pgscore and pgscore_models and what is in them'),
            ('pgscore_reader', 'may call scores and read the views'),
            ('pgscore_publisher', 'may add versions of models'),
            ('pgscore_operator', 'may promote and route versions, and reads what went wrong')
        ) as r (name, says)
        where to_regrole(r.name) is null
    loop
        if not may_create then
            raise exception '% may not create the role %, which pgscore needs', current_user, wanted.name
                using errcode = 'insufficient_privilege',
                      hint = format('Nothing was changed. Have a superuser run: alter role %I createrole', current_user);
        end if;
        execute format('create role %I nologin', wanted.name);
        execute format('comment on role %I is %L', wanted.name, 'pgscore: ' || wanted.says);
        if wanted.name in ('pgscore_publisher', 'pgscore_operator') then
            execute format('grant pgscore_reader to %I', wanted.name);
        end if;
    end loop;
    -- Whoever migrates makes objects as pgscore_owner; a superuser may do so without being a member. From PostgreSQL 16 on
    -- who makes a role may grant it, and does not become it before.
    if not pg_has_role(current_user, 'pgscore_owner', case when newer then 'set' else 'member' end) then
        if not may_create or newer and not pg_has_role(current_user, 'pgscore_owner', 'member with admin option') then
            raise exception 'the role pgscore_owner exists, made for another database, and % may not become it', current_user
                using errcode = 'insufficient_privilege',
                      hint = format('Nothing was changed. Have who made it, or a superuser, run: grant pgscore_owner to %I', current_user);
        end if;
        execute format('grant pgscore_owner to %I', current_user) || case when newer then ' with inherit true, set true' else '' end;
    end if;
end
$$;
