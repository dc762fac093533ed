create function pgscore._rows_body(
    model text, version integer, inputs jsonb, engine text, profile regclass
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    row_arguments constant text[] := pgscore._profile_arguments(profile, inputs, 'pgscore_row');
    -- The table that nothing is read from ties the plan to it: a change of its columns reaches the plans of open sessions.
    tied constant text := format('where not exists (select 1 from %s where false)', profile);
    each_row constant text := ') from unnest($1) as pgscore_row ' || tied || ')';
    split record;
begin
    if engine = 'estimator' then
        split := pgscore._split_arguments(inputs, row_arguments);
        return format(
            'return pgscore._estimate(%L, %s, %L, cardinality($1), %s, %s);', model, version,
            (
                select v.digest from pgscore.model_version v
                where v.model = _rows_body.model and v.version = _rows_body.version
            ),
            coalesce('(select array_agg(' || nullif(split.numbers, 'null') || each_row, 'null'),
            coalesce('(select array_agg(' || nullif(split.texts, 'null') || each_row, 'null')
        );
    end if;
    -- A scan of an array is in its order; the subquery keeps each score from being computed twice; a reason is asked for
    -- only where there is no score.
    split := pgscore._split_arguments(inputs, pgscore._profile_arguments(profile, inputs, '(s.pgscore_row)'));
    return format(
        'return (
            select (%s, array_agg(s.score), array_agg(
                case when s.score is null then pgscore._reason(%L, %s, %s, %s) end
            ))::pgscore.scored
            from (select %s as score, pgscore_row from unnest($1) as pgscore_row offset 0) s
            %s
        );',
        version, model, version, split.numbers, split.texts,
        pgscore._engine_call(engine, model, version, row_arguments), tied
    );
end
$$;

comment on function pgscore._rows_body(text, integer, jsonb, text, regclass) is
    'The statement with which the function that bindings call scores rows of a profile table with one engine';
