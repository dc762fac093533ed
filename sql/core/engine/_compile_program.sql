create function pgscore._compile_program(model text, version integer) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._create_scorer(v.model, v.version, p.program, (v.contract #>> '{output,positive}')::integer)
    from pgscore.model_version v join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _compile_program.model and v.version = _compile_program.version
        and p.size <= pgscore._largest_sql_program()
        -- What was pruned and has come back may have kept its functions, because a view needs them.
        and not exists (
            select from pg_catalog.pg_proc f
            where f.pronamespace = 'pgscore_models'::regnamespace
                and f.proname = format('_%s %s', v.model, v.version)::name
        )
$$;

comment on function pgscore._compile_program(text, integer) is
    'Writes the functions of a version''s program, where it has one that is not too large for that';
