create function pgscore._generate_model(model text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    -- A string body throughout: one that names a table's row type must not stand in the way of ALTER TABLE.
    posture text;
    serving record;
    payload text[];
    bound regclass;
begin
    select v.version, v.contract -> 'inputs' as inputs, v.contract -> 'output' as output, m.one_engine, m.many_engine
    into strict serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _generate_model.model;
    posture := 'sql stable parallel ' || case serving.one_engine when 'estimator' then 'restricted' else 'safe' end;
    payload := pgscore._payload_arguments(serving.inputs, '$1');

    perform pgscore._create_function(
        format('pgscore_models.%I(payload jsonb)', model), 'double precision', posture,
        'select ' || pgscore._engine_call(serving.one_engine, model, serving.version, payload),
        format('Model "%s" version %s: a row as JSON', model, serving.version)
    );
    perform pgscore._create_function(
        format('pgscore_models.%I(payload jsonb)', '_' || model), 'jsonb', posture,
        format(
            'select pgscore._prediction(%s, %L, %s)', serving.version, serving.output,
            pgscore._engine_call(serving.one_engine, model, serving.version, payload, true)
        ),
        format('Model "%s" version %s: label and class probabilities, or value, of a row as JSON', model, serving.version)
    );
    for bound in select p.profile from pgscore.model_profile p where p.model = _generate_model.model loop
        perform pgscore._generate_model_profile(
            model, serving.version, serving.inputs, serving.one_engine, serving.many_engine, bound
        );
    end loop;
end
$$;

comment on function pgscore._generate_model(text) is 'Writes the functions of a model''s serving version in pgscore_models';
