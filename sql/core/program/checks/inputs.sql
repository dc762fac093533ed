create function pgscore._bounds_problem(place text, bounded jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    field text;
begin
    foreach field in array array['minimum', 'maximum'] loop
        if bounded ? field and not pgscore._is_number(bounded -> field) then
            return format('%s.%s is %s, and a finite number is wanted', place, field, pgscore._shown(bounded -> field));
        end if;
    end loop;
    if (bounded -> 'minimum')::double precision > (bounded -> 'maximum')::double precision then
        return format('%s.minimum is above its maximum', place);
    end if;
    return null;
end
$$;

comment on function pgscore._bounds_problem(text, jsonb) is
    'What is wrong with the minimum and the maximum of an input, or of what is required of a register; NULL where nothing is';

create function pgscore._input_problem(place text, input jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem constant text := pgscore._fields_problem(
        place, input, array['name', 'type', 'nullable'], array['minimum', 'maximum', 'known']
    );
    field text;
begin
    if problem is not null then
        return problem;
    elsif jsonb_typeof(input -> 'name') <> 'string' or octet_length(input ->> 'name') not between 1 and 63 then
        return format('%s.name is %s, and a text of 1 to 63 bytes is wanted', place, pgscore._shown(input -> 'name'));
    elsif input -> 'type' not in ('"double precision"', '"text"', '"boolean"') then
        return format(
            '%s.type is %s, and "double precision", "text" or "boolean" is wanted', place, pgscore._shown(input -> 'type')
        );
    elsif jsonb_typeof(input -> 'nullable') <> 'boolean' then
        return format('%s.nullable is %s, and true or false is wanted', place, pgscore._shown(input -> 'nullable'));
    end if;
    foreach field in array array['minimum', 'maximum'] loop
        if input ? field and input ->> 'type' = 'text' then
            return format('%s.%s is given for a text', place, field);
        end if;
    end loop;
    return coalesce(
        pgscore._bounds_problem(place, input),
        case
            when input ? 'known' then pgscore._keys_problem(place || '.known', input -> 'known', input ->> 'type')
        end
    );
end
$$;

comment on function pgscore._input_problem(text, jsonb) is 'What is wrong with an input of a program; NULL where nothing is';

create function pgscore._program_inputs_problem(inputs jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := pgscore._list_problem('inputs', inputs, 1, 1600);
    input jsonb;
    number integer := 0;
begin
    if problem is not null then
        return problem;
    end if;
    for input in select i.value from jsonb_array_elements(inputs) with ordinality as i (value, ordinal) order by i.ordinal loop
        problem := pgscore._input_problem(format('inputs[%s]', number), input);
        if problem is not null then
            return problem;
        end if;
        number := number + 1;
    end loop;
    select format('inputs[%s].name is %s, as that of an input before it', n.ordinal - 1, pgscore._shown(n.name))
    into problem
    from (
        select
            i.ordinal, i.input -> 'name' as name,
            row_number() over (partition by i.input ->> 'name' collate "C" order by i.ordinal) as nth
        from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    ) n
    where n.nth = 2
    order by n.ordinal limit 1;
    return problem;
end
$$;

comment on function pgscore._program_inputs_problem(jsonb) is 'What is wrong with the inputs of a program; NULL where nothing is';
