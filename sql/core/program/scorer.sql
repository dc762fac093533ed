create function pgscore._without_decision(program jsonb) returns jsonb
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    found jsonb := program - 'decide';
    -- What the steps define, and of each where that begins.
    kinds text := repeat('n', jsonb_array_length(program -> 'inputs'));
    firsts integer[] := '{}';
    last constant integer := (
        select max(r.register::integer) from (
            select jsonb_array_elements_text(program -> 'scores')
            union all select q.required ->> 'of' from jsonb_array_elements(coalesce(program -> 'require', '[]')) as q (required)
        ) as r (register)
    );
    step jsonb;
begin
    if not program ? 'decide' then
        return program;
    end if;
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        firsts := firsts || length(kinds);
        kinds := kinds || pgscore._step_kinds(step, kinds);
    end loop;
    for number in reverse cardinality(firsts) .. 1 loop
        exit when firsts[number] <= last;
        found := found #- array['steps', (number - 1)::text];
    end loop;
    return found;
end
$$;

comment on function pgscore._without_decision(jsonb) is
    'A valid program without what decides of its label, and the last steps that are there for that alone';

create function pgscore._program_best_bare_sql(program jsonb, positive integer, arguments text[]) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    scored constant jsonb := pgscore._without_decision(program);
    attempt record;
    found pgscore.bare_expression;
begin
    for attempt in
        select a.* from (values
            (1, true, 'Infinity'::double precision), (2, true, '1e300'), (3, false, 'Infinity'), (4, false, '1e300'),
            (5, false, '1e150'), (6, false, '1e100'), (7, false, '1e30')
        ) as a (ordinal, wild_ones, box)
        where not pgscore._is_repeated(scored)
        order by a.ordinal
    loop
        found := pgscore._program_bare_sql(scored, positive, arguments, attempt.wild_ones, attempt.box);
        exit when found.expression is not null;
    end loop;
    if found.expression is null then
        found := pgscore._stepwise_sql(scored, positive, arguments);
    end if;
    return found;
end
$$;

comment on function pgscore._program_best_bare_sql(jsonb, integer, text[]) is
    'The SQL that guards least among those that serve, else the body of a function; without an expression where none does';

create function pgscore._scorer_name(model text, version integer, suffix text default '') returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := format('_%s %s%s', model, version, suffix);
begin
    -- The blank keeps it apart from whatever is called after a model: their names have none.
    if octet_length(name) > 63 then
        raise exception 'model "%" version % gives the name %, which is too long', model, version, name
            using errcode = 'name_too_long';
    end if;
    return 'pgscore_models.' || quote_ident(name);
end
$$;

comment on function pgscore._scorer_name(text, integer, text) is
    'A function or type of a version: no suffix: the score; b: bare; of a large program e: the expression, w: its trees walked; p: all outputs; r: the reasons; c: what reason codes are ranked by; i: the type of its inputs';
grant execute on function pgscore._scorer_name(text, integer, text) to pgscore_reader;

create function pgscore._largest_inlined_program() returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select 200
$$;

comment on function pgscore._largest_inlined_program() is
    'The largest size of a program that queries inline: to plan a larger one for each query, or to have JIT compile it, takes longer than its calls';

create function pgscore._is_compiling() returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Immutable, so that the planner asks when it plans, which is when it decides whether JIT will compile the plan. What
    -- follows from it changes speed, never a score.
    return current_setting('jit') = 'on' and current_setting('jit_above_cost') not like '-%';
end
$$;

comment on function pgscore._is_compiling() is 'Whether JIT may compile the plan that is being made';
grant execute on function pgscore._is_compiling() to pgscore_reader;

create function pgscore._scan_call_typed_sql(
    model text, version integer, program jsonb, positive integer, arguments text[], ordinary boolean[]
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    call constant text := pgscore._scorer_call_typed_sql(model, version, program, positive, arguments, ordinary);
begin
    -- In a small ensemble's time the call shows, by a quarter; in a large one's it does not.
    if not pgscore._is_apart(program) or pgscore._program_size(program) > 3000
        or position(pgscore._scorer_name(model, version, 'b') in call) = 0
        or pgscore._is_stepwise(pgscore._program_best_bare_sql(program, positive, arguments))
    then
        return call;
    end if;
    return format(
        E'case when pgscore._is_compiling()\n    then %s\n    else %s\nend', call,
        pgscore._scorer_call_typed_sql(model, version, program, positive, arguments, ordinary, 'e')
    );
end
$$;

comment on function pgscore._scan_call_typed_sql(text, integer, jsonb, integer, text[], boolean[]) is
    'The same as the typed call, for queries over many rows: inlined too where a program is not so large and JIT is off';

create function pgscore._is_apart(program jsonb) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_array_length(program -> 'inputs') <= 100 and pgscore._program_size(program) > pgscore._largest_inlined_program()
$$;

comment on function pgscore._is_apart(jsonb) is 'Whether the expression of a program stands in a function that is not inlined';

create function pgscore._scorer_expression_sql(
    model text, version integer, program jsonb, positive integer, bare pgscore.bare_expression, careful_call text,
    arguments text[], ordinary boolean[] default null, suffix text default 'b'
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wrapped constant text[] := array(
        select case when w.wrap is null or w.ordinary then w.argument else format(w.wrap, w.argument) end
        from unnest(bare.wraps, arguments, ordinary) with ordinality as w (wrap, argument, ordinary, ordinal)
        order by w.ordinal
    );
    call text;
begin
    if bare.expression is null then
        return careful_call;
    elsif jsonb_array_length(program -> 'inputs') <= 100 then
        call := format('%s(%s)', pgscore._scorer_name(model, version, suffix), array_to_string(wrapped, ', '));
    elsif wrapped = arguments then
        call := bare.expression;
    else
        -- A row as the argument would be copied into each reference to one of its fields.
        call := (pgscore._program_best_bare_sql(program, positive, wrapped)).expression;
    end if;
    if bare.guard is not null then
        call := format('case when %s then %s end', bare.guard, call);
    end if;
    if suffix = 'w' or careful_call is null then
        return call;
    end if;
    -- What is NULL is missing or refused, or out of the ordinary.
    return format('coalesce(%s, %s)', call, careful_call);
end
$$;

comment on function pgscore._scorer_expression_sql(text, integer, jsonb, integer, pgscore.bare_expression, text, text[], boolean[], text) is
    'SQL for a score: the bare expression, or the function with that suffix, where the guard lets a row pass and it is sure, else the careful call; with w, or without a careful call, NULL there, for who asks in a second statement. An ordinary argument is not wrapped';

create function pgscore._scorer_call_sql(
    model text, version integer, inputs integer, arguments text[], outputs boolean default false
) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        case when inputs > 100 then '%s(row(%s)::%s)' else '%s(%s)' end,
        pgscore._scorer_name(model, version, case when outputs then 'p' else '' end),
        array_to_string(arguments, ', '),
        pgscore._scorer_name(model, version, 'i')
    )
$$;

comment on function pgscore._scorer_call_sql(text, integer, integer, text[], boolean) is
    'SQL that calls the score of a version, or all its outputs, with arguments given as SQL, double precision or text';

create function pgscore._scorer_call_typed_sql(
    model text, version integer, program jsonb, positive integer, arguments text[], ordinary boolean[], suffix text default 'b', is_brief boolean default false
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    bare constant pgscore.bare_expression := pgscore._program_best_bare_sql(program, positive, arguments);
begin
    return pgscore._scorer_expression_sql(
        model, version, program, positive, bare,
        case when bare.expression is null or not is_brief then format(
            '(%s)[%s]',
            pgscore._scorer_call_sql(model, version, jsonb_array_length(program -> 'inputs'), arguments, true),
            coalesce(positive, 0) + 1
        ) end,
        arguments, ordinary, suffix
    );
end
$$;

comment on function pgscore._scorer_call_typed_sql(text, integer, jsonb, integer, text[], boolean[], text, boolean) is
    'The same as the score''s call, with less work where an argument is ordinary: of an integer type, boolean or real. For string bodies; past 100 inputs much faster than the call';

create function pgscore._has_walked(model text, version integer) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- By an index: to look at all functions would cost more with each version in the registry.
    select exists (
        select from pg_catalog.pg_proc p
        where p.pronamespace = 'pgscore_models'::regnamespace and p.proname = format('_%s %sw', model, version)::name
    )
$$;

comment on function pgscore._has_walked(text, integer) is 'Whether a version has a function that scores without a plan to make';

create function pgscore._has_expression(model text, version integer) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_catalog.pg_proc p
        where p.pronamespace = 'pgscore_models'::regnamespace and p.proname = format('_%s %se', model, version)::name
    )
$$;

comment on function pgscore._has_expression(text, integer) is
    'Whether a version has a function for the expression of its score alone: large programs do whose score is one';

create function pgscore._drop_scorer(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    doomed record;
begin
    -- The score calls the others.
    for doomed in
        select p.oid::regprocedure as function
        from unnest(array['', 'b', 'e', 'w', 'p', 'r', 'c']) with ordinality as s (suffix, ordinal)
        join pg_catalog.pg_proc p on p.proname = format('_%s %s%s', model, version, s.suffix)::name
        where p.pronamespace = 'pgscore_models'::regnamespace
        order by s.ordinal
    loop
        execute format('drop function %s', doomed.function);
    end loop;
    execute format('drop type if exists %s', pgscore._scorer_name(model, version, 'i'));
end
$$;

comment on function pgscore._drop_scorer(text, integer) is 'Drops the functions and the type of a version''s program, where there are any';

create function pgscore._create_inputs_type(name text, fields text, says text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('create type %s as (%s)', name, fields);
    execute format('comment on type %s is %L', name, says);
    execute format('grant usage on type %s to pgscore_reader', name);
end
$$;

comment on function pgscore._create_inputs_type(text, text, text) is
    'Writes the type that holds more inputs than a function has arguments';

create function pgscore._create_scorer(model text, version integer, program jsonb, positive integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    composite constant boolean := jsonb_array_length(program -> 'inputs') > 100;
    is_apart constant boolean := pgscore._is_apart(program);
    scorer constant text := pgscore._scorer_name(model, version);
    bare_name constant text := pgscore._scorer_name(model, version, 'b');
    expression_name constant text := pgscore._scorer_name(model, version, 'e');
    walked_name constant text := pgscore._scorer_name(model, version, 'w');
    careful_name constant text := pgscore._scorer_name(model, version, 'p');
    type_name constant text := pgscore._scorer_name(model, version, 'i');
    posture constant text := 'immutable parallel safe';
    -- PL/pgSQL plans an expression once in a session, and JIT does not see it. Without a pinned path, which would cost
    -- more than the call: every name has its schema.
    inlined constant text := 'create or replace function %s(%s) returns pg_catalog.float8 language sql %s return %s';
    apart constant text := 'create or replace function %s(%s) returns pg_catalog.float8 language plpgsql %s as %L';
    apart_body constant text := E'begin\n    return %s;\nend';
    scored text;
    fields text;
    declared text;
    types text;
    arguments text[];
    given text;
    bare pgscore.bare_expression;
    walked pgscore.bare_expression;
    careful_call text;
    says constant text := format('Model "%s" version %s: ', model, version);
begin
    select
        string_agg(format('a%s %s', i.ordinal, i.type), ', ' order by i.ordinal),
        string_agg(i.type, ', ' order by i.ordinal),
        array_agg(case when composite then format('(a).a%s', i.ordinal) else 'a' || i.ordinal end order by i.ordinal)
    into fields, types, arguments
    from (
        select e.ordinal, case e.value ->> 'type' when 'text' then 'pg_catalog.text' else 'pg_catalog.float8' end as type
        from jsonb_array_elements(program -> 'inputs') with ordinality as e (value, ordinal)
    ) i;
    declared := fields;
    given := array_to_string(arguments, ', ');
    if composite then
        declared := 'a ' || type_name;
        types := type_name;
        given := 'a';
    end if;
    -- What stands there already is replaced while it is in use: nothing that calls it has to wait, or to be planned anew.
    if (case when composite and to_regtype(type_name) is null then true else to_regprocedure(format('%s(%s)', scorer, types)) is null end) then
        perform pgscore._drop_scorer(model, version);
        if composite then
            perform pgscore._create_inputs_type(type_name, fields, says || 'its inputs');
        end if;
    end if;

    execute format(
        'create or replace function %s(%s) returns pg_catalog.float8[] language plpgsql %s set search_path = pg_catalog, pg_temp as %L',
        careful_name, declared, posture, pgscore._careful_body_sql(program, arguments)
    );
    perform pgscore._publish_function(format('%s(%s)', careful_name, types), says || 'all outputs, NULL where there is none');
    careful_call := format('(%s(%s))[%s]', careful_name, given, coalesce(positive, 0) + 1);

    bare := pgscore._program_best_bare_sql(program, positive, arguments);
    if pgscore._is_stepwise(bare) then
        execute format(apart, bare_name, declared, posture, bare.expression);
    elsif bare.expression is not null and not composite then
        execute format(inlined, case when is_apart then expression_name else bare_name end, declared, posture, bare.expression);
        if is_apart then
            perform pgscore._publish_function(
                format('%s(%s)', expression_name, types), says || 'the expression of the score, for ordinary inputs only'
            );
            execute format(apart, bare_name, declared, posture, format(apart_body, format('%s(%s)', expression_name, given)));
            if pgscore._walked(program) is not null then
                walked := pgscore._program_best_bare_sql(pgscore._walked(program), positive, arguments);
            end if;
            if walked.expression is not null and not pgscore._is_stepwise(walked) then
                execute format(apart, walked_name, declared, posture, format(apart_body, walked.expression));
                perform pgscore._publish_function(
                    format('%s(%s)', walked_name, types), says || 'the score, for ordinary inputs only, without a plan to make'
                );
            end if;
        end if;
    end if;
    if bare.expression is not null and not composite then
        perform pgscore._publish_function(format('%s(%s)', bare_name, types), says || 'the score, for ordinary inputs only');
    end if;
    scored := pgscore._scorer_expression_sql(model, version, program, positive, bare, careful_call, arguments);
    if is_apart then
        execute format(apart, scorer, declared, posture, format(apart_body, scored));
    else
        execute format(inlined, scorer, declared, posture, scored);
    end if;
    perform pgscore._publish_function(format('%s(%s)', scorer, types), says || 'the score');
end
$$;

comment on function pgscore._create_scorer(text, integer, jsonb, integer) is
    'Writes the functions of a valid program: the score (its position among the outputs counts from 0; NULL for a value), the same without guards, all outputs';
