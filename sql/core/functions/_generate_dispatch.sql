create function pgscore._generate_dispatch(profile regclass default null) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Inlined where the model's name is a constant: the planner keeps one branch. It does so only while all that is
    -- called here is at least stable.
    posture text;
    -- Without a table: the functions for JSON.
    argument constant text := coalesce('profile ' || profile, 'payload jsonb');
    cases text;
    every_cases text;
    changed_cases text;
begin
    select
        string_agg(format('when %L then pgscore_models.%I($2)', m.name, m.name), ' ' order by m.name),
        string_agg(format('when %L then pgscore_models.%I($2)', m.name, '_' || m.name), ' ' order by m.name),
        string_agg(format('when %L then pgscore_models.%I($2, $3, $4)', m.name, '_' || m.name), ' ' order by m.name),
        -- As safe as the least safe of what it calls.
        'sql stable parallel ' || case
            when bool_or('estimator' = case when profile is null then m.one_engine else m.many_engine end)
            then 'restricted' else 'safe'
        end
    into cases, every_cases, changed_cases, posture
    from pgscore.model m
    where m.serving is not null
        and (
            profile is null
            -- What was tied to the table after its promotion has no function for it until the next one.
            or to_regprocedure(format('pgscore_models.%I(%s)', m.name, profile)) is not null
        );
    perform pgscore._create_function(
        format('pgscore.score(model text, %s)', argument), 'double precision', posture,
        format('select case $1 %s else pgscore._no_answer($1) end', coalesce(cases, 'when null then null')),
        format('The score that a model''s serving version gives for %s', coalesce('a row of ' || profile, 'a row as JSON'))
    );
    if profile is null then
        perform pgscore._create_function(
            'pgscore.predict(model text, payload jsonb)', 'jsonb', posture,
            format(
                'select case $1 %s else to_jsonb(pgscore._no_answer($1)) end',
                coalesce(every_cases, 'when null then null')
            ),
            'What a model''s serving version says of a row as JSON: label and class probabilities, or value'
        );
    else
        perform pgscore._create_function(
            format('pgscore._score_row(model text, profile %s)', profile), 'double precision', posture,
            format('select case $1 %s else pgscore._no_answer($1) end', coalesce(every_cases, 'when null then null')),
            format('The same as pgscore.score for %s, with the engine for one row', profile)
        );
        perform pgscore._create_function(
            format('pgscore._rescore(model text, former %s, present %s, forced boolean)', profile, profile), 'double precision[]', posture,
            format('select case $1 %s end', coalesce(changed_cases, 'when null then null::double precision[]')),
            format('Score and version of a row of %s; NULL if what the model reads has not changed, or no version is promoted', profile)
        );
        perform pgscore._create_function(
            format('pgscore._score_rows(model text, profiles %s[])', profile), 'pgscore.scored',
            'sql stable parallel restricted',
            format('select case $1 %s end', coalesce(every_cases, 'when null then null::pgscore.scored')),
            format('Scores of rows of %s and the version that gave them; NULL where no version is promoted', profile)
        );
    end if;
end
$$;

comment on function pgscore._generate_dispatch(regclass) is
    'Writes pgscore.score for rows of a profile table, or for JSON: a case over all models that are promoted';
