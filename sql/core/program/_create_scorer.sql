create function pgscore._create_scorer(model text, version integer, program jsonb, positive integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    inputs constant integer := jsonb_array_length(program -> 'inputs');
    composite constant boolean := inputs > 100;
    scorer constant text := pgscore._scorer_name(model, version);
    bare_name constant text := pgscore._scorer_name(model, version, 'b');
    careful_name constant text := pgscore._scorer_name(model, version, 'p');
    type_name constant text := pgscore._scorer_name(model, version, 'i');
    posture constant text := 'immutable parallel safe';
    fields text;
    declared text;
    types text;
    arguments text[];
    given text;
    bare pgscore.bare_expression;
    says constant text := format('Model "%s" version %s: ', model, version);
    careful_call text;
begin
    perform pgscore._drop_scorer(model, version);
    select
        string_agg(format('a%s %s', i.ordinal, i.type), ', ' order by i.ordinal),
        string_agg(i.type, ', ' order by i.ordinal),
        array_agg(case when composite then format('(a).a%s', i.ordinal) else 'a' || i.ordinal end order by i.ordinal)
    into fields, types, arguments
    from (
        select e.ordinal, case e.value ->> 'type' when 'text' then 'text' else 'double precision' end as type
        from jsonb_array_elements(program -> 'inputs') with ordinality as e (value, ordinal)
    ) i;
    declared := fields;
    given := array_to_string(arguments, ', ');
    if composite then
        execute format('create type %s as (%s)', type_name, fields);
        execute format('comment on type %s is %L', type_name, says || 'its inputs');
        execute format('grant usage on type %s to pgscore_reader', type_name);
        declared := 'a ' || type_name;
        types := type_name;
        given := 'a';
    end if;

    execute format(
        'create function %s(%s) returns double precision[] language plpgsql %s set search_path = pg_catalog, pg_temp as %L',
        careful_name, declared, posture, pgscore._program_careful(program, arguments)
    );
    perform pgscore._publish_function(format('%s(%s)', careful_name, types), says || 'all outputs, NULL where there is none');
    careful_call := format('(%s(%s))[%s]', careful_name, given, coalesce(positive, 0) + 1);

    bare := pgscore._program_best_bare(program, positive, arguments);
    if bare.expression is not null and not composite then
        execute format(
            'create function %s(%s) returns double precision language sql %s return %s', bare_name, declared, posture, bare.expression
        );
        perform pgscore._publish_function(format('%s(%s)', bare_name, types), says || 'the score, for ordinary inputs only');
    end if;
    execute format(
        'create function %s(%s) returns double precision language sql %s return %s',
        scorer, declared, posture, pgscore._scorer_expression(model, version, program, positive, bare, careful_call, arguments)
    );
    perform pgscore._publish_function(format('%s(%s)', scorer, types), says || 'the score');
end
$$;

comment on function pgscore._create_scorer(text, integer, jsonb, integer) is
    'Writes the functions of a valid program: the score (its position among the outputs counts from 0; NULL for a value), the same without guards, all outputs';
