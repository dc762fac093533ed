create function pgscore._replay(engine text, model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    arguments constant text[] := (
        select pgscore._payload_arguments(v.contract -> 'inputs', 'g.inputs')
        from pgscore.model_version v
        where v.model = _replay.model and v.version = _replay.version
    );
begin
    if engine = 'estimator' then
        return query select r.* from pgscore._replay_estimator(model, version, first, last) r;
        return;
    end if;
    return query execute format(
        'select g.ordinal, %s, null::text, %s from pgscore.golden_row g where g.model = $1 and g.version = $2'
            ' and g.ordinal between $3 and $4',
        pgscore._engine_call(engine, model, version, arguments),
        pgscore._engine_call(engine, model, version, arguments, true)
    )
    using model, version, first, last;
end
$$;

comment on function pgscore._replay(text, text, integer, integer, integer) is
    'Scores and outputs that one engine gives for some golden rows of a version';
