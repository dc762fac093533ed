-- Interval arithmetic with the program's own operations: rounding is monotone, so where the ends do not overflow nothing
-- between them does. `small` is the least magnitude that a register has besides 0: a product with it must not underflow.
--
-- A register is wild where it is linear in an input that may be anything, NULL, NaN and infinity included. Such inputs
-- need no guard, because the one sum that may read them shows what they were: its weights are scaled down by a power of
-- two until no sum of doubles overflows, an added constant that is lost in rounding keeps their products from
-- underflowing, and a sum that is large, infinite, NaN or NULL is left to the careful function.
create function pgscore._bare_scores(program jsonb, positive integer) returns integer[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    scores constant integer[] := translate((program -> 'scores')::text, '[]', '{}')::integer[];
begin
    return case program ->> 'link'
        when 'identity' then array[scores[coalesce(positive, 0) + 1]]
        when 'one_vs_all' then array[scores[coalesce(positive, 0) + 1]]
        when 'logistic' then array[scores[1]]
        when 'sign' then array[scores[1]]
        else scores
    end;
end
$$;

comment on function pgscore._bare_scores(jsonb, integer) is
    'The registers that the score needs: some links want all, the others the one of the output';

create function pgscore._bare_linear_step(
    program jsonb, step jsonb, arguments text[], scores integer[], registers pgscore.bare_register[]
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    of constant integer[] := translate((step -> 'of')::text, '[]', '{}')::integer[];
begin
    if cardinality(of) > l.most_terms then
        return null;
    end if;
    for number in 1 .. cardinality(of) loop
        if (registers[of[number] + 1]).is_wild then
            -- Only the sum that is the score: what follows it would have to know of its power.
            return case
                when program ->> 'link' in ('identity', 'logistic', 'sign', 'exp', 'expit', 'one_vs_all')
                    and scores = array[cardinality(registers)]
                then
                    pgscore._bare_wild_sum(program, step, arguments, registers)
            end;
        end if;
    end loop;
    return pgscore._bare_linear(step, registers);
end
$$;

comment on function pgscore._bare_linear_step(jsonb, jsonb, text[], integer[], pgscore.bare_register[]) is
    'The register of a linear step; NULL where it is not safe';

create function pgscore._bare_step(
    program jsonb, step jsonb, arguments text[], scores integer[], registers pgscore.bare_register[], most_nodes bigint
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    name constant text := step ->> 'step';
    r pgscore.bare_register;
begin
    if pgscore._hides_doubt(step, registers) or pgscore._read_size(step, registers) > most_nodes then
        return null;
    elsif jsonb_typeof(step -> 'of') = 'number' then
        r := registers[(step -> 'of')::integer + 1];
        if r.is_wild and name <> 'affine' then
            return null;
        end if;
    end if;
    r := case name
        when 'affine' then pgscore._bare_affine(step, r)
        when 'clip' then pgscore._bare_clip(step, r)
        when 'function' then pgscore._bare_function(step, r)
        when 'fill' then pgscore._bare_fill(step, r)
        when 'missing' then pgscore._bare_missing(r)
        when 'lookup' then pgscore._bare_lookup(step, r, most_nodes)
        when 'linear' then pgscore._bare_linear_step(program, step, arguments, scores, registers)
        else pgscore._bare_formula(step, registers, most_nodes)
    end;
    -- The steps whose values can grow.
    if r.size > most_nodes
        or not r.is_wild and (name in ('affine', 'linear') or step ->> 'name' = 'square')
        and (coalesce(r.low, '-Infinity') <= -l.most_result or coalesce(r.high, 'Infinity') >= l.most_result)
    then
        return null;
    end if;
    return r;
end
$$;

comment on function pgscore._bare_step(jsonb, jsonb, text[], integer[], pgscore.bare_register[], bigint) is
    'The register of a step of any kind but trees; NULL where it is not safe, or larger than most_nodes';

create function pgscore._bare_registers(
    program jsonb, arguments text[], scores integer[], wild_ones boolean, box double precision
) returns pgscore.bare_register[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most_nodes constant bigint := 4 * pgscore._program_size(program) + 1000;
    registers pgscore.bare_register[] := pgscore._bare_inputs(program -> 'inputs', arguments, wild_ones, box);
    added pgscore.bare_register[];
    r pgscore.bare_register;
    step jsonb;
begin
    if registers is null then
        return null;
    end if;
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        if step ->> 'step' = 'trees' then
            added := case
                when not pgscore._hides_doubt(step, registers) then
                    pgscore._bare_trees(program, step, scores, registers, most_nodes)
            end;
        elsif step ->> 'step' = 'link' then
            added := pgscore._bare_link(step, registers, most_nodes);
        else
            r := pgscore._bare_step(program, step, arguments, scores, registers, most_nodes);
            added := case when r.kind is not null then array[r] end;
        end if;
        if added is null then
            return null;
        end if;
        foreach r in array added loop
            registers := registers || r;
        end loop;
    end loop;
    return registers;
end
$$;

comment on function pgscore._bare_registers(jsonb, text[], integer[], boolean, double precision) is
    'All registers of a program; NULL where one is not safe';

create function pgscore._is_read(program jsonb, register integer) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    reached integer[] := translate((program -> 'scores')::text, '[]', '{}')::integer[];
    kinds text := repeat('n', jsonb_array_length(program -> 'inputs'));
    firsts integer[] := '{}';
    step jsonb;
begin
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        firsts := firsts || length(kinds);
        kinds := kinds || pgscore._step_kinds(step, kinds);
    end loop;
    for number in reverse cardinality(firsts) .. 1 loop
        step := program -> 'steps' -> number - 1;
        if exists (
            select from unnest(reached) as r (register)
            where r.register >= firsts[number] and r.register < coalesce(firsts[number + 1], length(kinds))
        ) then
            reached := reached || ('{' || translate(step ->> 'of', '[]', '') || '}')::integer[];
        end if;
    end loop;
    return register = any (reached);
end
$$;

comment on function pgscore._is_read(jsonb, integer) is 'Whether a register of a valid program is a score, or what one is made of';

create function pgscore._meets_requirements(program jsonb, registers pgscore.bare_register[]) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted record;
    r pgscore.bare_register;
begin
    for wanted in
        select q.* from jsonb_to_recordset(coalesce(program -> 'require', '[]'))
            as q ("of" integer, nullable boolean, minimum double precision, maximum double precision)
    loop
        r := registers[wanted."of" + 1];
        if r.is_wild or coalesce(r.may_miss, true) and not wanted.nullable and r.kind = 'n'
            or coalesce(r.low, '-Infinity') < wanted.minimum or coalesce(r.high, 'Infinity') > wanted.maximum
            -- NULL where it is not sure shows in the score, where that reads it.
            or r.kind = 'u' and not pgscore._is_read(program, wanted."of")
        then
            return false;
        end if;
    end loop;
    return true;
end
$$;

comment on function pgscore._meets_requirements(jsonb, pgscore.bare_register[]) is
    'Whether no row that passes the guard can have a register beyond what the program requires, or its score is NULL';

create function pgscore._bare_ended_sql(
    expression text, link text, factor double precision, is_limited boolean, is_negative boolean
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    most constant double precision := case when link in ('logistic', 'exp') then l.most_exponent else l.most_score end;
    upper_end constant text := pgscore._literal_sql(most / factor);
    lower_end constant text := pgscore._literal_sql(-most / factor);
    e text := expression;
begin
    if is_limited then
        -- Beyond these ends, NaN with the upper one, it is the careful function's turn: it gets what is NULL.
        e := format('pg_catalog.float8smaller(pg_catalog.float8larger(%s, %s), %s)', e, lower_end, upper_end);
    end if;
    if link in ('logistic', 'exp') then
        e := case
            when factor = 1 and (link = 'exp' or is_negative) then format('pg_catalog.exp(%s)', e)
            when factor = 1 then format('pg_catalog.exp(operator(pg_catalog.-) %s)', e)
            else format(
                'pg_catalog.exp(%s operator(pg_catalog.*) %s)', e,
                pgscore._literal_sql(case when link = 'exp' or is_negative then factor else -factor end)
            )
        end;
        if is_limited then
            e := format(
                'pgscore._nullif(pgscore._nullif(%s, pg_catalog.exp(%s)), pg_catalog.exp(%s))',
                e, pgscore._literal_sql(most), pgscore._literal_sql(-most)
            );
        end if;
        if link = 'logistic' then
            e := format('%1$s operator(pg_catalog./) (%1$s operator(pg_catalog.+) %2$s)', pgscore._literal_sql(1), e);
        end if;
    elsif is_limited then
        e := format('pgscore._nullif(pgscore._nullif(%s, %s), %s)', e, upper_end, lower_end);
        if link = 'identity' and factor <> 1 then
            e := format('%s operator(pg_catalog.*) %s', e, pgscore._literal_sql(factor));
        end if;
    end if;
    return e;
end
$$;

comment on function pgscore._bare_ended_sql(text, text, double precision, boolean, boolean) is
    'SQL for a score register over a factor, or for its negative one, linked unless the link is sign; where it is limited, NULL beyond the ends';

create function pgscore._bare_score_sql(
    link text, positive integer, r pgscore.bare_register
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    e text := pgscore._bare_ended_sql(
        r.expression, link, power('2'::double precision, coalesce(r.power, 0)),
        r.power is not null
            or link in ('logistic', 'exp') and (r.low < -l.most_exponent or r.high > l.most_exponent),
        r.power is not null and link = 'logistic'
    );
begin
    if link = 'sign' then
        e := format('(%s operator(pg_catalog.>) %s)::pg_catalog.int4::pg_catalog.float8', e, pgscore._literal_sql(0));
    end if;
    if link in ('logistic', 'sign') and positive = 0 then
        e := format('%s operator(pg_catalog.-) (%s)', pgscore._literal_sql(1), e);
    end if;
    return e;
end
$$;

comment on function pgscore._bare_score_sql(text, integer, pgscore.bare_register) is
    'SQL for an output of a link that takes one score, of its register';

create function pgscore._program_bare_sql(
    program jsonb, positive integer, arguments text[], wild_ones boolean, box double precision
) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    link constant text := program ->> 'link';
    scores constant integer[] := pgscore._bare_scores(program, positive);
    registers constant pgscore.bare_register[] := pgscore._bare_registers(program, arguments, scores, wild_ones, box);
    r pgscore.bare_register;
    answer pgscore.bare_expression;
begin
    if registers is null or not pgscore._meets_requirements(program, registers) then
        return null;
    elsif link in ('identity', 'logistic', 'sign', 'exp', 'expit', 'one_vs_all') then
        r := registers[scores[1] + 1];
        answer.expression := case
            when link in ('expit', 'one_vs_all') then pgscore._bare_score_sql('logistic', 1, r)
            else pgscore._bare_score_sql(link, positive, r)
        end;
    elsif link = 'argmax' and exists (select from unnest(scores) as s (register) where (registers[s.register + 1]).kind = 'u') then
        -- It takes NULL for the largest.
        return null;
    else
        answer.expression := format(
            '(pgscore._outputs(%L, array[%s]))[%s]', link,
            (
                select string_agg((registers[s.register + 1]).expression, ', ' order by s.ordinal)
                from unnest(scores) with ordinality as s (register, ordinal)
            ),
            coalesce(positive, 0) + 1
        );
    end if;
    if r.power is null and exists (select from unnest(registers) as w where w.is_wild) then
        -- No sum shows what these inputs are.
        return null;
    end if;
    answer.guard := pgscore._guard_sql(program -> 'inputs', registers);
    answer.wraps := coalesce(r.wraps, array_fill(null::text, array[jsonb_array_length(program -> 'inputs')]));
    return answer;
end
$$;

comment on function pgscore._program_bare_sql(jsonb, integer, text[], boolean, double precision) is
    'SQL for the score of a valid program that needs few operations and raises for no row that it is made for; NULL where there is none. With wild_ones, inputs of linear models need no guard; the others are guarded to lie within the box';
