create function pgscore._program_problem(program jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text;
    kinds text;
    step jsonb;
    ordinal integer := 0;
    registers_read bigint := 0;
    keys bigint;
    nodes bigint := 0;
begin
    if program is null then
        return 'the program is NULL';
    end if;
    problem := pgscore._fields_problem(
        'the program', program, array['program', 'inputs', 'steps', 'scores', 'link', 'tie'], '{}'
    );
    if problem is not null then
        return problem;
    elsif not pgscore._is_integer(program -> 'program', 1, 1) then
        return format('program is %s, and this database knows 1', pgscore._shown(program -> 'program'));
    elsif octet_length(program::text) > 64 * 1024 * 1024 then
        return 'the program is larger than 64 MB';
    end if;
    problem := coalesce(
        pgscore._program_inputs_problem(program -> 'inputs'), pgscore._list_problem('steps', program -> 'steps', 0, 10000)
    );
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
        problem := pgscore._program_step_problem(format('steps[%s]', ordinal), step, kinds);
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
        problem := case
            when registers_read > 100000 then 'steps read more than 100,000 registers together'
            when keys > 1000000 then 'known values, keys and sets have more than 1,000,000 members together'
            when nodes > 4000000 then 'trees have more than 4,000,000 nodes together'
        end;
        if problem is not null then
            return format('steps[%s]: %s', ordinal, problem);
        end if;
        kinds := kinds || pgscore._step_kinds(step, kinds);
        ordinal := ordinal + 1;
    end loop;
    if keys > 1000000 then
        return 'inputs: known values have more than 1,000,000 members together';
    end if;
    return pgscore._program_link_problem(program, kinds);
end
$$;

comment on function pgscore._program_problem(jsonb) is
    'Why JSON is no valid program, in one sentence that names the place; NULL where it is one. It trusts nothing and raises nothing';
