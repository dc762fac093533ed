create function pgscore._generate_model_profile(model text, inputs jsonb, profile regclass) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    posture constant text := 'sql stable parallel restricted';
    every constant text := format('pgscore_models.%I', '_' || model);
    -- Stays NULL where the model reads no number, or no text: arrays without elements cannot be put together.
    each_row constant text := ') from (select unnest($1) as profile) each)';
    one record;
    many record;
begin
    select * into one from pgscore._arrays(profile, inputs, '($1)');
    select * into many from pgscore._arrays(profile, inputs, '(each.profile)');
    perform pgscore._create_function(
        format('pgscore_models.%I(profile %s)', model, profile), 'double precision', posture,
        format(
            'select (%s(1, %s, %s)).scores[1]', every, coalesce(one.numbers, 'null'), coalesce(one.texts, 'null')
        ),
        format('Model "%s": a row of %s', model, profile)
    );
    perform pgscore._create_function(
        format('%s(profiles %s[])', every, profile), 'pgscore.scored', posture,
        format(
            'select %s(cardinality($1), %s, %s)', every,
            coalesce('(select array_agg(' || many.numbers || each_row, 'null'),
            coalesce('(select array_agg(' || many.texts || each_row, 'null')
        ),
        format('Model "%s": rows of %s, with the version that scored them', model, profile)
    );
end
$$;

comment on function pgscore._generate_model_profile(text, jsonb, regclass) is
    'Writes the functions of a model that take rows of one profile table';
