create function pgscore._tie_profile(model text, profile regclass) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = profile);
begin
    perform pgscore._existing_version(model, null);
    if not has_schema_privilege(space, 'usage') then
        raise exception 'pgscore_owner may not use schema %, and functions are generated on the row type of %', space, profile
            using errcode = 'insufficient_privilege', hint = format('grant usage on schema %s to pgscore_owner', space);
    end if;
    insert into pgscore.model_profile (model, profile) values (_tie_profile.model, _tie_profile.profile)
    on conflict do nothing;
    if found then
        -- A model that serves already answers for the new table from its next promotion on.
        perform pgscore._add_profile(profile);
    end if;
end
$$;

comment on function pgscore._tie_profile(text, regclass) is
    'Has a model score rows of a table from its next promotion on; the last step of a publication, since it holds a lock';
grant execute on function pgscore._tie_profile(text, regclass) to pgscore_publisher;
