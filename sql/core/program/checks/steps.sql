create function pgscore._step_kinds(step jsonb, kinds text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case step ->> 'step'
        when 'trees' then repeat('n', jsonb_array_length(step -> 'base'))
        when 'fill' then substr(kinds, (step -> 'of')::integer + 1, 1)
        when 'link' then repeat('n', pgscore._link_outputs(step ->> 'link', jsonb_array_length(step -> 'of')))
        else 'n'
    end
$$;

comment on function pgscore._step_kinds(jsonb, text) is
    'The kinds (n: number, t: text) of the registers that a valid step defines, where registers of these kinds exist';

create function pgscore._step_fields_problem(place text, step jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when f.required is null then format('%s.step is %s, which is no step of programs', place, pgscore._shown(step -> 'step'))
        else pgscore._fields_problem(place, step, array['step', 'of'] || f.required, f.optional)
    end
    from (values (case when jsonb_typeof(step -> 'step') = 'string' then step ->> 'step' end)) as s (name)
    left join (values
        ('affine', '{}'::text[], '{subtract,divide,multiply,add}'::text[]),
        ('clip', '{}', '{minimum,maximum}'),
        ('function', '{name}', '{}'),
        ('fill', '{with}', '{}'),
        ('missing', '{}', '{}'),
        ('lookup', '{keys,values,unknown,missing}', '{}'),
        ('linear', '{weights,intercept}', '{center}'),
        ('link', '{link}', '{}'),
        ('product', '{}', '{}'),
        ('ratio', '{}', '{}'),
        ('piecewise', '{knots,coefficients,closed,missing}', '{}'),
        ('quadratic', '{center}', '{matrix}'),
        ('median', '{weights}', '{}'),
        ('kernel', '{kernel,vectors,coefficients,intercept,gamma}', '{constant,degree}')
    ) as f (name, required, optional) on f.name = s.name
$$;

comment on function pgscore._step_fields_problem(text, jsonb) is
    'What is wrong with the fields of a step that is no trees step: which step it is, what is missing, what is not known; NULL where nothing is';

create function pgscore._step_reads_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant text := case when step ->> 'step' in ('fill', 'missing', 'lookup') then '*' else 'n' end;
    listed record;
    problem text;
begin
    select l.* into listed
    from (values
        ('linear', 0, 100000), ('link', 1, 1000), ('product', 2, 100), ('ratio', 2, 2), ('quadratic', 1, 100000),
        ('median', 1, 1000), ('kernel', 1, 100000)
    ) as l (name, least, most)
    where l.name = step ->> 'step';
    if listed is not null then
        return coalesce(
            pgscore._list_problem(place || '.of', step -> 'of', listed.least, listed.most),
            pgscore._registers_problem(place || '.of', step -> 'of', kinds, 'n')
        );
    end if;
    problem := case
        when not pgscore._is_integer(step -> 'of', 0, length(kinds) - 1) or wanted = 'n' then
            pgscore._registers_problem(place || '.of', step -> 'of', kinds, wanted)
    end;
    if problem is null and jsonb_typeof(step -> 'of') <> 'number' then
        problem := format('%s.of is %s, and a register is wanted', place, pgscore._shown(step -> 'of'));
    end if;
    return problem;
end
$$;

comment on function pgscore._step_reads_problem(text, jsonb, text) is
    'What is wrong with the registers that a step reads where registers of these kinds exist; NULL where nothing is';

create function pgscore._weights_problem(place text, step jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._numbers_problem(
            place || '.weights', step -> 'weights', jsonb_array_length(step -> 'of'), jsonb_array_length(step -> 'of')
        ),
        case when step ? 'center' then pgscore._numbers_problem(
            place || '.center', step -> 'center', jsonb_array_length(step -> 'of'), jsonb_array_length(step -> 'of')
        ) end,
        case when step ->> 'step' = 'median' then (
            select format('%s.weights[%s] is %s, and a number from 0 to 1e+300 is wanted', place, w.ordinal - 1, pgscore._shown(w.value))
            from jsonb_array_elements(step -> 'weights') with ordinality as w (value, ordinal)
            where not w.value::double precision between 0 and '1e300'
            order by w.ordinal limit 1
        ) end
    )
$$;

comment on function pgscore._weights_problem(text, jsonb) is
    'What is wrong with the weights of a linear or median step, and the center of a linear one; NULL where nothing is';

create function pgscore._lookup_problem(place text, step jsonb, kind text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._keys_problem(place || '.keys', step -> 'keys', case kind when 't' then 'text' else 'number' end),
        pgscore._list_problem(
            place || '.values', step -> 'values', jsonb_array_length(step -> 'keys'), jsonb_array_length(step -> 'keys')
        ),
        (
            select format('%s is %s, and a finite number or null is wanted', v.place, pgscore._shown(v.value))
            from (
                select format('%s.values[%s]', place, e.ordinal - 1), e.value, e.ordinal
                from jsonb_array_elements(step -> 'values') with ordinality as e (value, ordinal)
                union all
                select format('%s.%s', place, e.field), step -> e.field, 1000001
                from unnest(array['unknown', 'missing']) as e (field)
            ) as v (place, value, ordinal)
            where jsonb_typeof(v.value) <> 'null' and not pgscore._is_number(v.value)
            order by v.ordinal limit 1
        )
    )
$$;

comment on function pgscore._lookup_problem(text, jsonb, text) is
    'What is wrong with the keys and values of a lookup step of a register of this kind (n: number, t: text); NULL where nothing is';

create function pgscore._function_names() returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select '{abs,sqrt,square,sign,trunc,floor,ceil,relu,reciprocal,exp,expm1,log,log10,log1p,logit,expit,tanh,sin,cos}'::text[]
$$;

comment on function pgscore._function_names() is 'The functions of one number that programs have';

create function pgscore._operands_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := step ->> 'step';
    kind constant text := case when name in ('fill', 'lookup') then substr(kinds, (step -> 'of')::integer + 1, 1) end;
begin
    if name = 'clip' and not step ?| array['minimum', 'maximum'] then
        return format('%s has neither a minimum nor a maximum', place);
    elsif name = 'clip' and (step -> 'minimum')::double precision > (step -> 'maximum')::double precision then
        return format('%s.minimum is above its maximum', place);
    elsif name = 'affine' and (step -> 'divide')::double precision = 0 then
        return format('%s.divide is 0', place);
    elsif name = 'function' and (
        jsonb_typeof(step -> 'name') <> 'string' or step ->> 'name' <> all (pgscore._function_names())
    ) then
        return format(
            '%s.name is %s, and one of %s is wanted', place, pgscore._shown(step -> 'name'),
            array_to_string(pgscore._function_names(), ', ')
        );
    elsif name = 'fill' and kind = 't' and not pgscore._is_text(step -> 'with') then
        return format('%s.with is %s, and a text of at most 1,000 bytes is wanted', place, pgscore._shown(step -> 'with'));
    elsif name = 'fill' and kind = 'n' and not pgscore._is_number(step -> 'with') then
        return format('%s.with is %s, and a finite number is wanted', place, pgscore._shown(step -> 'with'));
    elsif name = 'lookup' then
        return pgscore._lookup_problem(place, step, kind);
    elsif name = 'link' then
        return pgscore._link_problem(place || '.link', step -> 'link', place || '.of', jsonb_array_length(step -> 'of'));
    elsif name = 'piecewise' then
        return pgscore._piecewise_problem(place, step);
    elsif name = 'quadratic' then
        return pgscore._quadratic_problem(place, step);
    elsif name = 'kernel' then
        return pgscore._kernel_problem(place, step);
    end if;
    return null;
end
$$;

comment on function pgscore._operands_problem(text, jsonb, text) is
    'What is wrong with what a step does to the registers that it reads; NULL where nothing is';

create function pgscore._program_step_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text;
    field text;
begin
    if jsonb_typeof(step) is distinct from 'object' then
        return pgscore._fields_problem(place, step, '{}', '{}');
    elsif step -> 'step' = '"trees"' then
        return pgscore._program_trees_problem(place, step, kinds);
    end if;
    problem := coalesce(
        pgscore._step_fields_problem(place, step), pgscore._step_reads_problem(place, step, kinds),
        case when step ->> 'step' in ('linear', 'median') then pgscore._weights_problem(place, step) end
    );
    if problem is not null then
        return problem;
    end if;
    foreach field in array array[
        'subtract', 'divide', 'multiply', 'add', 'minimum', 'maximum', 'intercept', 'gamma', 'constant'
    ] loop
        if step ? field and not pgscore._is_number(step -> field) then
            return format('%s.%s is %s, and a finite number is wanted', place, field, pgscore._shown(step -> field));
        end if;
    end loop;
    return pgscore._operands_problem(place, step, kinds);
end
$$;

comment on function pgscore._program_step_problem(text, jsonb, text) is
    'What is wrong with a step where registers of these kinds (n: number, t: text) exist; NULL where nothing is';
