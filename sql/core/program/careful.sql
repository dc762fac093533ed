create function pgscore._careful_declarations_sql(inputs jsonb, arguments text[]) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        case i.input ->> 'type'
            when 'text' then format(E'r%s text := %s;\n', i.ordinal - 1, arguments[i.ordinal])
            else format(E'r%s double precision := nullif(%s, ''NaN'');\n', i.ordinal - 1, arguments[i.ordinal])
        end,
        '' order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
$$;

comment on function pgscore._careful_declarations_sql(jsonb, text[]) is
    'The variables r0, r1, ... that hold the inputs, whose SQL is given';

create function pgscore._careful_refusals_sql(inputs jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(string_agg(format(E'if %s then return null; end if;\n', nullif(w.why, '')), '' order by w.ordinal), '')
    from (
        select i.ordinal, concat_ws(
            ' or ',
            case when not (i.input -> 'nullable')::boolean then format('%s is null', i.name) end,
            case when i.input ? 'minimum' then
                format('%s < %s', i.name, pgscore._literal_sql((i.input -> 'minimum')::double precision)) end,
            case when i.input ? 'maximum' then
                format('%s > %s', i.name, pgscore._literal_sql((i.input -> 'maximum')::double precision)) end,
            case when i.input ? 'known' then format(
                '(%s is not null and %s <> all (%s))', i.name,
                pgscore._tested_sql(i.name, case i.input ->> 'type' when 'text' then 't' else 'n' end),
                pgscore._array_literal_sql(i.input -> 'known', i.input ->> 'type')
            ) end
        ) as why
        from (
            select e.input, e.ordinal, 'r' || e.ordinal - 1 as name
            from jsonb_array_elements(inputs) with ordinality as e (input, ordinal)
        ) i
    ) w
    where w.why <> ''
$$;

comment on function pgscore._careful_refusals_sql(jsonb) is 'Statements that end where an input is not what the program takes';

create function pgscore._careful_requirements_sql(require jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(string_agg(format(E'if %s then return null; end if;\n', nullif(w.why, '')), '' order by w.ordinal), '')
    from (
        select e.ordinal, concat_ws(
            ' or ',
            case when not (e.value -> 'nullable')::boolean then format('r%s is null', e.value -> 'of') end,
            case when e.value ? 'minimum' then
                format('r%s < %s', e.value -> 'of', pgscore._literal_sql((e.value -> 'minimum')::double precision)) end,
            case when e.value ? 'maximum' then
                format('r%s > %s', e.value -> 'of', pgscore._literal_sql((e.value -> 'maximum')::double precision)) end
        ) as why
        from jsonb_array_elements(require) with ordinality as e (value, ordinal)
    ) w
    where w.why <> ''
$$;

comment on function pgscore._careful_requirements_sql(jsonb) is
    'Statements that end where a register is not what the program requires; none of NULL';

create function pgscore._careful_affine_sql(step jsonb, value text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    field text;
    operand double precision;
begin
    foreach field in array array['subtract', 'divide', 'multiply', 'add'] loop
        if step ? field then
            operand := (step -> field)::double precision;
            value := case field
                when 'subtract' then format('pgscore._add(%s, %s)', value, pgscore._literal_sql(-1 * operand))
                else format('pgscore._%s(%s, %s)', field, value, pgscore._literal_sql(operand))
            end;
        end if;
    end loop;
    return value;
end
$$;

comment on function pgscore._careful_affine_sql(jsonb, text) is 'SQL for an affine step of a value';

create function pgscore._careful_function_sql(name text, value text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        case
            when name in ('abs', 'sign', 'trunc', 'floor', 'ceil', 'tanh') then '%2$s(%1$s)'
            when name in ('sin', 'cos') then 'case when abs(%1$s) < ''Infinity'' then %2$s(%1$s) end'
            when name = 'sqrt' then 'case when %1$s >= 0 then sqrt(%1$s) end'
            when name = 'square' then 'pgscore._multiply(%1$s, %1$s)'
            when name = 'relu' then 'float8larger(%1$s, 0)'
            when name = 'reciprocal' then 'pgscore._divide(1, %1$s)'
            else 'pgscore._%2$s(%1$s)'
        end,
        value, name
    )
$$;

comment on function pgscore._careful_function_sql(text, text) is 'SQL for a function step of a value';

create function pgscore._careful_step_sql(step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    value text;
    kind text;
begin
    if jsonb_typeof(step -> 'of') = 'number' then
        value := 'r' || (step -> 'of')::integer;
        kind := substr(kinds, (step -> 'of')::integer + 1, 1);
    end if;
    return case step ->> 'step'
        when 'affine' then pgscore._careful_affine_sql(step, value)
        when 'clip' then format(
            'case when %1$s is not null then least(greatest(%1$s, %2$s), %3$s) end', value,
            pgscore._literal_sql((step -> 'minimum')::double precision),
            pgscore._literal_sql((step -> 'maximum')::double precision)
        )
        when 'function' then pgscore._careful_function_sql(step ->> 'name', value)
        when 'fill' then format('coalesce(%s, %s)', value, case kind
            when 't' then pgscore._text_literal_sql(step ->> 'with')
            else pgscore._literal_sql((step -> 'with')::double precision) end)
        when 'missing' then format('case when %s is null then 1 else 0 end', value)
        when 'lookup' then pgscore._lookup_sql(step, value, kind = 't', true)
        when 'linear' then format(
            'pgscore._weighted_sum(%s, array[%s]::double precision[], %s)',
            pgscore._literal_sql((step -> 'intercept')::double precision),
            (
                select string_agg('r' || o.register, ', ' order by o.ordinal)
                from jsonb_array_elements_text(step -> 'of') with ordinality as o (register, ordinal)
            ),
            pgscore._array_literal_sql(step -> 'weights', 'number')
        )
        when 'median' then format('nullif(%s, ''NaN'')', pgscore._formula_sql(step, array(
            select format('coalesce(r%s, ''NaN'')', o.register)
            from jsonb_array_elements_text(step -> 'of') with ordinality as o (register, ordinal)
            order by o.ordinal
        )))
        else pgscore._formula_sql(step, array(
            select 'r' || o.register
            from jsonb_array_elements_text(
                case jsonb_typeof(step -> 'of') when 'array' then step -> 'of' else jsonb_build_array(step -> 'of') end
            ) with ordinality as o (register, ordinal)
            order by o.ordinal
        ))
    end;
end
$$;

comment on function pgscore._careful_step_sql(jsonb, text) is
    'SQL for a step of any kind but trees, over variables r0, r1, ... of these kinds (n: number, t: text)';

create function pgscore._careful_link_sql(step jsonb, register integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with linked as (
        select
            format(
                'pgscore._outputs(%L, array[%s]::double precision[])', step ->> 'link',
                string_agg('r' || o.register, ', ' order by o.ordinal)
            ) as call,
            pgscore._link_outputs(step ->> 'link', count(*)::integer) as outputs
        from jsonb_array_elements_text(step -> 'of') with ordinality as o (register, ordinal)
    )
    select case
        when l.outputs = 1 then format(E'r%s := (%s)[1];\n', register, l.call)
        else format(E'o%s := %s;\n', register, l.call) || (
            select string_agg(format(E'r%s := o%s[%s];\n', register + n.number - 1, register, n.number), '' order by n.number)
            from generate_series(1, l.outputs) as n (number)
        )
    end
    from linked l
$$;

comment on function pgscore._careful_link_sql(jsonb, integer) is
    'Statements for a link step whose first register has this number: its outputs, of several from an array o';

create function pgscore._careful_trees_sql(
    step jsonb, kinds text, may_miss boolean[], output integer, register integer
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    read constant integer[] := translate((step -> 'of')::text, '[]', '{}')::integer[];
    tests constant text[] := array(
        select pgscore._tested_sql('r' || r.register, substr(kinds, r.register + 1, 1))
        from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal
    );
    missing constant boolean[] := array(
        select may_miss[r.register + 1]
        from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal
    );
    walk text;
    trees text[];
    part text[];
    statements text := '';
begin
    if pgscore._has_bounded_leaves(step) then
        walk := pgscore._walk_sql(step, tests, missing, output, 'r' || register);
    end if;
    if walk is not null then
        statements := format(E'r%s := %s;\n', register, walk);
    else
        trees := pgscore._trees_sql(step, tests, missing, output);
        -- In parts: an array of thousands of terms is too much for the parser.
        for start in 1 .. cardinality(trees) by 500 loop
            part := trees[start:start + 499];
            statements := statements || format(
                E'r%1$s := pgscore._weighted_sum(r%1$s, array[%2$s], array_fill(1::double precision, array[%3$s]));\n',
                register, array_to_string(part, ', '), cardinality(part)
            );
        end loop;
    end if;
    if step ? 'divide' then
        statements := statements || format(
            E'r%1$s := pgscore._divide(r%1$s, %2$s);\n', register,
            pgscore._literal_sql((step -> 'divide')::double precision)
        );
    end if;
    return statements;
end
$$;

comment on function pgscore._careful_trees_sql(jsonb, text, boolean[], integer, integer) is
    'Statements that add the trees of an output to the variable of its register, which holds the base';

create function pgscore._careful_body_sql(program jsonb, arguments text[]) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    variables text := pgscore._careful_declarations_sql(program -> 'inputs', arguments);
    body text := pgscore._careful_refusals_sql(program -> 'inputs');
    kinds text;
    may_miss boolean[];
    step jsonb;
    step_kinds text;
    register integer := jsonb_array_length(program -> 'inputs');
    scores text;
begin
    select
        string_agg(case when i.input ->> 'type' = 'text' then 't' else 'n' end, '' order by i.ordinal),
        array_agg((i.input -> 'nullable')::boolean order by i.ordinal)
    into kinds, may_miss
    from jsonb_array_elements(program -> 'inputs') with ordinality as i (input, ordinal);
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        step_kinds := pgscore._step_kinds(step, kinds);
        if step ->> 'step' = 'trees' then
            for output in 0 .. length(step_kinds) - 1 loop
                variables := variables || format(
                    E'r%s double precision := %s;\n', register + output,
                    pgscore._literal_sql((step -> 'base' -> output)::double precision)
                );
                body := body || pgscore._careful_trees_sql(step, kinds, may_miss, output, register + output);
            end loop;
        elsif step ->> 'step' = 'link' then
            variables := variables || (
                select string_agg(format(E'r%s double precision;\n', register + n.number), '' order by n.number)
                from generate_series(0, length(step_kinds) - 1) as n (number)
            );
            if length(step_kinds) > 1 then
                variables := variables || format(E'o%s double precision[];\n', register);
            end if;
            body := body || pgscore._careful_link_sql(step, register);
        else
            variables := variables || format(
                E'r%s %s;\n', register, case step_kinds when 't' then 'text' else 'double precision' end
            );
            body := body || format(E'r%s := %s;\n', register, pgscore._careful_step_sql(step, kinds));
        end if;
        kinds := kinds || step_kinds;
        may_miss := may_miss || array_fill(true, array[length(step_kinds)]);
        register := register + length(step_kinds);
    end loop;
    select string_agg('r' || s.register, ', ' order by s.ordinal) into scores
    from jsonb_array_elements_text(program -> 'scores') with ordinality as s (register, ordinal);
    return format(
        E'\ndeclare\n%sbegin\n%s%sreturn pgscore._outputs(%L, array[%s]::double precision[])%s;\nend\n',
        variables, body, pgscore._careful_requirements_sql(program -> 'require'), program ->> 'link', scores,
        (
            select format(' || array[%s]::double precision[]', string_agg('r' || d.register, ', ' order by d.ordinal))
            from jsonb_array_elements_text(program -> 'decide') with ordinality as d (register, ordinal)
            having count(*) > 0
        )
    );
end
$$;

comment on function pgscore._careful_body_sql(jsonb, text[]) is
    'The body of a plpgsql function that gives all outputs of a valid program for any row, and behind them what decides of its label, and never raises; arguments is SQL for its inputs';
