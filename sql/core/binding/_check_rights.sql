create function pgscore._check_rights(b pgscore.binding) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    event_space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = b.events);
    profile_space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = b.profile);
    wanted record;
begin
    for wanted in
        select * from (values
            ('pgscore_owner', profile_space), ('pgscore_applier', profile_space),
            (b.profile_owner::text, event_space), (b.events_owner::text, profile_space)
        ) as w (grantee, space)
        where not has_schema_privilege(to_regrole(w.grantee), w.space, 'usage')
    loop
        raise exception '% may not use schema %', wanted.grantee, wanted.space
            using errcode = 'insufficient_privilege', hint = format('grant usage on schema %s to %s', wanted.space, wanted.grantee);
    end loop;
end
$$;

comment on function pgscore._check_rights(pgscore.binding) is
    'Refuses, with the GRANT to run, a binding whose functions could not reach each other';
