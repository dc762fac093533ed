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
        when 'function' then format(
            case step ->> 'name'
                when 'abs' then 'abs(%1$s)'
                when 'sqrt' then 'case when %1$s >= 0 then sqrt(%1$s) end'
                else 'pgscore._multiply(%1$s, %1$s)'
            end,
            value
        )
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
    end;
end
$$;

comment on function pgscore._careful_step_sql(jsonb, text) is
    'SQL for a step of any kind but trees, over variables r0, r1, ... of these kinds (n: number, t: text)';

create function pgscore._careful_trees_sql(
    step jsonb, kinds text, may_miss boolean[], output integer, register integer
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    read constant integer[] := translate((step -> 'of')::text, '[]', '{}')::integer[];
    trees constant text[] := pgscore._trees_sql(
        step,
        array(
            select pgscore._tested_sql('r' || r.register, substr(kinds, r.register + 1, 1))
            from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal
        ),
        array(
            select may_miss[r.register + 1]
            from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal
        ),
        output
    );
    has_bounded_leaves constant boolean := pgscore._has_bounded_leaves(step);
    part text[];
    statements text := '';
begin
    -- In parts: a sum of thousands of terms is too deep for the parser.
    for start in 1 .. cardinality(trees) by 500 loop
        part := trees[start:start + 499];
        statements := statements || case
            when has_bounded_leaves then format(E'r%1$s := r%1$s + %2$s;\n', register, array_to_string(part, ' + '))
            else format(
                E'r%1$s := pgscore._weighted_sum(r%1$s, array[%2$s], array_fill(1::double precision, array[%3$s]));\n',
                register, array_to_string(part, ', '), cardinality(part)
            )
        end;
    end loop;
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
        E'\ndeclare\n%sbegin\n%sreturn pgscore._outputs(%L, array[%s]::double precision[]);\nend\n',
        variables, body, program ->> 'link', scores
    );
end
$$;

comment on function pgscore._careful_body_sql(jsonb, text[]) is
    'The body of a plpgsql function that gives all outputs of a valid program for any row and never raises; arguments is SQL for its inputs';
