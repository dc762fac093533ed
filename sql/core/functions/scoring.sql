-- The text of the functions that answer for a model: by JSON, by rows of a profile table, and the ones in front of
-- them, which choose by the model's name. Those that are inlined are parsed under the caller's search_path, so
-- everything in them names its schema, operators too.
--
-- A function for rows of a table names a version. Whether that one answers, it asks "churn serving"(), which each
-- promotion replaces and the planner folds away. So a function that a promotion could not replace is slow, not wrong.

create function pgscore._model_functions(model text) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving record;
    payload text[];
    split record;
    posture text;
    score text;
begin
    select
        v.version, v.contract -> 'inputs' as inputs, v.contract -> 'output' as output, m.one_engine, v.digest,
        pgscore._first_engine(m.name) as first_engine, pgscore._counts_scores(m.name) as counts_scores
    into strict serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _model_functions.model;
    posture := 'sql stable parallel ' || case when pgscore._takes_arrays(serving.one_engine) then 'restricted' else 'safe' end;
    payload := pgscore._payload_arguments(serving.inputs, '$1');
    score := pgscore._lasting_call(serving.first_engine, serving.one_engine, model, serving.version, payload);
    split := pgscore._split_arguments(serving.inputs, payload);

    -- Stable, not immutable: plans depend on functions that were inlined, and not on constants that were computed.
    return next (
        pgscore._model_function(model, 'serving'), '{}', '{}', 'integer', 'sql stable parallel safe',
        'select ' || serving.version,
        format('Model "%s" version %s: the number of the version that answers', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, ''), '{payload}', '{jsonb}', 'double precision', posture,
        'select ' || score,
        format('Model "%s" version %s: a row as JSON', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'predict'), '{payload}', '{jsonb}', 'jsonb', posture,
        format(
            'select pgscore._prediction(%s, %L, %s)', serving.version, serving.output,
            pgscore._lasting_call(serving.first_engine, serving.one_engine, model, serving.version, payload, true)
        ),
        format('Model "%s" version %s: label and class probabilities, or value, of a row as JSON', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'scored'), '{payload}', '{jsonb}', 'pgscore.scored',
        'plpgsql stable parallel restricted set search_path = pg_catalog, pg_temp',
        case
            when pgscore._takes_arrays(serving.one_engine) then format(
                E'begin\n    return pgscore._estimate(%L, %s, %L, 1, %s, %s);\nend', model, serving.version, serving.digest,
                split.numbers, split.texts
            )
            else format(
                E'declare\n    score constant double precision := %s;\nbegin\n'
                    '    return (%s, array[score], array[case when score is null then pgscore._reason(%L, %s, %s, %s) end])'
                    '::pgscore.scored;\nend',
                score, serving.version, model, serving.version, split.numbers, split.texts
            )
        end,
        format('Model "%s" version %s: a row as JSON, with the version and the reason of a refusal', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'one'), '{numbers,texts}', '{double precision[],text[]}', 'double precision[]',
        case when serving.counts_scores then 'plpgsql volatile parallel unsafe' else posture end,
        case
            when serving.counts_scores then pgscore._lasting_row_sql(model, serving.version, serving.one_engine, serving.inputs)
            else format(
                'select array[%s, %s::pg_catalog.float8]',
                pgscore._given_call(serving.one_engine, model, serving.version, serving.inputs, null), serving.version
            )
        end,
        format('Model "%s" version %s: score and version of a row, given as its numbers and its texts', model, serving.version)
    )::pgscore.generated_function;
end
$$;

comment on function pgscore._model_functions(text) is 'The functions that answer for a model by JSON, naming the version that serves';

create function pgscore._lasting_call(
    first_engine text, one_engine text, model text, version integer, arguments text[], every boolean default false
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if first_engine = one_engine then
        return pgscore._engine_call(one_engine, model, version, arguments, every, manner => 'query');
    end if;
    -- Queries count nothing, since what is counted cannot be in parallel workers; they follow what a binding has counted.
    return format(
        E'case when pgscore._can_interpret()\n    then %s\n    else %s\nend',
        pgscore._engine_call(one_engine, model, version, arguments, every, manner => 'apart'),
        pgscore._engine_call(first_engine, model, version, arguments, every)
    );
end
$$;

comment on function pgscore._lasting_call(text, text, text, integer, text[], boolean) is
    'SQL that scores a row with the one engine in sessions that last, and with the first in others';

create function pgscore._model_function(model text, what text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- The blank keeps it apart from what is called after another model: their names have none.
    select 'pgscore_models.' || quote_ident(concat_ws(' ', model, nullif(what, '')))
$$;

comment on function pgscore._model_function(text, text) is
    'The name of a function of a model''s: no word: the score; serving: the version; rows, rescore: what bindings ask; one: a row as arrays; predict, scored: by JSON';
grant execute on function pgscore._model_function(text, text) to pgscore_reader;

create function pgscore._profile_functions(model text, profile regclass) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving record;
    problem record;
    arguments text[];
    present text[];
    split record;
    ordinary boolean[];
    is_current text;
    says text;
    row_type constant text := profile::text;
    many_posture text := 'sql stable parallel safe';
    rescore_posture text := 'sql stable parallel safe';
    rows_posture constant text := 'plpgsql stable parallel restricted set search_path = pg_catalog, pg_temp';
    late_score constant text := format('pgscore._late_score(%L, $1)', model);
    late_rows constant text := format('pgscore._late_rows(%L, $1)', model);
    late_rescore constant text := format('pgscore._late_rescore(%L, $2)', model);
    score text := 'select ' || late_score;
    rescore text := 'select ' || late_rescore;
    rows_body text := format(E'begin\n    return %s;\nend', late_rows);
begin
    select
        v.version, v.contract -> 'inputs' as inputs, m.one_engine, m.many_engine,
        pgscore._first_engine(m.name) as first_engine, pgscore._counts_scores(m.name) as counts_scores
    into serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _profile_functions.model;
    says := format('Model "%s" version %s: ', model, serving.version);
    select p.* into problem from pgscore._profile_problem(profile, serving.inputs) p where serving.version is not null;
    if serving.version is null then
        -- Triggers name what stands here; a promotion replaces it.
        says := format('Model "%s", without a version that answers: ', model);
    elsif problem.message is null then
        ordinary := pgscore._ordinary_columns(profile, serving.inputs);
        arguments := pgscore._profile_arguments(profile, serving.inputs, '($1)');
        is_current := format('%s() operator(pg_catalog.=) %s', pgscore._model_function(model, 'serving'), serving.version);
        -- Queries take the engine for many rows. What it calls may be parallel safe, and the estimator engine is not.
        score := format(
            E'select case when %s\n    then %s\n    else %s\nend', is_current,
            pgscore._engine_call(serving.many_engine, model, serving.version, arguments, false, ordinary, 'scan'), late_score
        );
        present := pgscore._profile_arguments(profile, serving.inputs, '($2)');
        -- A function that counts is given arrays, not rows: PL/pgSQL takes a row apart and puts it together again.
        split := pgscore._split_arguments(serving.inputs, present);
        rescore := format(
            E'select case when not %s\n    then %s\n    when $3 or %s\n    then %s\nend', is_current, late_rescore,
            pgscore._inputs_differ(profile, serving.inputs, '($1)', '($2)'),
            case
                when serving.counts_scores
                then format('%s(%s, %s)', pgscore._model_function(model, 'one'), split.numbers, split.texts)
                else format(
                    'array[%s, %s::pg_catalog.float8]',
                    pgscore._engine_call(serving.one_engine, model, serving.version, present, false, ordinary, 'brief'),
                    serving.version
                )
            end
        );
        if serving.counts_scores then
            rescore_posture := 'sql volatile parallel unsafe';
        end if;
        rows_body := format(
            E'begin\n    if not %s then\n        return %s;\n    end if;\n'
                '    -- Neither pays for the other''s plan.\n'
                '    if cardinality($1) = 1 then\n        %s\n    end if;\n    %s\nend',
            is_current, late_rows,
            pgscore._rows_statement(model, serving.version, serving.inputs, serving.first_engine, profile),
            pgscore._rows_statement(model, serving.version, serving.inputs, serving.many_engine, profile)
        );
        if pgscore._takes_arrays(serving.many_engine) then
            many_posture := 'sql stable parallel restricted';
        end if;
        if pgscore._takes_arrays(serving.one_engine) then
            rescore_posture := 'sql stable parallel restricted';
        end if;
    else
        -- It asks again at each call: the column may come back.
        says := says || problem.message || ': ';
    end if;
    if serving.version is not null then
        return next (
            pgscore._model_function(model, ''), '{profile}', array[row_type], 'double precision', many_posture, score,
            format('%sa row of %s', says, profile)
        )::pgscore.generated_function;
    end if;
    return next (
        pgscore._model_function(model, 'rescore'), '{former,present,forced}', array[row_type, row_type, 'boolean'],
        'double precision[]', rescore_posture, rescore,
        format('%sscore and version of a row of %s, if what the model reads has changed; without a score, ask for an array of one row', says, profile)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'rows'), '{profiles}', array[row_type || '[]'], 'pgscore.scored', rows_posture, rows_body,
        format('%srows of %s, with the version and the reasons of refusals', says, profile)
    )::pgscore.generated_function;
end
$$;

comment on function pgscore._profile_functions(text, regclass) is
    'The functions of a model that take rows of one profile table, naming the version that serves; where a column is missing, they say so; where none serves, those that triggers call';

create function pgscore._given_call(engine text, model text, version integer, inputs jsonb, manner text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Elements by their place among the numbers, or among the texts.
    elements constant text[] := array(
        select format(
            case when e.is_text then '($2)[%s]' else '($1)[%s]' end,
            row_number() over (partition by e.is_text order by e.ordinal)
        )
        from (
            select i.ordinal, i.input ->> 'type' = 'text' as is_text
            from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
        ) e
        order by e.ordinal
    );
    split record;
begin
    if engine = 'sql' and manner = 'careful' then
        return pgscore._scorer_call_sql(model, version, cardinality(elements), elements, true);
    elsif engine = 'sql' then
        return pgscore._engine_call(
            'sql', model, version, elements, false, array_fill(false, array[cardinality(elements)]), manner
        );
    end if;
    -- What takes arrays takes them as they are.
    select nullif(s.numbers, 'null') as numbers, nullif(s.texts, 'null') as texts into split
    from pgscore._split_arguments(inputs, elements) s;
    return replace(
        replace(pgscore._engine_call(engine, model, version, elements, manner => manner), coalesce(split.numbers, ''), '$1'),
        coalesce(split.texts, ''), '$2'
    );
end
$$;

comment on function pgscore._given_call(text, text, integer, jsonb, text) is
    'SQL that scores a row with one engine of a version, its numbers given as $1 and its texts as $2; careful: all outputs by the function for any row';

create function pgscore._lasting_row_sql(model text, version integer, one_engine text, inputs jsonb) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    positive constant integer := (
        select (v.contract #>> '{output,positive}')::integer from pgscore.model_version v
        where v.model = _lasting_row_sql.model and v.version = _lasting_row_sql.version
    );
    interpreting text := '';
    walking text := '';
begin
    if one_engine = 'interpreter' then
        interpreting := format(
            $body$
    if pg_catalog.current_setting('pgscore.lasting', true) operator(pg_catalog.=) 'on' then
        -- PL/Python has been paid for in this session, or is now. Where it does not work, sql goes on.
        begin
            score := %1$s;
            if score operator(pg_catalog.=) 'NaN' then
                -- This session does not have the program yet.
                score := %2$s;
            end if;
            return array[score, %3$s::pg_catalog.float8];
        exception
            when transaction_rollback then raise;
            when others then perform pgscore._stop_interpreting(%4$L, sqlerrm);
        end;
    end if;$body$,
            pgscore._given_call('interpreter', model, version, inputs, 'walk'),
            pgscore._given_call('interpreter', model, version, inputs, 'apart'), version, model
        );
    end if;
    if pgscore._has_walked(model, version) then
        -- In a statement of its own, so that most sessions do not plan what few rows need.
        walking := format(
            $body$
        score := %1$s;
        if score is null then
            score := (%2$s)[%3$s];
        end if;
        return array[score, %4$s::pg_catalog.float8];$body$,
            pgscore._given_call('sql', model, version, inputs, 'walk'),
            pgscore._given_call('sql', model, version, inputs, 'careful'), coalesce(positive, 0) + 1, version
        );
    end if;
    return format(
        $body$declare
    score pg_catalog.float8;
    mark pg_catalog.text;
begin%1$s
    -- Only now: each statement costs a transaction something.
    mark := pg_catalog.current_setting('pgscore.lasting', true);
    if mark is null or not mark operator(pg_catalog.=) any ('{on,sql}'::pg_catalog.text[]) then
        -- A session that scores a few rows only plans and starts as little as it can. After the ninth it lasts.
        mark := pg_catalog.set_config(
            'pgscore.lasting',
            case when pg_catalog.length(mark) operator(pg_catalog.>=) 8 then 'on' else pg_catalog.concat(mark, '.') end, false
        );%2$s
    end if;
    return array[%3$s, %4$s::pg_catalog.float8];
end$body$,
        interpreting, walking, pgscore._given_call('sql', model, version, inputs, null), version
    );
end
$$;

comment on function pgscore._lasting_row_sql(text, integer, text, jsonb) is
    'The body of a function that scores a row given as arrays: without a plan to make at first, and in sessions that last with the engine that was chosen';

create function pgscore._rows_statement(model text, version integer, inputs jsonb, engine text, profile regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    row_arguments constant text[] := pgscore._profile_arguments(profile, inputs, 'pgscore_row');
    -- The table's number makes the plan depend on it: a change of its columns reaches the plans of open sessions.
    depending constant text := format('where pg_typeof(%L::regclass) is not null', profile::oid);
    each_row constant text := ') from unnest($1) as pgscore_row ' || depending || ')';
    split record;
begin
    if pgscore._takes_arrays(engine) then
        split := pgscore._split_arguments(inputs, pgscore._present_arguments(inputs, row_arguments));
        return format(
            'return pgscore._estimate(%L, %s, %L, cardinality($1), %s, %s);', model, version,
            (
                select v.digest from pgscore.model_version v
                where v.model = _rows_statement.model and v.version = _rows_statement.version
            ),
            coalesce('(select array_agg(' || nullif(split.numbers, 'null') || each_row, 'null'),
            coalesce('(select array_agg(' || nullif(split.texts, 'null') || each_row, 'null')
        );
    end if;
    -- A scan of an array is in its order; the subquery keeps each score from being computed twice; a reason is asked for
    -- only where there is no score.
    split := pgscore._split_arguments(inputs, pgscore._profile_arguments(profile, inputs, '(s.pgscore_row)'));
    return format(
        'return (
            select (%s, array_agg(s.score), array_agg(
                case when s.score is null then pgscore._reason(%L, %s, %s, %s) end
            ))::pgscore.scored
            from (select %s as score, pgscore_row from unnest($1) as pgscore_row offset 0) s
            %s
        );',
        version, model, version, split.numbers, split.texts,
        pgscore._engine_call(engine, model, version, row_arguments), depending
    );
end
$$;

comment on function pgscore._rows_statement(text, integer, jsonb, text, regclass) is
    'The statement with which the function that bindings call scores rows of a profile table with one engine';
