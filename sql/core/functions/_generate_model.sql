create function pgscore._generate_model(model text) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    -- A string body throughout: one that names a table's row type must not stand in the way of ALTER TABLE.
    posture constant text := 'sql stable parallel restricted';
    one constant text := format('pgscore_models.%I', model);
    every constant text := format('pgscore_models.%I', '_' || model);
    serving record;
    estimate text;
    bound regclass;
begin
    select v.version, v.digest, v.contract -> 'inputs' as inputs, v.contract -> 'output' as output into strict serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _generate_model.model;
    estimate := format('pgscore._estimate(%L, %s, %L, ', model, serving.version, serving.digest);

    perform pgscore._create_function(
        every || '(rows integer, numbers double precision[], texts text[])', 'pgscore.scored', posture,
        'select ' || estimate || '$1, $2, $3)',
        format('Model "%s" version %s: rows given as arrays', model, serving.version)
    );
    perform pgscore._create_function(
        one || '(payload jsonb)', 'double precision', posture,
        format(
            'select (%1$s(1, pgscore._payload_numbers(%2$L, payload), pgscore._payload_texts(%2$L, payload))).scores[1]',
            every, serving.inputs
        ),
        format('Model "%s" version %s: a row as JSON', model, serving.version)
    );
    perform pgscore._create_function(
        every || '(payload jsonb)', 'jsonb', posture,
        format(
            'select pgscore._prediction(%1$s, %2$L, (%3$s 1,'
                ' pgscore._payload_numbers(%4$L, payload), pgscore._payload_texts(%4$L, payload), true)).scores)',
            serving.version, serving.output, estimate, serving.inputs
        ),
        format('Model "%s" version %s: label and class probabilities, or value, of a row as JSON', model, serving.version)
    );
    for bound in select p.profile from pgscore.model_profile p where p.model = _generate_model.model loop
        perform pgscore._generate_model_profile(model, serving.inputs, bound);
    end loop;
end
$$;

comment on function pgscore._generate_model(text) is 'Writes the functions of a model''s serving version in pgscore_models';
