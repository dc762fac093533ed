create function pgscore._replay(engine text, model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    elements constant text[] := (
        select pgscore._array_elements(v.contract -> 'inputs', 'g')
        from pgscore.model_version v
        where v.model = _replay.model and v.version = _replay.version
    );
    arguments constant text[] := array(select 'r.a' || n from generate_series(1, cardinality(elements)) n order by n);
begin
    if pgscore._takes_arrays(engine) then
        return query select r.* from pgscore._replay_estimator(model, version, first, last) r;
        return;
    end if;
    -- The inputs are taken out of the arrays once, for the score and for the outputs.
    return query execute format(
        'select r.ordinal, %s, null::text, %s'
            ' from (select g.ordinal, %s from pgscore._golden_arrays($1, $2, $3, $4) g offset 0) r',
        pgscore._engine_call(engine, model, version, arguments),
        pgscore._engine_call(engine, model, version, arguments, true),
        (
            select string_agg(format('%s as a%s', e.element, e.ordinal), ', ')
            from unnest(elements) with ordinality as e (element, ordinal)
        )
    )
    using model, version, first, last;
end
$$;

comment on function pgscore._replay(text, text, integer, integer, integer) is
    'Scores and outputs that one engine gives for some golden rows of a version';
