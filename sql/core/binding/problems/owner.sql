create function pgscore._owner_problem(events regclass, profile regclass, out problem text, out hint text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    events_owner constant regrole := (select c.relowner from pg_catalog.pg_class c where c.oid = events);
    profile_owner constant regrole := (select c.relowner from pg_catalog.pg_class c where c.oid = profile);
    owner constant regrole := coalesce(profile_owner, events_owner);
begin
    -- Identity is current_user, in functions that run with their caller's rights.
    if events_owner <> profile_owner then
        problem := format('%s owns table %s and %s owns table %s, and tables of two owners cannot be attached to each other', events_owner, events, profile_owner, profile);
        hint := format('alter table %s owner to %s', events, profile_owner);
    elsif owner is not null and not pg_has_role(current_user, owner::oid, 'usage') then
        problem := format('%s owns table %s, and %s is no member of it', owner, coalesce(profile, events), current_user);
        hint := format('Connect as %s, or as a member of it.', owner);
    elsif pg_get_userbyid(owner) <> current_user and (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user) then
        -- What the owner has put on its tables would run with a superuser's rights. SET ROLE would protect nobody from it.
        problem := format('%s is a superuser and table %s belongs to %s, whose code would run with a superuser''s rights', current_user, coalesce(profile, events), owner);
        hint := format('Connect as %s, or as a member of it.', owner);
    end if;
end
$$;

comment on function pgscore._owner_problem(regclass, regclass) is
    'Why the caller may not attach, detach or mend two tables, in a sentence, and what to do; NULL where they may';
grant execute on function pgscore._owner_problem(regclass, regclass) to pgscore_reader;

create function pgscore._check_owner(events regclass, profile regclass) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found_problem constant record := pgscore._owner_problem(events, profile);
begin
    if found_problem.problem is not null then
        raise exception '%', found_problem.problem using errcode = 'insufficient_privilege', hint = found_problem.hint;
    end if;
end
$$;

comment on function pgscore._check_owner(regclass, regclass) is 'Refuses whoever is not the one owner of two tables, or a member of it';
grant execute on function pgscore._check_owner(regclass, regclass) to pgscore_reader;

create function pgscore._check_rights(owner regrole, events regclass, profile regclass) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted record;
begin
    if not pg_has_role(owner::oid, 'pgscore_reader', 'usage') then
        raise exception 'functions that work with the rights of %, who owns table %, need a right that it has not', owner, profile
            using errcode = 'insufficient_privilege', hint = format('grant pgscore_reader to %s', owner);
    end if;
    for wanted in
        select owner::text as role, n.oid as space, p.privilege
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace, unnest(array['usage', 'create']) as p (privilege)
        where c.oid in (events, profile)
        union all
        select 'pgscore_owner', c.relnamespace, 'usage' from pg_catalog.pg_class c where c.oid = profile
    loop
        if not has_schema_privilege(to_regrole(wanted.role)::oid, wanted.space, wanted.privilege) then
            raise exception '% may not % schema %', wanted.role, case wanted.privilege when 'create' then 'create in' else 'use' end, wanted.space::regnamespace
                using errcode = 'insufficient_privilege',
                    hint = case when wanted.role = 'pgscore_owner' then format('grant usage on schema %s to pgscore_owner', wanted.space::regnamespace)
                        else format('grant usage, create on schema %s to %s', wanted.space::regnamespace, wanted.role) end;
        end if;
    end loop;
end
$$;

comment on function pgscore._check_rights(regrole, regclass, regclass) is
    'Refuses, with the GRANT to run, tables whose owner could not have functions beside them';
grant execute on function pgscore._check_rights(regrole, regclass, regclass) to pgscore_reader;
