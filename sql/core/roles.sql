-- Roles are cluster-wide: another database of the cluster may have made them already.
do $$
declare
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
        execute format('create role %I nologin', wanted.name);
        execute format('comment on role %I is %L', wanted.name, 'pgscore: ' || wanted.says);
        if wanted.name in ('pgscore_publisher', 'pgscore_operator') then
            execute format('grant pgscore_reader to %I', wanted.name);
        end if;
    end loop;
    -- Whoever migrates makes objects for pgscore_owner; a superuser may do so without being a member.
    if not pg_has_role(current_user, 'pgscore_owner', 'member') then
        execute format('grant pgscore_owner to %I', current_user);
    end if;
end
$$;
