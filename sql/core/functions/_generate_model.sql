create function pgscore._generate_model(model text) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    serving record;
    bound regclass;
    field record;
begin
    select v.version, v.digest, v.contract -> 'inputs' as inputs, v.contract -> 'output' as output into strict serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _generate_model.model;

    -- String bodies throughout: one that names a table's row type must not stand in the way of ALTER TABLE.
    execute format(
        $sql$
        create or replace function pgscore_models.%1$I(
            rows integer, numbers double precision[], texts text[]
        ) returns pgscore.scored
        language sql stable parallel restricted
        as $body$select pgscore._estimate(%2$L, %3$s, %4$L, rows, numbers, texts)$body$
        $sql$,
        '_' || model, model, serving.version, serving.digest
    );
    perform pgscore._publish_function(
        format('pgscore_models.%I(integer, double precision[], text[])', '_' || model),
        format('Model "%s" version %s: rows given as arrays', model, serving.version)
    );
    execute format(
        $sql$
        create or replace function pgscore_models.%1$I(payload jsonb) returns double precision
        language sql stable parallel restricted
        as $body$select (pgscore_models.%2$I(
            1, pgscore._payload_numbers(%3$L, payload), pgscore._payload_texts(%3$L, payload)
        )).scores[1]$body$
        $sql$,
        model, '_' || model, serving.inputs
    );
    perform pgscore._publish_function(
        format('pgscore_models.%I(jsonb)', model),
        format('Model "%s" version %s: a row as JSON', model, serving.version)
    );
    execute format(
        $sql$
        create or replace function pgscore_models.%1$I(payload jsonb) returns jsonb
        language sql stable parallel restricted
        as $body$select pgscore._prediction(%2$s, %3$L, (pgscore._estimate(
            %4$L, %2$s, %5$L, 1, pgscore._payload_numbers(%6$L, payload), pgscore._payload_texts(%6$L, payload), true
        )).scores)$body$
        $sql$,
        '_' || model, serving.version, serving.output, model, serving.digest, serving.inputs
    );
    perform pgscore._publish_function(
        format('pgscore_models.%I(jsonb)', '_' || model),
        format('Model "%s" version %s: label and class probabilities, or value, of a row as JSON', model, serving.version)
    );
    for bound in select p.profile from pgscore.model_profile p where p.model = _generate_model.model loop
        perform pgscore._generate_model_profile(model, serving.inputs, bound);
    end loop;
end
$$;

comment on function pgscore._generate_model(text) is 'Writes the functions of a model''s serving version in pgscore_models';
