-- Interval arithmetic with the program's own operations: rounding is monotone, so where the ends do not overflow nothing
-- between them does. `small` is the least magnitude that a register has besides 0: a product with it must not underflow.
--
-- A register is `wild` where it is linear in an input that may be anything, NULL, NaN and infinity included. Such inputs
-- need no guard, because the one sum that may read them shows what they were: its weights are scaled down by a power of
-- two until no sum of doubles overflows, an added constant that is lost in rounding keeps their products from
-- underflowing, and a sum that is large, infinite, NaN or NULL is left to the careful function.
create function pgscore._program_bare(
    program jsonb, positive integer, arguments text[], wild_ones boolean, box double precision
) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
    most constant double precision := '1.7976931348623157e308';
    tiny constant double precision := '5e-324';
    ulp constant double precision := power('2'::double precision, -54);
    limits constant bigint := 4 * pgscore._program_size(program) + 1000;
    inputs constant integer := jsonb_array_length(program -> 'inputs');
    link constant text := program ->> 'link';
    kinds text := '';
    expressions text[] := '{}';
    sizes bigint[] := '{}';
    lows double precision[] := '{}';
    highs double precision[] := '{}';
    smalls double precision[] := '{}';
    may_miss boolean[] := '{}';
    -- A wild register is (input - shift) * factor + plus.
    wild integer[] := '{}';
    shifts double precision[] := '{}';
    factors double precision[] := '{}';
    pluses double precision[] := '{}';
    points text[] := '{}';
    corners double precision[] := '{}';
    guards text[] := '{}';
    used boolean[] := array_fill(false, array[inputs]);
    wraps text[] := array_fill(null::text, array[inputs]);
    input jsonb;
    step jsonb;
    name text;
    field text;
    kind text;
    e text;
    size bigint;
    low double precision;
    high double precision;
    small double precision;
    missing boolean;
    wild_input integer;
    shift double precision;
    factor double precision;
    plus double precision;
    constant_ double precision;
    weight double precision;
    term text;
    of integer;
    read integer[];
    weights double precision[];
    trees text[];
    register integer := 0;
    -- The one register that the score needs; NULL where it needs several.
    score integer;
    scores integer[];
    total double precision;
    least_weight double precision;
    power_ integer;
    lift text;
    limited boolean;
    answer pgscore.bare_expression;
begin
    -- Which registers the score needs: some links want all.
    select array_agg(r.register::integer order by r.ordinal) into scores
    from jsonb_array_elements(program -> 'scores') with ordinality as r (register, ordinal);
    if link in ('identity', 'logistic', 'sign') then
        score := scores[case link when 'identity' then coalesce(positive, 0) else 0 end + 1];
        scores := array[score];
    end if;

    for input in
        select i.value from jsonb_array_elements(program -> 'inputs') with ordinality as i (value, ordinal) order by i.ordinal
    loop
        e := arguments[register + 1];
        missing := (input -> 'nullable')::boolean;
        kind := case when input ->> 'type' = 'text' then 't' else 'n' end;
        low := coalesce((input -> 'minimum')::double precision, '-Infinity');
        high := coalesce((input -> 'maximum')::double precision, 'Infinity');
        wild_input := case
            when wild_ones and kind = 'n' and not missing and not input ? 'known' and low < '-1e200' and high > '1e200'
            then register
        end;
        if wild_input is null then
            low := greatest(low, -box);
            high := least(high, box);
            if low > high then
                return null;
            elsif input ? 'known' then
                guards := guards || concat(
                    '(', case when missing then e || ' is null or ' end, pgscore._tested(e, kind), ' = any (',
                    pgscore._array_literal(input -> 'known', input ->> 'type'), '))'
                );
            elsif kind = 't' and not missing then
                guards := guards || (e || ' is not null');
            end if;
            if kind = 'n' and low = '-Infinity' and high = 'Infinity' then
                -- NaN is greater.
                guards := guards || concat(
                    '(', case when missing then e || ' is null or ' end, e, ' <= ', pgscore._literal(high), ')'
                );
            elsif kind = 'n' then
                points := points || case
                    when missing then format('coalesce(%s, %s)', e, pgscore._literal(greatest(low, least(high, 0)))) else e end;
                corners := corners || array[high, low];
            end if;
        end if;
        kinds := kinds || kind;
        expressions := expressions || e;
        sizes := sizes || 1::bigint;
        lows := lows || low;
        highs := highs || high;
        smalls := smalls || tiny;
        may_miss := may_miss || missing;
        wild := wild || wild_input;
        shifts := shifts || '0'::double precision;
        factors := factors || '1'::double precision;
        pluses := pluses || '0'::double precision;
        register := register + 1;
    end loop;

    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        name := step ->> 'step';
        if name = 'trees' then
            read := translate((step -> 'of')::text, '[]', '{}')::integer[];
            for number in 1 .. cardinality(read) loop
                if wild[read[number] + 1] is not null then
                    return null;
                end if;
            end loop;
            size := (
                select sum(sizes[read[f.position + 1] + 1]) + count(*)
                from unnest(translate((step -> 'feature')::text, '[]', '{}')::integer[]) as f (position)
            );
            if coalesce(size, 0) > limits or jsonb_array_length(step -> 'roots') > 1500 or not pgscore._leaves_are_bounded(step) then
                return null;
            end if;
            for output in 0 .. jsonb_array_length(step -> 'base') - 1 loop
                e := null;
                total := 0;
                small := tiny;
                if register = any (scores) or exists (
                    -- Only what the score needs.
                    select from jsonb_array_elements(program -> 'steps') as s (later)
                    where case jsonb_typeof(s.later -> 'of')
                        when 'array' then s.later -> 'of' @> to_jsonb(register) else s.later -> 'of' = to_jsonb(register) end
                ) then
                    trees := pgscore._tree_expressions(
                        step,
                        array(
                            select pgscore._tested(expressions[r.register + 1], substr(kinds, r.register + 1, 1))
                            from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal
                        ),
                        array(
                            select may_miss[r.register + 1]
                            from unnest(read) with ordinality as r (register, ordinal) order by r.ordinal
                        ),
                        output
                    );
                    e := array_to_string(pgscore._literal((step -> 'base' -> output)::double precision) || trees, ' + ');
                    if cardinality(trees) > 0 then
                        e := '(' || e || ')';
                    end if;
                    select
                        abs((step -> 'base' -> output)::double precision)
                            + coalesce(max(abs(v.leaf::double precision)), 0) * cardinality(trees),
                        greatest(tiny, least(
                            min(nullif(abs(v.leaf::double precision), 0)), nullif(abs((step -> 'base' -> output)::double precision), 0)
                        ))
                    into total, small
                    from jsonb_array_elements(step -> 'values') as v (leaf);
                    -- Sums are multiples of the last bit of their least term.
                    small := greatest(tiny, coalesce(pgscore._multiply(small, ulp), 1));
                    constant_ := (step -> 'divide')::double precision;
                    if constant_ is not null then
                        if constant_ = 0 or abs(pgscore._divide(small, constant_)) < '1e-300' then
                            return null;
                        end if;
                        e := format('(%s / %s)', e, pgscore._literal(constant_));
                        total := abs(pgscore._divide(total, constant_));
                        small := abs(pgscore._divide(small, constant_));
                    end if;
                    if not total < 'Infinity' then
                        return null;
                    end if;
                end if;
                kinds := kinds || 'n';
                expressions := expressions || e;
                sizes := sizes || size;
                lows := lows || -total;
                highs := highs || total;
                smalls := smalls || small;
                may_miss := may_miss || false;
                wild := wild || null::integer;
                shifts := shifts || '0'::double precision;
                factors := factors || '1'::double precision;
                pluses := pluses || '0'::double precision;
                register := register + 1;
            end loop;
            continue;
        end if;

        kind := pgscore._step_kinds(step, kinds);
        wild_input := null;
        shift := 0;
        factor := 1;
        plus := 0;
        if name <> 'linear' then
            of := (step -> 'of')::integer + 1;
            e := expressions[of];
            size := sizes[of];
            low := lows[of];
            high := highs[of];
            small := smalls[of];
            missing := may_miss[of];
            wild_input := wild[of];
            if wild_input is not null and name <> 'affine' then
                return null;
            end if;
        end if;
        case name
            when 'affine' then
                shift := shifts[of];
                factor := factors[of];
                plus := pluses[of];
                foreach field in array array['subtract', 'divide', 'multiply', 'add'] loop
                    constant_ := (step -> field)::double precision;
                    if constant_ is null
                        or (field in ('subtract', 'add') and constant_ = 0)
                        or (field in ('divide', 'multiply') and constant_ = 1)
                    then
                        continue;
                    elsif wild_input is not null then
                        if field = 'subtract' and shift = 0 and factor = 1 and plus = 0 then
                            shift := constant_;
                        elsif field in ('subtract', 'add') then
                            plus := pgscore._add(plus, case field when 'add' then constant_ else -constant_ end);
                        elsif field = 'divide' then
                            factor := pgscore._divide(factor, constant_);
                            plus := pgscore._divide(plus, constant_);
                        else
                            factor := pgscore._multiply(factor, constant_);
                            plus := pgscore._multiply(plus, constant_);
                        end if;
                        continue;
                    elsif field in ('subtract', 'add') then
                        e := format('(%s %s %s)', e, case field when 'add' then '+' else '-' end, pgscore._literal(constant_));
                        constant_ := case field when 'add' then constant_ else -constant_ end;
                        low := pgscore._add(low, constant_);
                        high := pgscore._add(high, constant_);
                        small := greatest(tiny, pgscore._multiply(abs(constant_), ulp));
                        size := size + 1;
                    else
                        factor := case field when 'divide' then pgscore._divide(1, abs(constant_)) else abs(constant_) end;
                        if factor is null or factor > '1e300' or factor > 0 and factor < '1e-200' then
                            return null;
                        end if;
                        if factor > 0 and pgscore._multiply(small, factor) < '1e-305' then
                            -- Rounded to a multiple of what survives the product.
                            lift := pgscore._literal(power('2'::double precision, -1010) / factor);
                            e := format('((%s + %s) - %s)', e, lift, lift);
                            size := size + 2;
                        end if;
                        e := format('(%s %s %s)', e, case field when 'divide' then '/' else '*' end, pgscore._literal(constant_));
                        low := case field when 'divide' then pgscore._divide(low, constant_) else pgscore._multiply(low, constant_) end;
                        high := case field when 'divide' then pgscore._divide(high, constant_) else pgscore._multiply(high, constant_) end;
                        if low > high then
                            total := low;
                            low := high;
                            high := total;
                        end if;
                        small := greatest(pgscore._multiply(small, factor), tiny);
                        size := size + 1;
                        factor := 1;
                    end if;
                end loop;
                if wild_input is not null and (
                    not abs(factor) between '1e-100' and '1e100' or not abs(plus) < '1e100' or not abs(shift) < '1e200'
                    or factor is null or plus is null
                ) then
                    return null;
                end if;
            when 'clip' then
                -- Unlike greatest and least, these give NULL for NULL.
                if step ? 'minimum' then
                    e := format('float8larger(%s, %s)', e, pgscore._literal((step -> 'minimum')::double precision));
                end if;
                if step ? 'maximum' then
                    e := format('float8smaller(%s, %s)', e, pgscore._literal((step -> 'maximum')::double precision));
                end if;
                low := least(greatest(low, (step -> 'minimum')::double precision), (step -> 'maximum')::double precision);
                high := least(greatest(high, (step -> 'minimum')::double precision), (step -> 'maximum')::double precision);
                small := least(
                    small, nullif(abs((step -> 'minimum')::double precision), 0), nullif(abs((step -> 'maximum')::double precision), 0)
                );
                size := size + 2;
            when 'function' then
                case step ->> 'name'
                    when 'abs' then
                        e := format('abs(%s)', e);
                        high := greatest(abs(low), abs(high));
                        low := 0;
                        size := size + 1;
                    when 'sqrt' then
                        if low < 0 then
                            e := format('case when %1$s >= %2$s then sqrt(%1$s) end', e, pgscore._literal(0));
                            size := 2 * size + 2;
                            missing := true;
                        else
                            e := format('sqrt(%s)', e);
                            size := size + 1;
                        end if;
                        low := 0;
                        high := sqrt(greatest(high, 0));
                        small := sqrt(small);
                    else
                        if small < '1e-150' then
                            lift := pgscore._literal(power('2'::double precision, -480));
                            e := format('((%s + %s) - %s)', e, lift, lift);
                            size := size + 2;
                            small := '1e-160';
                        end if;
                        e := format('(%1$s * %1$s)', e);
                        size := 2 * size + 1;
                        high := pgscore._multiply(greatest(abs(low), abs(high)), greatest(abs(low), abs(high)));
                        low := 0;
                        small := pgscore._multiply(small, small);
                end case;
            when 'fill' then
                if kind = 't' then
                    e := format('coalesce(%s, %s::text)', e, quote_literal(step ->> 'with'));
                else
                    constant_ := (step -> 'with')::double precision;
                    e := format('coalesce(%s, %s)', e, pgscore._literal(constant_));
                    low := least(low, constant_);
                    high := greatest(high, constant_);
                    small := least(small, nullif(abs(constant_), 0));
                end if;
                missing := false;
                size := size + 1;
            when 'missing' then
                e := case
                    when missing then format('case when %s is null then %s else %s end', e, pgscore._literal(1), pgscore._literal(0))
                    else pgscore._literal(0)
                end;
                low := 0;
                high := 1;
                small := 1;
                missing := false;
                size := size + 1;
            when 'lookup' then
                -- The value is read again for each key on the way.
                size := size * (jsonb_array_length(step -> 'keys') + 2) + jsonb_array_length(step -> 'keys');
                if size > limits then
                    return null;
                end if;
                e := pgscore._lookup(step, e, substr(kinds, of, 1) = 't', missing);
                select
                    coalesce(min(v.value), 0), coalesce(max(v.value), 0), coalesce(min(nullif(abs(v.value), 0)), 1),
                    bool_or(v.value is null)
                into low, high, small, missing
                from (
                    select nullif(k.value, 'null')::double precision as value
                    from jsonb_array_elements(step -> 'values' || (step -> 'unknown')
                        || case when missing then step -> 'missing' else step -> 'unknown' end) as k (value)
                ) v;
            when 'linear' then
                read := translate((step -> 'of')::text, '[]', '{}')::integer[];
                weights := translate((step -> 'weights')::text, '[]', '{}')::double precision[];
                constant_ := (step -> 'intercept')::double precision;
                if cardinality(read) > 1700 then
                    return null;
                end if;
                missing := false;
                for number in 1 .. cardinality(read) loop
                    wild_input := coalesce(wild_input, wild[read[number] + 1]);
                    missing := missing or may_miss[read[number] + 1];
                end loop;
                if wild_input is not null then
                    -- The one sum that may read them. From here on, everything is for that sum.
                    if score is null or register <> score then
                        return null;
                    end if;
                    total := abs(constant_);
                    least_weight := 1;
                    trees := '{}';
                    for number in 1 .. cardinality(read) loop
                        of := read[number] + 1;
                        weight := weights[number];
                        wild_input := wild[of];
                        if wild_input is null then
                            total := total + pgscore._multiply(abs(weight), pgscore._divide(greatest(abs(lows[of]), abs(highs[of])), most));
                            if weight = 0 or pgscore._multiply(abs(weight), smalls[of]) > '1e-200' then
                                trees := trees || expressions[of];
                            elsif abs(weight) > '1e-60' then
                                lift := pgscore._literal(pgscore._divide(power('2'::double precision, -800), abs(weight)));
                                trees := trees || format('((%s + %s) - %s)', expressions[of], lift, lift);
                            else
                                return null;
                            end if;
                            continue;
                        end if;
                        weight := pgscore._multiply(weight, factors[of]);
                        weights[number] := weight;
                        if not abs(weight) between '1e-50' and '1e50' then
                            -- It would not show in the sum what the input is.
                            return null;
                        end if;
                        used[wild_input + 1] := true;
                        total := total + abs(weight) * 2;
                        if abs(pgscore._multiply(shifts[of], factors[of])) <= 100 then
                            constant_ := constant_ + pgscore._multiply(weights[number], pgscore._divide(pluses[of], factors[of]) - shifts[of]);
                            trees := trees || arguments[wild_input + 1];
                            least_weight := least(least_weight, abs(weight));
                            wraps[wild_input + 1] := '';
                        else
                            constant_ := constant_ + pgscore._multiply(weights[number], pgscore._divide(pluses[of], factors[of]));
                            trees := trees || format('(%s - %s)', arguments[wild_input + 1], pgscore._literal(shifts[of]));
                        end if;
                    end loop;
                    if total is null or not total < '1e60' or not abs(constant_) < '1e60' or not least_weight > '1e-60' then
                        return null;
                    end if;
                    total := total + pgscore._divide(abs(constant_), most) * 2;
                    power_ := greatest(0, ceil(log('2'::numeric, greatest(total, 1)::numeric)) + 2);
                    e := '';
                    for number in 1 .. cardinality(read) loop
                        e := e || format(
                            ' + %s * %s', trees[number],
                            pgscore._literal(pgscore._multiply(weights[number], power('2'::double precision, -power_)))
                        );
                    end loop;
                    e := pgscore._literal(pgscore._multiply(constant_, power('2'::double precision, -power_))) || e;
                    lift := pgscore._literal(power('2'::double precision,
                        (-1010 + power_ - floor(log('2'::numeric, least_weight::numeric)))::integer));
                    for number in 1 .. inputs loop
                        wraps[number] := case
                            when wraps[number] is null then null
                            when link = 'logistic' then format('(%%s + %s)', lift)
                            else format('((%%s + %s) - %s)', lift, lift)
                        end;
                    end loop;
                    low := null;
                    size := 3 * cardinality(read);
                    wild_input := -1;
                else
                    e := pgscore._literal(constant_);
                    low := constant_;
                    high := constant_;
                    small := coalesce(nullif(abs(constant_), 0), 1);
                    size := 1;
                    for number in 1 .. cardinality(read) loop
                        of := read[number] + 1;
                        weight := weights[number];
                        term := expressions[of];
                        factor := pgscore._multiply(smalls[of], abs(weight));
                        if weight <> 0 and abs(weight) < '1e-200' then
                            return null;
                        elsif weight <> 0 and factor < '1e-305' then
                            lift := pgscore._literal(power('2'::double precision, -1010) / abs(weight));
                            term := format('((%s + %s) - %s)', term, lift, lift);
                            size := size + 2;
                        end if;
                        e := e || format(' + %s * %s', term, pgscore._literal(weight));
                        low := pgscore._add(low, least(pgscore._multiply(weight, lows[of]), pgscore._multiply(weight, highs[of])));
                        high := pgscore._add(high, greatest(pgscore._multiply(weight, lows[of]), pgscore._multiply(weight, highs[of])));
                        if lows[of] = '-Infinity' or highs[of] = 'Infinity'
                            or pgscore._multiply(abs(weight), greatest(abs(lows[of]), abs(highs[of]))) > '1e307'
                        then
                            return null;
                        end if;
                        if weight <> 0 then
                            small := least(small, greatest(factor, tiny));
                        end if;
                        size := size + sizes[of] + 2;
                    end loop;
                    small := greatest(tiny, pgscore._multiply(small, ulp));
                    factor := 1;
                    e := '(' || e || ')';
                end if;
        end case;
        if size > limits
            or wild_input is null and (name in ('affine', 'linear') or step ->> 'name' = 'square')
            and (coalesce(low, '-Infinity') <= '-1e307' or coalesce(high, 'Infinity') >= '1e307')
        then
            return null;
        end if;
        kinds := kinds || kind;
        expressions := expressions || e;
        sizes := sizes || size;
        lows := lows || low;
        highs := highs || high;
        smalls := smalls || small;
        may_miss := may_miss || missing;
        wild := wild || wild_input;
        shifts := shifts || shift;
        factors := factors || factor;
        pluses := pluses || plus;
        register := register + 1;
    end loop;

    for number in 1 .. inputs loop
        if wild[number] is not null and not used[number] then
            return null;
        end if;
    end loop;
    foreach register in array scores loop
        if wild[register + 1] >= 0 then
            return null;
        end if;
    end loop;
    if score is null then
        e := format(
            '(pgscore._outputs(%L, array[%s]))[%s]', link,
            (
                select string_agg(expressions[r.register + 1], ', ' order by r.ordinal)
                from unnest(scores) with ordinality as r (register, ordinal)
            ),
            coalesce(positive, 0) + 1
        );
    else
        e := expressions[score + 1];
    end if;
    -- Beyond these ends, NaN with the upper one, it is the careful function's turn: it gets what is NULL.
    total := case link when 'logistic' then '700'::double precision else '1e200' end;
    factor := case when wild[score + 1] = -1 then power('2'::double precision, power_) else 1 end;
    limited := wild[score + 1] = -1 or link = 'logistic' and (lows[score + 1] < -700 or highs[score + 1] > 700);
    if limited then
        e := format('float8smaller(float8larger(%s, %s), %s)', e, pgscore._literal(-total / factor), pgscore._literal(total / factor));
    end if;
    if link = 'logistic' then
        e := case when factor = 1 then format('exp(-%s)', e) else format('exp(%s * %s)', e, pgscore._literal(-factor)) end;
        if limited then
            e := format('nullif(nullif(%s, exp(%s)), exp(%s))', e, pgscore._literal(total), pgscore._literal(-total));
        end if;
        e := format('%1$s / (%1$s + %2$s)', pgscore._literal(1), e);
    elsif limited then
        e := format('nullif(nullif(%s, %s), %s)', e, pgscore._literal(total / factor), pgscore._literal(-total / factor));
        if link = 'identity' then
            e := format('%s * %s', e, pgscore._literal(factor));
        end if;
    end if;
    if link = 'sign' then
        e := format('(%s > %s)::integer::double precision', e, pgscore._literal(0));
    end if;
    if link in ('logistic', 'sign') and positive = 0 then
        e := format('%s - %s', pgscore._literal(1), e);
    end if;

    for number in 1 .. cardinality(points) by 2 loop
        guards := guards || format(
            '%s <@ %L::box',
            format('point(%s, %s)', points[number], coalesce(points[number + 1], pgscore._literal(0))),
            format(
                '(%s,%s),(%s,%s)', corners[2 * number - 1], coalesce(corners[2 * number + 1], 0),
                corners[2 * number], coalesce(corners[2 * number + 2], 0)
            )
        );
    end loop;
    answer.guard := nullif(array_to_string(guards, ' and '), '');
    answer.expression := e;
    answer.wraps := wraps;
    return answer;
end
$$;

comment on function pgscore._program_bare(jsonb, integer, text[], boolean, double precision) is
    'SQL for the score of a valid program that needs few operations and raises for no row that it is made for; NULL where there is none. With wild_ones, inputs of linear models need no guard; the others are guarded to lie within the box';
