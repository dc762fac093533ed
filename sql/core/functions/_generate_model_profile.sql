create function pgscore._generate_model_profile(model text, inputs jsonb, profile regclass) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    -- Stays NULL where the model reads no number, or no text: arrays without elements cannot be put together.
    each_row constant text := ') from (select unnest(profiles) as profile) each)';
    one record;
    many record;
begin
    select * into one from pgscore._arrays(profile, inputs, 'profile');
    select * into many from pgscore._arrays(profile, inputs, '(each.profile)');
    execute format(
        $sql$
        create or replace function pgscore_models.%1$I(profile %2$s) returns double precision
        language sql stable parallel restricted
        as $body$select (pgscore_models.%3$I(1, %4$s, %5$s)).scores[1]$body$
        $sql$,
        model, profile, '_' || model, coalesce(one.numbers, 'null'), coalesce(one.texts, 'null')
    );
    perform pgscore._publish_function(
        format('pgscore_models.%I(%s)', model, profile), format('Model "%s": a row of %s', model, profile)
    );
    execute format(
        $sql$
        create or replace function pgscore_models.%1$I(profiles %2$s[]) returns pgscore.scored
        language sql stable parallel restricted
        as $body$
            select pgscore_models.%1$I(
                cardinality(profiles),
                %3$s,
                %4$s
            )
        $body$
        $sql$,
        '_' || model, profile, coalesce('(select array_agg(' || many.numbers || each_row, 'null'),
        coalesce('(select array_agg(' || many.texts || each_row, 'null')
    );
    perform pgscore._publish_function(
        format('pgscore_models.%I(%s[])', '_' || model, profile),
        format('Model "%s": rows of %s, with the version that scored them', model, profile)
    );
end
$$;

comment on function pgscore._generate_model_profile(text, jsonb, regclass) is
    'Writes the functions of a model that take rows of one profile table';
