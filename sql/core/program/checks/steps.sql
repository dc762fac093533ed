create function pgscore._step_kinds(step jsonb, kinds text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case step ->> 'step'
        when 'trees' then repeat('n', jsonb_array_length(step -> 'base'))
        when 'fill' then substr(kinds, (step -> 'of')::integer + 1, 1)
        else 'n'
    end
$$;

comment on function pgscore._step_kinds(jsonb, text) is
    'The kinds (n: number, t: text) of the registers that a valid step defines, where registers of these kinds exist';

create function pgscore._program_step_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := case when jsonb_typeof(step -> 'step') = 'string' then step ->> 'step' end;
    problem text;
    field text;
    wanted text;
    numbers text[] := '{}';
begin
    if jsonb_typeof(step) is distinct from 'object' then
        return pgscore._fields_problem(place, step, '{}', '{}');
    elsif name = 'trees' then
        return pgscore._program_trees_problem(place, step, kinds);
    end if;
    case name
        when 'affine' then
            numbers := array['subtract', 'divide', 'multiply', 'add'];
            problem := pgscore._fields_problem(place, step, array['step', 'of'], numbers);
        when 'clip' then
            numbers := array['minimum', 'maximum'];
            problem := pgscore._fields_problem(place, step, array['step', 'of'], numbers);
        when 'function' then
            problem := pgscore._fields_problem(place, step, array['step', 'of', 'name'], '{}');
        when 'fill' then
            problem := pgscore._fields_problem(place, step, array['step', 'of', 'with'], '{}');
        when 'missing' then
            problem := pgscore._fields_problem(place, step, array['step', 'of'], '{}');
        when 'lookup' then
            problem := pgscore._fields_problem(
                place, step, array['step', 'of', 'keys', 'values', 'unknown', 'missing'], '{}'
            );
        when 'linear' then
            problem := pgscore._fields_problem(place, step, array['step', 'of', 'weights', 'intercept'], '{}');
        else
            return format('%s.step is %s, which is no step of programs', place, pgscore._shown(step -> 'step'));
    end case;
    if problem is not null then
        return problem;
    end if;

    if name = 'linear' then
        problem := coalesce(
            pgscore._list_problem(place || '.of', step -> 'of', 0, 100000),
            pgscore._registers_problem(place || '.of', step -> 'of', kinds, 'n'),
            pgscore._list_problem(
                place || '.weights', step -> 'weights', jsonb_array_length(step -> 'of'), jsonb_array_length(step -> 'of')
            ),
            (
                select format(
                    '%s.weights[%s] is %s, and a finite number is wanted', place, w.ordinal - 1, pgscore._shown(w.value)
                )
                from jsonb_array_elements(step -> 'weights') with ordinality as w (value, ordinal)
                where not pgscore._is_number(w.value)
                order by w.ordinal limit 1
            )
        );
        numbers := array['intercept'];
    else
        wanted := case when name in ('fill', 'missing', 'lookup') then '*' else 'n' end;
        problem := case
            when not pgscore._is_integer(step -> 'of', 0, length(kinds) - 1) or wanted = 'n' then
                pgscore._registers_problem(place || '.of', step -> 'of', kinds, wanted)
        end;
        if problem is null and jsonb_typeof(step -> 'of') <> 'number' then
            problem := format('%s.of is %s, and a register is wanted', place, pgscore._shown(step -> 'of'));
        end if;
    end if;
    if problem is not null then
        return problem;
    end if;
    foreach field in array numbers loop
        if step ? field and not pgscore._is_number(step -> field) then
            return format('%s.%s is %s, and a finite number is wanted', place, field, pgscore._shown(step -> field));
        end if;
    end loop;

    if name = 'clip' and not step ?| numbers then
        return format('%s has neither a minimum nor a maximum', place);
    elsif name = 'clip' and (step -> 'minimum')::double precision > (step -> 'maximum')::double precision then
        return format('%s.minimum is above its maximum', place);
    elsif name = 'affine' and (step -> 'divide')::double precision = 0 then
        return format('%s.divide is 0', place);
    elsif name = 'function' and step -> 'name' not in ('"abs"', '"sqrt"', '"square"') then
        return format('%s.name is %s, and "abs", "sqrt" or "square" is wanted', place, pgscore._shown(step -> 'name'));
    elsif name in ('fill', 'lookup') then
        wanted := substr(kinds, (step -> 'of')::integer + 1, 1);
    end if;
    if name = 'fill' and not (
        case wanted when 't' then pgscore._is_text(step -> 'with') else pgscore._is_number(step -> 'with') end
    ) then
        return format(
            '%s.with is %s, and a %s is wanted', place, pgscore._shown(step -> 'with'),
            case wanted when 't' then 'text of at most 1,000 bytes' else 'finite number' end
        );
    elsif name = 'lookup' then
        problem := coalesce(
            pgscore._keys_problem(place || '.keys', step -> 'keys', case wanted when 't' then 'text' else 'number' end),
            pgscore._list_problem(
                place || '.values', step -> 'values', jsonb_array_length(step -> 'keys'), jsonb_array_length(step -> 'keys')
            ),
            (
                select format(
                    '%s is %s, and a finite number or null is wanted', v.place, pgscore._shown(v.value)
                )
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
        );
    end if;
    return problem;
end
$$;

comment on function pgscore._program_step_problem(text, jsonb, text) is
    'What is wrong with a step where registers of these kinds (n: number, t: text) exist; NULL where nothing is';
