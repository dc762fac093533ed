create function pgscore._program_careful(program jsonb, arguments text[]) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
    kinds text;
    may_miss boolean[] := '{}';
    variables text := '';
    body text := '';
    input jsonb;
    step jsonb;
    of integer;
    value text;
    kind text;
    field text;
    read integer[];
    trees text[];
    total text;
    register integer := 0;
begin
    select string_agg(case when i.input ->> 'type' = 'text' then 't' else 'n' end, '' order by i.ordinal) into kinds
    from jsonb_array_elements(program -> 'inputs') with ordinality as i (input, ordinal);
    for input in
        select i.value from jsonb_array_elements(program -> 'inputs') with ordinality as i (value, ordinal) order by i.ordinal
    loop
        kind := substr(kinds, register + 1, 1);
        variables := variables || format(
            case kind when 't' then E'r%s text := %s;\n' else E'r%s double precision := nullif(%s, ''NaN'');\n' end,
            register, arguments[register + 1]
        );
        value := concat_ws(
            ' or ',
            case when not (input -> 'nullable')::boolean then format('r%s is null', register) end,
            case when input ? 'minimum' then format('r%s < %s', register, pgscore._literal((input -> 'minimum')::double precision)) end,
            case when input ? 'maximum' then format('r%s > %s', register, pgscore._literal((input -> 'maximum')::double precision)) end,
            case when input ? 'known' then format(
                '(r%s is not null and %s <> all (%s))', register, pgscore._tested('r' || register, kind), pgscore._array_literal(input -> 'known', input ->> 'type')
            ) end
        );
        if value <> '' then
            body := body || format(E'if %s then return null; end if;\n', value);
        end if;
        may_miss := may_miss || (input -> 'nullable')::boolean;
        register := register + 1;
    end loop;

    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        if step ->> 'step' = 'trees' then
            read := translate((step -> 'of')::text, '[]', '{}')::integer[];
            for output in 0 .. jsonb_array_length(step -> 'base') - 1 loop
                variables := variables || format(E'r%s double precision := %s;\n', register,
                    pgscore._literal((step -> 'base' -> output)::double precision));
                trees := pgscore._tree_expressions(
                    step,
                    array(
                        select pgscore._tested('r' || r.register, substr(kinds, r.register + 1, 1))
                        from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal
                    ),
                    array(select may_miss[r.register + 1] from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal),
                    output
                );
                -- In parts: a sum of thousands of terms is too deep for the parser.
                for part in 0 .. (cardinality(trees) + 499) / 500 - 1 loop
                    body := body || format(case
                        when pgscore._leaves_are_bounded(step) then E'r%1$s := r%1$s + %2$s;\n'
                        else E'r%1$s := pgscore._weighted_sum(r%1$s, array[%3$s], array_fill(1::double precision, array[%4$s]));\n'
                        end,
                        register, array_to_string(trees[part * 500 + 1:part * 500 + 500], ' + '),
                        array_to_string(trees[part * 500 + 1:part * 500 + 500], ', '),
                        cardinality(trees[part * 500 + 1:part * 500 + 500]));
                end loop;
                if step ? 'divide' then
                    body := body || format(E'r%1$s := pgscore._divide(r%1$s, %2$s);\n', register,
                        pgscore._literal((step -> 'divide')::double precision));
                end if;
                kinds := kinds || 'n';
                may_miss := may_miss || true;
                register := register + 1;
            end loop;
            continue;
        end if;
        kind := pgscore._step_kinds(step, kinds);
        if jsonb_typeof(step -> 'of') = 'number' then
            of := (step -> 'of')::integer;
            value := 'r' || of;
        end if;
        case step ->> 'step'
            when 'affine' then
                foreach field in array array['subtract', 'divide', 'multiply', 'add'] loop
                    if step ? field then
                        value := format(
                            'pgscore._%s(%s, %s)',
                            case field when 'subtract' then 'add' else field end, value,
                            pgscore._literal((case field when 'subtract' then -1 else 1 end) * (step -> field)::double precision)
                        );
                    end if;
                end loop;
            when 'clip' then
                value := format(
                    'case when %1$s is not null then least(greatest(%1$s, %2$s), %3$s) end', value,
                    pgscore._literal((step -> 'minimum')::double precision), pgscore._literal((step -> 'maximum')::double precision)
                );
            when 'function' then
                value := format(
                    case step ->> 'name'
                        when 'abs' then 'abs(%1$s)'
                        when 'sqrt' then 'case when %1$s >= 0 then sqrt(%1$s) end'
                        else 'pgscore._multiply(%1$s, %1$s)'
                    end,
                    value
                );
            when 'fill' then
                value := format('coalesce(%s, %s)', value, case kind
                    when 't' then quote_literal(step ->> 'with') || '::text' else pgscore._literal((step -> 'with')::double precision) end);
            when 'missing' then
                value := format('case when %s is null then 1 else 0 end', value);
            when 'lookup' then
                value := pgscore._lookup(step, value, substr(kinds, of + 1, 1) = 't', true);
            when 'linear' then
                value := format(
                    'pgscore._weighted_sum(%s, array[%s]::double precision[], %s)',
                    pgscore._literal((step -> 'intercept')::double precision),
                    (
                        select string_agg('r' || o.register, ', ' order by o.ordinal)
                        from jsonb_array_elements_text(step -> 'of') with ordinality as o (register, ordinal)
                    ),
                    pgscore._array_literal(step -> 'weights', 'number')
                );
        end case;
        variables := variables || format(E'r%s %s;\n', register, case kind when 't' then 'text' else 'double precision' end);
        body := body || format(E'r%s := %s;\n', register, value);
        kinds := kinds || kind;
        may_miss := may_miss || true;
        register := register + 1;
    end loop;
    select string_agg('r' || s.register, ', ' order by s.ordinal) into total
    from jsonb_array_elements_text(program -> 'scores') with ordinality as s (register, ordinal);
    return format(
        E'\ndeclare\n%sbegin\n%sreturn pgscore._outputs(%L, array[%s]::double precision[]);\nend\n',
        variables, body, program ->> 'link', total
    );
end
$$;

comment on function pgscore._program_careful(jsonb, text[]) is
    'The body of a plpgsql function that gives all outputs of a valid program for any row and never raises; arguments is SQL for its inputs';
