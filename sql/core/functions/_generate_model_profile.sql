create function pgscore._generate_model_profile(
    model text, version integer, inputs jsonb, one_engine text, many_engine text, profile regclass
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Queries take the engine for many rows. What it calls may be parallel safe, and the estimator engine is not.
    perform pgscore._create_function(
        format('pgscore_models.%I(profile %s)', model, profile), 'double precision',
        'sql stable parallel ' || case many_engine when 'estimator' then 'restricted' else 'safe' end,
        'select ' || pgscore._engine_call(
            many_engine, model, version, pgscore._profile_arguments(profile, inputs, '($1)'), false,
            pgscore._ordinary_columns(profile, inputs)
        ),
        format('Model "%s" version %s: a row of %s', model, version, profile)
    );
    perform pgscore._create_function(
        format('pgscore_models.%I(profile %s)', '_' || model, profile), 'double precision',
        'sql stable parallel ' || case one_engine when 'estimator' then 'restricted' else 'safe' end,
        'select ' || pgscore._engine_call(
            one_engine, model, version, pgscore._profile_arguments(profile, inputs, '($1)'), false,
            pgscore._ordinary_columns(profile, inputs)
        ),
        format('Model "%s" version %s: the only row of %s that is scored', model, version, profile)
    );
    perform pgscore._create_function(
        format('pgscore_models.%I(former %s, present %s, forced boolean)', '_' || model, profile, profile), 'double precision[]',
        'sql stable parallel ' || case one_engine when 'estimator' then 'restricted' else 'safe' end,
        format(
            'select case when $3 or %s then array[%s, %s::double precision] end',
            pgscore._inputs_differ(profile, inputs, '($1)', '($2)'),
            pgscore._engine_call(
                one_engine, model, version, pgscore._profile_arguments(profile, inputs, '($2)'), false,
                pgscore._ordinary_columns(profile, inputs), true
            ),
            version
        ),
        format('Model "%s" version %s: score and version of a row of %s, if what the model reads has changed; without a score, ask for an array of one row', model, version, profile)
    );
    perform pgscore._create_function(
        format('pgscore_models.%I(profiles %s[])', '_' || model, profile), 'pgscore.scored',
        'plpgsql stable parallel restricted',
        -- Neither pays for the other's plan.
        format(
            'begin if cardinality($1) = 1 then %s end if; %s end',
            pgscore._rows_body(model, version, inputs, one_engine, profile),
            pgscore._rows_body(model, version, inputs, many_engine, profile)
        ),
        format('Model "%s" version %s: rows of %s, with the version and the reasons of refusals', model, version, profile)
    );
end
$$;

comment on function pgscore._generate_model_profile(text, integer, jsonb, text, text, regclass) is
    'Writes the functions of a model that take rows of one profile table';
