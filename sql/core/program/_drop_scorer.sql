create function pgscore._drop_scorer(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    doomed record;
begin
    -- The score calls the others.
    for doomed in
        select p.oid::regprocedure as function
        from unnest(array['', 'b', 'p']) with ordinality as s (suffix, ordinal)
        join pg_catalog.pg_proc p
            on pgscore._scorer_name(model, version, s.suffix) = 'pgscore_models.' || quote_ident(p.proname)
        where p.pronamespace = 'pgscore_models'::regnamespace
        order by s.ordinal
    loop
        execute format('drop function %s', doomed.function);
    end loop;
    execute format('drop type if exists %s', pgscore._scorer_name(model, version, 'i'));
end
$$;

comment on function pgscore._drop_scorer(text, integer) is 'Drops the functions and the type of a version''s program, where there are any';
