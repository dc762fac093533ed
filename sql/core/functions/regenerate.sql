-- What a migration calls that changes a generator: nothing that an older release has generated stays.

create function pgscore._regenerate_models(recompile boolean default false) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    one record;
    problem text;
begin
    -- No promotion comes between.
    perform pgscore._lock_releases();
    if recompile then
        perform pgscore._create_scorer(v.model, v.version, p.program, (v.contract #>> '{output,positive}')::integer)
        from pgscore.model_version v join pgscore.program p on p.model = v.model and p.version = v.version
        -- Those that have functions: neither too large a program, nor one that was pruned.
        where exists (
            select from pg_catalog.pg_proc f
            where f.pronamespace = 'pgscore_models'::regnamespace
                and f.proname = format('_%s %s', v.model, v.version)::name
        );
        perform pgscore._create_explainer(v.model, v.version), pgscore._create_coder(v.model, v.version)
        from pgscore.model_version v
        where not exists (
            select from pgscore.retirement r where r.model = v.model and r.version = v.version and r.pruned_at is not null
        );
    end if;
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

comment on function pgscore._regenerate_models(boolean) is
    'Writes all that promotions have generated as it would be generated now, where it differs; with recompile also the functions of programs, of all versions, which takes up to a second for a large one';
