create function pgscore._program_decide_problem(program jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    decide constant jsonb := program -> 'decide';
    outputs constant integer := pgscore._link_outputs(program ->> 'link', jsonb_array_length(program -> 'scores'));
    problem text;
begin
    if decide is null then
        return null;
    end if;
    problem := coalesce(
        pgscore._list_problem('decide', decide, 2, 1000), pgscore._registers_problem('decide', decide, kinds, 'n')
    );
    if problem is null and jsonb_array_length(decide) <> outputs then
        problem := format('decide has %s members, and there are %s outputs', jsonb_array_length(decide), outputs);
    end if;
    return replace(problem, 'come before it', 'exist');
end
$$;

comment on function pgscore._program_decide_problem(jsonb, text) is
    'What is wrong with the registers that decide of the label of a program that is valid otherwise; NULL where nothing is';

create function pgscore._program_link_problem(program jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := coalesce(
        pgscore._list_problem('scores', program -> 'scores', 1, 1000),
        pgscore._registers_problem('scores', program -> 'scores', kinds, 'n')
    );
begin
    if problem is not null then
        return replace(problem, 'come before it', 'exist');
    end if;
    problem := pgscore._link_problem('link', program -> 'link', 'scores', jsonb_array_length(program -> 'scores'));
    if problem is null and program -> 'tie' not in ('"first"', '"last"') then
        problem := format('tie is %s, and "first" or "last" is wanted', pgscore._shown(program -> 'tie'));
    end if;
    return coalesce(problem, pgscore._program_decide_problem(program, kinds));
end
$$;

comment on function pgscore._program_link_problem(jsonb, text) is
    'What is wrong with scores, link, tie and decide of a program whose registers are of these kinds; NULL where nothing is';

create function pgscore._program_head_problem(program jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem constant text := pgscore._fields_problem(
        'the program', program, array['program', 'inputs', 'steps', 'scores', 'link', 'tie'], array['require', 'decide']
    );
begin
    if problem is not null then
        return problem;
    elsif not pgscore._is_integer(program -> 'program', 1, 1) then
        return format('program is %s, and this database knows 1', pgscore._shown(program -> 'program'));
    elsif octet_length(program::text) > 64 * 1024 * 1024 then
        return 'the program is larger than 64 MB';
    end if;
    return coalesce(
        pgscore._program_inputs_problem(program -> 'inputs'), pgscore._list_problem('steps', program -> 'steps', 0, 10000)
    );
end
$$;

comment on function pgscore._program_head_problem(jsonb) is
    'What is wrong with a program as a whole and with its inputs; NULL where nothing is';

create function pgscore._program_require_problem(require jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := case when require is not null then pgscore._list_problem('require', require, 0, 10000) end;
    place text;
    each record;
begin
    if require is null or problem is not null then
        return problem;
    end if;
    for each in select r.value, r.ordinal - 1 as number from jsonb_array_elements(require) with ordinality as r (value, ordinal) loop
        place := format('require[%s]', each.number);
        problem := pgscore._fields_problem(place, each.value, array['of', 'nullable'], array['minimum', 'maximum']);
        exit when problem is not null;
        problem := coalesce(
            replace(
                replace(
                    pgscore._registers_problem(place || '.of', jsonb_build_array(each.value -> 'of'), kinds, 'n'),
                    'come before it', 'exist'
                ),
                '.of[0]', '.of'
            ),
            case when jsonb_typeof(each.value -> 'nullable') <> 'boolean' then
                format('%s.nullable is %s, and true or false is wanted', place, pgscore._shown(each.value -> 'nullable'))
            end,
            pgscore._bounds_problem(place, each.value)
        );
        exit when problem is not null;
    end loop;
    return problem;
end
$$;

comment on function pgscore._program_require_problem(jsonb, text) is
    'What is wrong with what a program requires of registers of these kinds; NULL where nothing is';

create function pgscore._program_problem(program jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := case when program is null then 'the program is NULL' else pgscore._program_head_problem(program) end;
    kinds text;
    step jsonb;
    number integer := 0;
    registers_read bigint := 0;
    keys bigint;
    nodes bigint := 0;
    constants bigint := 0;
begin
    if problem is not null then
        return problem;
    end if;
    select
        string_agg(case when i.input ->> 'type' = 'text' then 't' else 'n' end, '' order by i.ordinal),
        coalesce(sum(jsonb_array_length(i.input -> 'known')), 0)
    into kinds, keys
    from jsonb_array_elements(program -> 'inputs') with ordinality as i (input, ordinal);
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        problem := pgscore._program_step_problem(format('steps[%s]', number), step, kinds);
        if problem is not null then
            return problem;
        end if;
        registers_read := registers_read
            + case jsonb_typeof(step -> 'of') when 'array' then jsonb_array_length(step -> 'of') else 1 end;
        if step ->> 'step' = 'lookup' then
            keys := keys + jsonb_array_length(step -> 'keys');
        elsif step ->> 'step' = 'trees' then
            nodes := nodes + jsonb_array_length(step -> 'feature');
            keys := keys + coalesce(
                (select sum(jsonb_array_length(m.value)) from jsonb_array_elements(step -> 'sets') as m (value)), 0
            );
        end if;
        constants := constants + pgscore._constants(step);
        problem := case
            when constants > 1000000 then 'knots, coefficients, matrices and vectors have more than 1,000,000 numbers together'
            when registers_read > 100000 then 'steps read more than 100,000 registers together'
            when keys > 1000000 then 'known values, keys and sets have more than 1,000,000 members together'
            when nodes > 4000000 then 'trees have more than 4,000,000 nodes together'
        end;
        if problem is not null then
            return format('steps[%s]: %s', number, problem);
        end if;
        kinds := kinds || pgscore._step_kinds(step, kinds);
        number := number + 1;
    end loop;
    if keys > 1000000 then
        return 'inputs: known values have more than 1,000,000 members together';
    end if;
    return coalesce(
        pgscore._program_require_problem(program -> 'require', kinds), pgscore._program_link_problem(program, kinds)
    );
end
$$;

comment on function pgscore._program_problem(jsonb) is
    'Why JSON is no valid program, in one sentence that names the place; NULL where it is one. It trusts nothing and raises nothing';

create function pgscore._program_contract_problem(program jsonb, contract jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    classes constant integer := jsonb_array_length(contract #> '{output,classes}');
    kind constant text := contract #>> '{output,kind}';
    link constant text := program ->> 'link';
    wanted constant integer := case kind when 'value' then 1 else classes end;
    outputs constant integer := pgscore._link_outputs(link, jsonb_array_length(program -> 'scores'));
    problem text;
begin
    select case
        when p.input is null then format('inputs has %s members, and the contract %s', p.ordinal - 1, jsonb_array_length(contract -> 'inputs'))
        when p.promised is null then format('inputs has more members than the contract, which has %s', p.ordinal - 1)
        else format(
            'inputs[%s].%s is %s, and the contract says %s', p.ordinal - 1, f.name,
            pgscore._shown(p.input -> f.name), pgscore._shown(p.promised -> f.name)
        )
    end
    into problem
    from rows from (
        jsonb_array_elements(program -> 'inputs'), jsonb_array_elements(contract -> 'inputs')
    ) with ordinality as p (input, promised, ordinal),
    unnest(array['name', 'type', 'nullable']) with ordinality as f (name, position)
    where p.input -> f.name is distinct from p.promised -> f.name
    order by p.ordinal, f.position limit 1;
    if problem is not null then
        return problem;
    elsif outputs <> wanted then
        return format('link "%s" gives %s outputs, and the contract has %s', link, outputs, case kind
            when 'value' then 'one value' else format('%s classes', classes) end);
    elsif (kind = 'value' and link not in ('identity', 'exp', 'expit', 'square_signed'))
        or (kind = 'indicator' and link not in ('sign', 'argmax'))
        or (kind = 'probability' and link not in ('identity', 'logistic', 'softmax', 'one_vs_rest', 'one_vs_all', 'normalize'))
    then
        return format('link "%s" does not fit an output of kind "%s"', link, kind);
    elsif program ? 'decide' and kind <> 'probability' then
        return format('decide does not fit an output of kind "%s"', kind);
    end if;
    return null;
end
$$;

comment on function pgscore._program_contract_problem(jsonb, jsonb) is
    'Where a valid program departs from a complete contract: its inputs, outputs or link; NULL where it does not';

create function pgscore._program_size(program jsonb) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select 2 * jsonb_array_length(program -> 'inputs') + coalesce(sum(
        case s.step ->> 'step'
            when 'trees' then jsonb_array_length(s.step -> 'feature')
            when 'lookup' then 2 * jsonb_array_length(s.step -> 'keys') + 3
            else 3 * case jsonb_typeof(s.step -> 'of') when 'array' then jsonb_array_length(s.step -> 'of') else 1 end
                + pgscore._constants(s.step) / 10
        end
    ), 0)::integer
    from jsonb_array_elements(program -> 'steps') as s (step)
$$;

comment on function pgscore._program_size(jsonb) is
    'How large the SQL of a valid program is, in nodes of its trees or what takes as long to plan';
