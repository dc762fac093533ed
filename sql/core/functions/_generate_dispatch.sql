create function pgscore._generate_dispatch(profile regclass default null) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    -- Without a table: the function for JSON.
    argument constant text := coalesce('profile ' || profile, 'payload jsonb');
    cases text;
    rows_cases text;
    predictions text;
begin
    select
        string_agg(format('when %L then pgscore_models.%I(%s)', m.name, m.name, split_part(argument, ' ', 1)), ' ' order by m.name),
        string_agg(format('when %L then pgscore_models.%I(profiles)', m.name, '_' || m.name), ' ' order by m.name),
        string_agg(format('when %L then pgscore_models.%I(payload)', m.name, '_' || m.name), ' ' order by m.name)
    into cases, rows_cases, predictions
    from pgscore.model m
    where m.serving is not null
        and (
            profile is null
            or exists (
                select from pgscore.model_profile p
                where p.model = m.name and p.profile = _generate_dispatch.profile
            )
        );
    -- Inlined where the model's name is a constant: the planner keeps one branch. It does so only while all that is
    -- called here is at least stable.
    execute format(
        $sql$
        create or replace function pgscore.score(model text, %1$s) returns double precision
        language sql stable parallel restricted
        as $body$select case model %2$s else pgscore._no_answer(model) end$body$
        $sql$,
        argument, coalesce(cases, 'when null then null')
    );
    perform pgscore._publish_function(
        format('pgscore.score(text, %s)', coalesce(profile::text, 'jsonb')),
        format('The score that a model''s serving version gives for %s', coalesce('a row of ' || profile, 'a row as JSON'))
    );
    if profile is null then
        execute format(
            $sql$
            create or replace function pgscore.predict(model text, payload jsonb) returns jsonb
            language sql stable parallel restricted
            as $body$select case model %s else to_jsonb(pgscore._no_answer(model)) end$body$
            $sql$,
            coalesce(predictions, 'when null then null')
        );
        perform pgscore._publish_function(
            'pgscore.predict(text, jsonb)',
            'What a model''s serving version says of a row as JSON: label and class probabilities, or value'
        );
        return;
    end if;
    execute format(
        $sql$
        create or replace function pgscore._score_rows(model text, profiles %1$s[]) returns pgscore.scored
        language sql stable parallel restricted
        as $body$select case model %2$s end$body$
        $sql$,
        profile, coalesce(rows_cases, 'when null then null::pgscore.scored')
    );
    perform pgscore._publish_function(
        format('pgscore._score_rows(text, %s[])', profile),
        format('Scores of rows of %s and the version that gave them; NULL where no version is promoted', profile)
    );
end
$$;

comment on function pgscore._generate_dispatch(regclass) is
    'Writes pgscore.score for rows of a profile table, or for JSON: a case over all models that are promoted';
