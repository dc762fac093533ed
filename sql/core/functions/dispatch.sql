-- The functions in front: pgscore.score and its kind for JSON, and for rows of a table, which choose by the model's name.

create function pgscore._chosen(models text[], what text, arguments text, otherwise text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Inlined where the model's name is a constant: the planner keeps one branch. A short case would look for the
    -- operator along the search_path.
    select format(E'select case\n%s    else %s\nend',
        string_agg(
            format(E'    when $1 operator(pg_catalog.=) %L then %s(%s)\n', m.model, pgscore._model_function(m.model, what), arguments),
            '' order by m.model
        ), otherwise)
    from unnest(models) as m (model)
    having count(*) > 0
    union all
    select 'select ' || otherwise where cardinality(models) = 0
$$;

comment on function pgscore._chosen(text[], text, text, text) is
    'The body of a function that chooses by the model''s name: of these models it calls the functions of that word, with these arguments';

create function pgscore._payload_dispatch() returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    models text[];
    posture text;
begin
    -- As safe as the least safe of what it calls.
    select
        coalesce(array_agg(m.name order by m.name), '{}'),
        'sql stable parallel ' || case when bool_or(pgscore._takes_arrays(m.one_engine)) then 'restricted' else 'safe' end
    into models, posture
    from pgscore.model m
    where m.serving is not null;
    return next (
        'pgscore.score', '{model,payload}', '{text,jsonb}', 'double precision', posture,
        pgscore._chosen(models, '', '$2', 'pgscore._no_answer($1)'),
        'The score that a model''s serving version gives for a row as JSON'
    )::pgscore.generated_function;
    return next (
        'pgscore.predict', '{model,payload}', '{text,jsonb}', 'jsonb', posture,
        pgscore._chosen(models, 'predict', '$2', 'pg_catalog.to_jsonb(pgscore._no_answer($1))'),
        'What a model''s serving version says of a row as JSON: label and class probabilities, or value'
    )::pgscore.generated_function;
    return next (
        'pgscore._scored', '{model,payload}', '{text,jsonb}', 'pgscore.scored', 'sql stable parallel restricted',
        pgscore._chosen(models, 'scored', '$2', 'null::pgscore.scored'),
        'The score of a row as JSON, the version that gave it and the reason of a refusal; NULL where no version is promoted'
    )::pgscore.generated_function;
end
$$;

comment on function pgscore._payload_dispatch() is 'pgscore.score and its kind for JSON: a choice among all models that are promoted';

create function pgscore._profile_dispatch(profile regclass) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    models text[];
    many_posture text;
    rescore_posture text;
    row_type constant text := profile::text;
begin
    select
        coalesce(array_agg(m.name order by m.name), '{}'),
        'sql stable parallel ' || case when bool_or(pgscore._takes_arrays(m.many_engine)) then 'restricted' else 'safe' end,
        case
            when bool_or(pgscore._counts_scores(m.name)) then 'sql volatile parallel unsafe'
            when bool_or(pgscore._takes_arrays(m.one_engine)) then 'sql stable parallel restricted'
            else 'sql stable parallel safe'
        end
    into models, many_posture, rescore_posture
    from pgscore.model m
    join pgscore._scored_tables() t on t.model = m.name and t.profile = _profile_dispatch.profile
    where m.serving is not null
        -- What a promotion had to leave out.
        and to_regprocedure(format('%s(%s[])', pgscore._model_function(m.name, 'rows'), row_type)) is not null;
    return next (
        'pgscore.score', '{model,profile}', array['text', row_type], 'double precision', many_posture,
        pgscore._chosen(models, '', '$2', 'pgscore._late_score($1, $2)'),
        format('The score that a model''s serving version gives for a row of %s', profile)
    )::pgscore.generated_function;
    return next (
        'pgscore._rescore', '{model,former,present,forced}', array['text', row_type, row_type, 'boolean'], 'double precision[]',
        rescore_posture, pgscore._chosen(models, 'rescore', '$2, $3, $4', 'pgscore._late_rescore($1, $3)'),
        format('Score and version of a row of %s; NULL if what the model reads has not changed, or no version is promoted', profile)
    )::pgscore.generated_function;
    return next (
        'pgscore._score_rows', '{model,profiles}', array['text', row_type || '[]'], 'pgscore.scored',
        'sql stable parallel restricted', pgscore._chosen(models, 'rows', '$2', 'pgscore._late_rows($1, $2)'),
        format('Scores of rows of %s and the version that gave them; NULL where no version is promoted', profile)
    )::pgscore.generated_function;
end
$$;

comment on function pgscore._profile_dispatch(regclass) is
    'pgscore.score and its kind for rows of a profile table: a choice among the models that score it';
