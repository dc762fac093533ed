-- What a migration calls that changes a generator: nothing that an older release has generated stays.

create function pgscore._regenerate_models() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    one record;
    problem text;
begin
    -- No promotion comes between.
    perform pgscore._lock_releases();
    perform pgscore._create_function(f) from pgscore.model m, pgscore._model_functions(m.name) f where m.serving is not null;
    perform pgscore._create_function(f) from pgscore._payload_dispatch() f;
    for one in
        select t.profile, array_agg(t.model order by t.model) as models from pgscore._scored_tables() t group by t.profile order by t.profile::oid
    loop
        problem := pgscore._replace_quietly(one.profile, one.models);
        if problem is not null then
            raise warning 'the functions for rows of table % could not be replaced: %', one.profile, problem
                using hint = format('select pgscore._generate_profile(%L)', one.profile);
        end if;
    end loop;
end
$$;

comment on function pgscore._regenerate_models() is
    'Writes all that promotions have generated as it would be generated now; what is right stays as it is';
