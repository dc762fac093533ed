-- Where registers are read by several steps, an expression repeats them until it is too large: layers of a neural network,
-- outputs of a link over ensembles. Then each register is a variable of a function in PL/pgSQL.
create function pgscore._is_repeated(program jsonb) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most_nodes constant bigint := 4 * pgscore._program_size(program) + 1000;
    sizes bigint[] := array_fill(1::bigint, array[jsonb_array_length(program -> 'inputs')]);
    kinds text := repeat('n', jsonb_array_length(program -> 'inputs'));
    step jsonb;
    size bigint;
    number integer;
    added text;
begin
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        size := 1;
        if step ->> 'step' <> 'trees' then
            foreach number in array ('{' || translate(step ->> 'of', '[]', '') || '}')::integer[] loop
                size := size + sizes[number + 1];
            end loop;
        end if;
        if size > most_nodes then
            return true;
        end if;
        added := pgscore._step_kinds(step, kinds);
        kinds := kinds || added;
        sizes := sizes || array_fill(size, array[length(added)]);
    end loop;
    return false;
end
$$;

comment on function pgscore._is_repeated(jsonb) is
    'Whether a valid program''s steps are read so often that no expression serves, whatever else there is';

create function pgscore._stepwise_register(r pgscore.bare_register, number integer) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if r.expression is not null then
        r.expression := 'r' || number;
        r.size := 1;
    end if;
    return r;
end
$$;

comment on function pgscore._stepwise_register(pgscore.bare_register, integer) is
    'A register as those behind it read it: by its variable, which has this number';

create function pgscore._stepwise_body_sql(
    program jsonb, score integer, registers pgscore.bare_register[]
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most_nodes constant bigint := 4 * pgscore._program_size(program) + 1000;
    variables text[] := '{}';
    statements text[] := '{}';
    added pgscore.bare_register[];
    r pgscore.bare_register;
    step jsonb;
begin
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        if step ->> 'step' = 'link' then
            added := pgscore._bare_link(step, registers, most_nodes);
        elsif step ->> 'step' <> 'trees' then
            r := pgscore._bare_step(program, step, '{}', array[score], registers, most_nodes);
            added := case when r.kind is not null then array[r] end;
        elsif not pgscore._hides_doubt(step, registers) then
            added := pgscore._bare_trees(program, step, array[score], registers, most_nodes);
        else
            added := null;
        end if;
        if added is null then
            return null;
        end if;
        foreach r in array added loop
            if r.expression is not null then
                variables := variables || format(
                    '    r%s %s;', cardinality(registers), case r.kind when 't' then 'pg_catalog.text' else 'pg_catalog.float8' end
                );
                statements := statements || format('    r%s := %s;', cardinality(registers), r.expression);
            end if;
            registers := registers || pgscore._stepwise_register(r, cardinality(registers));
        end loop;
    end loop;
    if not pgscore._meets_requirements(program, registers) then
        return null;
    end if;
    return format(
        E'declare\n%s\nbegin\n%s\n    return r%s;\nend', array_to_string(variables, E'\n'), array_to_string(statements, E'\n'), score
    );
end
$$;

comment on function pgscore._stepwise_body_sql(jsonb, integer, pgscore.bare_register[]) is
    'The body of a function in PL/pgSQL that gives a register of a program, from the registers of its inputs; NULL where a step is not safe';

create function pgscore._stepwise_sql(program jsonb, positive integer, arguments text[]) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- The link is one more step.
    linked constant jsonb := program || jsonb_build_object(
        'steps', program -> 'steps' || jsonb_build_object('step', 'link', 'of', program -> 'scores', 'link', program -> 'link')
    );
    inputs constant integer := jsonb_array_length(program -> 'inputs');
    kinds text := repeat('n', inputs);
    step jsonb;
    box double precision;
    registers pgscore.bare_register[];
    answer pgscore.bare_expression;
begin
    if inputs > 100 then
        return null;
    end if;
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        kinds := kinds || pgscore._step_kinds(step, kinds);
    end loop;
    foreach box in array '{Infinity,1e300,1e150,1e100,1e30}'::double precision[] loop
        registers := pgscore._bare_inputs(program -> 'inputs', arguments, false, box);
        if registers is not null then
            answer.expression := pgscore._stepwise_body_sql(linked, length(kinds) + coalesce(positive, 0), registers);
        end if;
        exit when answer.expression is not null;
    end loop;
    if answer.expression is not null then
        answer.guard := pgscore._guard_sql(program -> 'inputs', registers);
        answer.wraps := array_fill(null::text, array[inputs]);
    end if;
    return answer;
end
$$;

comment on function pgscore._stepwise_sql(jsonb, integer, text[]) is
    'The same as a bare expression, which is the body of a function in PL/pgSQL here; without one where there is none';

create function pgscore._is_stepwise(bare pgscore.bare_expression) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(bare.expression like 'declare%', false)
$$;

comment on function pgscore._is_stepwise(pgscore.bare_expression) is 'Whether it is the body of a function';
