-- A score as a sum: what single inputs are made into, and outputs of trees. The runtime's reasons.py does the same.

create function pgscore._players(program jsonb, out players integer[], out step_of integer[], out output_of integer[])
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    step jsonb;
    made_of integer[];
    player integer;
    number integer := 0;
    outputs integer;
begin
    players := array(select generate_series(0, jsonb_array_length(program -> 'inputs') - 1));
    step_of := array_fill(null::integer, array[cardinality(players)]);
    output_of := step_of;
    for step in
        select s.value - '{threshold,set,missing_left,left,right,values,sets,feature,cover}'::text[]
        from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal)
        order by s.ordinal
    loop
        player := -1;
        if step ->> 'step' not in ('linear', 'trees') then
            made_of := array(
                select distinct players[o.register::integer + 1]
                from jsonb_array_elements_text(
                    case jsonb_typeof(step -> 'of') when 'array' then step -> 'of' else jsonb_build_array(step -> 'of') end
                ) as o (register)
            );
            if cardinality(made_of) = 1 then
                player := made_of[1];
            end if;
        end if;
        outputs := case step ->> 'step'
            when 'trees' then jsonb_array_length(step -> 'base')
            when 'link' then pgscore._link_outputs(step ->> 'link', jsonb_array_length(step -> 'of'))
            else 1
        end;
        players := players || array_fill(player, array[outputs]);
        step_of := step_of || array_fill(number, array[outputs]);
        output_of := output_of || array(select generate_series(0, outputs - 1));
        number := number + 1;
    end loop;
end
$$;

comment on function pgscore._players(jsonb) is
    'For each register of a valid program the input that alone it is made of, else -1; the step that defines it, and which of its outputs it is';

create function pgscore._score_register(program jsonb, positive integer, out register integer, out sign double precision)
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select
        (program #>> array['scores', case when o.of_one then '0' else positive::text end])::integer,
        case when o.of_one and positive = 0 then -1 else 1 end
    from (values (program ->> 'link' in ('logistic', 'sign'))) as o (of_one)
$$;

comment on function pgscore._score_register(jsonb, integer) is
    'The register whose number reasons add up to, and its sign in the space of the link';

create function pgscore._slope(step jsonb, out factor double precision, out shift double precision)
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    operand double precision;
begin
    factor := 1;
    shift := 0;
    if step ? 'subtract' then
        shift := -1 * (step -> 'subtract')::double precision;
    end if;
    if step ? 'divide' then
        operand := (step -> 'divide')::double precision;
        factor := pgscore._divide(factor, operand);
        shift := pgscore._divide(shift, operand);
    end if;
    if step ? 'multiply' then
        operand := (step -> 'multiply')::double precision;
        factor := pgscore._multiply(factor, operand);
        shift := pgscore._multiply(shift, operand);
    end if;
    if step ? 'add' then
        shift := pgscore._add(shift, (step -> 'add')::double precision);
    end if;
end
$$;

comment on function pgscore._slope(jsonb) is 'An affine step as factor * x + shift';

create function pgscore._take_apart(
    program jsonb, positive integer, out problem text, out has_trees boolean, out base double precision,
    out terms integer[], out weights double precision[], out centers double precision[], out players integer[]
)
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    registers record;
    target record;
    step jsonb;
    multiplier double precision;
    -- What each register is to be multiplied by, of those that are made of several inputs.
    whole double precision[];
    listed record;
    slope record;
begin
    has_trees := false;
    base := 0;
    terms := '{}';
    weights := '{}';
    centers := '{}';
    if program ->> 'link' = 'normalize' then
        problem := 'its link divides scores by their sum';
        return;
    end if;
    select p.* into registers from pgscore._players(program) p;
    players := registers.players;
    select s.* into target from pgscore._score_register(program, positive) s;
    whole := array_fill(0::double precision, array[cardinality(players)]);
    whole[target.register + 1] := target.sign;
    -- A step reads lower registers only: from above, each has its whole weight when its turn comes.
    for register in reverse target.register .. 0 loop
        multiplier := whole[register + 1];
        continue when multiplier = 0;
        if players[register + 1] >= 0 then
            terms := terms || register;
            weights := weights || multiplier;
            centers := centers || 0::double precision;
            continue;
        end if;
        step := program -> 'steps' -> registers.step_of[register + 1];
        if step ->> 'step' = 'affine' then
            select s.* into slope from pgscore._slope(step) s;
            whole[(step -> 'of')::integer + 1] :=
                pgscore._add(whole[(step -> 'of')::integer + 1], pgscore._multiply(multiplier, slope.factor));
            base := pgscore._add(base, pgscore._multiply(multiplier, slope.shift));
        elsif step ->> 'step' = 'linear' then
            base := pgscore._add(base, pgscore._multiply(multiplier, (step -> 'intercept')::double precision));
            for listed in
                select o.register::integer as register, pgscore._multiply(multiplier, w.weight::double precision) as weight,
                    coalesce((step -> 'center' -> (o.ordinal - 1)::integer)::double precision, 0) as center
                from jsonb_array_elements_text(step -> 'of') with ordinality as o (register, ordinal)
                join jsonb_array_elements_text(step -> 'weights') with ordinality as w (weight, ordinal) using (ordinal)
                order by o.ordinal
            loop
                if players[listed.register + 1] < 0 then
                    whole[listed.register + 1] := pgscore._add(whole[listed.register + 1], listed.weight);
                else
                    terms := terms || listed.register;
                    weights := weights || listed.weight;
                    centers := centers || listed.center;
                    base := pgscore._add(base, pgscore._multiply(listed.weight, listed.center));
                end if;
            end loop;
        elsif step ->> 'step' = 'trees' then
            has_trees := true;
            problem := case
                when not step ? 'cover' then format('the trees of steps[%s] have no covers', registers.step_of[register + 1])
                when exists (
                    select from jsonb_array_elements_text(step -> 'of') as o (register) where players[o.register::integer + 1] < 0
                ) then format('the trees of steps[%s] test a number made of several inputs', registers.step_of[register + 1])
            end;
        else
            problem := format(
                'steps[%s], a %s step, makes one number of several inputs', registers.step_of[register + 1], step ->> 'step'
            );
        end if;
        exit when problem is not null;
    end loop;
    if problem is null and (
        base is null or abs(base) = 'Infinity' or array_position(weights, null) is not null
        or 'Infinity' = any (weights) or '-Infinity' = any (weights)
    ) then
        problem := 'its weights are past the largest double';
    end if;
end
$$;

comment on function pgscore._take_apart(jsonb, integer) is
    'The score of a valid program as a sum: a base, weight * (number - center) of registers that are made of one input, and trees; or why it is none';

create function pgscore._explaining_program(program jsonb, positive integer) returns jsonb
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
-- Numbers become JSON here, whatever the session shows of them.
set extra_float_digits = 1
as $$
declare
    parts constant record := pgscore._take_apart(program, positive);
    first constant integer := cardinality(parts.players);
    inputs constant integer := jsonb_array_length(program -> 'inputs');
    added jsonb;
begin
    if parts.problem is not null or parts.has_trees then
        return null;
    end if;
    select jsonb_agg(
        jsonb_build_object('step', 'linear', 'of', s.of, 'weights', s.weights, 'intercept', s.intercept) order by s.input
    )
    into added
    from (
        select
            i.input, coalesce(jsonb_agg(t.register order by t.ordinal) filter (where t.register is not null), '[]') as of,
            coalesce(jsonb_agg(t.weight order by t.ordinal) filter (where t.register is not null), '[]') as weights,
            pgscore._weighted_sum(
                0, coalesce(array_agg(-1 * t.center order by t.ordinal) filter (where t.register is not null), '{}'),
                coalesce(array_agg(t.weight order by t.ordinal) filter (where t.register is not null), '{}')
            ) as intercept
        from generate_series(0, inputs - 1) as i (input)
        left join unnest(parts.terms, parts.weights, parts.centers) with ordinality as t (register, weight, center, ordinal)
            on parts.players[t.register + 1] = i.input
        group by i.input
    ) s;
    added := added
        || jsonb_build_object('step', 'linear', 'of', '[]'::jsonb, 'weights', '[]'::jsonb, 'intercept', parts.base)
        || jsonb_build_object('step', 'link', 'of', program -> 'scores', 'link', program -> 'link');
    return (program - 'decide') || jsonb_build_object(
        'steps', (program -> 'steps') || added, 'link', 'identity',
        'scores', to_jsonb(array(select generate_series(first, first + inputs)) || (first + inputs + 1 + positive))
    );
end
$$;

comment on function pgscore._explaining_program(jsonb, integer) is
    'A program with the same refusals whose outputs are what each input adds to the score, then the base, and last the score; NULL where trees, or what cannot be explained, are in the way';

create function pgscore._explanation_problem(program jsonb, positive integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when program is null then 'it has no program'
        else (select a.problem from pgscore._take_apart(program, positive) a)
    end
$$;

comment on function pgscore._explanation_problem(jsonb, integer) is
    'Why what inputs add to the score of a program cannot be told; NULL where it can';
