create function pgscore._addend_sql(expression text, weight double precision) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- Operators that are named with their schema bind alike.
    select format(' operator(pg_catalog.+) (%s operator(pg_catalog.*) %s)', expression, pgscore._literal_sql(weight))
$$;

comment on function pgscore._addend_sql(text, double precision) is 'SQL that adds what is weighted to the sum before it';

create function pgscore._bare_linear(step jsonb, registers pgscore.bare_register[]) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    of constant integer[] := translate((step -> 'of')::text, '[]', '{}')::integer[];
    weights constant double precision[] := translate((step -> 'weights')::text, '[]', '{}')::double precision[];
    intercept constant double precision := (step -> 'intercept')::double precision;
    r pgscore.bare_register := pgscore._bare_register(
        'n', null, 1, intercept, intercept, coalesce(nullif(abs(intercept), 0), 1), false
    );
    sum text := pgscore._literal_sql(intercept);
    term pgscore.bare_register;
    weight double precision;
    product double precision;
begin
    for number in 1 .. cardinality(of) loop
        term := registers[of[number] + 1];
        weight := weights[number];
        product := pgscore._multiply(term.small, abs(weight));
        if weight <> 0 and abs(weight) < l.least_factor
            or term.low = '-Infinity' or term.high = 'Infinity'
            or pgscore._multiply(abs(weight), greatest(abs(term.low), abs(term.high))) > l.most_result
        then
            return null;
        elsif weight <> 0 and abs(weight) < 1 and product < l.least_product then
            term.expression := pgscore._lifted_sql(term.expression, l.lift / abs(weight));
            term.size := term.size + 2;
        end if;
        sum := sum || pgscore._addend_sql(term.expression, weight);
        r.low := pgscore._add(r.low, least(pgscore._multiply(weight, term.low), pgscore._multiply(weight, term.high)));
        r.high := pgscore._add(
            r.high, greatest(pgscore._multiply(weight, term.low), pgscore._multiply(weight, term.high))
        );
        if weight <> 0 then
            r.small := least(r.small, greatest(product, l.smallest_double));
        end if;
        r.may_miss := r.may_miss or term.may_miss;
        r.kind := case when term.kind = 'u' then 'u' else r.kind end;
        r.size := r.size + term.size + 2;
    end loop;
    r.small := greatest(l.smallest_double, pgscore._multiply(r.small, l.half_ulp));
    r.expression := '(' || sum || ')';
    return r;
end
$$;

comment on function pgscore._bare_linear(jsonb, pgscore.bare_register[]) is
    'The register of a linear step that reads no wild register; NULL where it is not safe';

create function pgscore._tame_term(r pgscore.bare_register, weight double precision) returns pgscore.bare_term
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    term pgscore.bare_term;
begin
    term.weight := weight;
    term.constant := 0;
    term.magnitude := pgscore._multiply(
        abs(weight), pgscore._divide(greatest(abs(r.low), abs(r.high)), l.largest_double)
    );
    term.is_plain := false;
    if weight = 0 or pgscore._multiply(abs(weight), r.small) > l.least_summed then
        term.expression := r.expression;
    elsif abs(weight) > l.least_tame_weight then
        term.expression := pgscore._lifted_sql(r.expression, pgscore._divide(l.summed_lift, abs(weight)));
    else
        return null;
    end if;
    return term;
end
$$;

comment on function pgscore._tame_term(pgscore.bare_register, double precision) is
    'The term of a register that is not wild in a sum with such as are; NULL where it could underflow';

create function pgscore._wild_term(r pgscore.bare_register, weight double precision, argument text) returns pgscore.bare_term
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    term pgscore.bare_term;
begin
    term.weight := pgscore._multiply(weight, r.factor);
    -- A number that is large beside what is left of it: only the careful function rounds it as the estimator does.
    if not abs(term.weight) between l.least_wild_weight and l.most_wild_weight or abs(r.plus) > l.most_plain_shift then
        return null;
    end if;
    -- A shift is lost beside the largest double.
    term.magnitude := abs(term.weight);
    term.is_plain := abs(pgscore._multiply(r.shift, r.factor)) <= l.most_plain_shift;
    if term.is_plain then
        term.expression := argument;
        term.constant := pgscore._multiply(term.weight, pgscore._divide(r.plus, r.factor) - r.shift);
    else
        term.expression := format('(%s operator(pg_catalog.-) %s)', argument, pgscore._literal_sql(r.shift));
        term.constant := pgscore._multiply(term.weight, pgscore._divide(r.plus, r.factor));
    end if;
    return term;
end
$$;

comment on function pgscore._wild_term(pgscore.bare_register, double precision, text) is
    'The term of a wild register in a sum: its factor is in the weight, what it adds in the intercept; NULL where the sum would not show what the input is';

create function pgscore._scaled_sum(
    terms pgscore.bare_term[], intercept double precision, total double precision, least_weight double precision, link text
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    r pgscore.bare_register := pgscore._bare_register('n', null, 3 * cardinality(terms), null, null, null, false);
    scale double precision;
    term pgscore.bare_term;
begin
    if total is null or not total < l.most_wild_total or not abs(intercept) < l.most_wild_total
        or not least_weight > l.least_tame_weight
    then
        return null;
    end if;
    r.is_wild := true;
    -- A thousandth is left for the intercept, and for rounding.
    r.power := greatest(0, ceil(log('2'::numeric, greatest(total, 0.5)::numeric * 1.001)));
    -- What a logistic link takes is the negative, which is for nothing here.
    scale := power('2'::double precision, -r.power) * case link when 'logistic' then -1 else 1 end;
    r.expression := pgscore._literal_sql(pgscore._multiply(intercept, scale));
    foreach term in array terms loop
        r.expression := r.expression || pgscore._addend_sql(term.expression, pgscore._multiply(term.weight, scale));
    end loop;
    return r;
end
$$;

comment on function pgscore._scaled_sum(pgscore.bare_term[], double precision, double precision, double precision, text) is
    'A sum that may read wild registers, scaled down by a power of two until no row overflows it, and negative for a logistic link; NULL where there is none';

create function pgscore._wraps_sql(
    plain boolean[], link text, power integer, least_weight double precision
) returns text[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Lost in rounding, it keeps the products of tiny inputs from underflowing.
    lift constant text := pgscore._literal_sql(power('2'::double precision,
        (-1010 + power - floor(log('2'::numeric, least_weight::numeric)))::integer));
    wrap constant text := case link
        when 'logistic' then format('(%%s operator(pg_catalog.+) %s)', lift)
        else format('((%%s operator(pg_catalog.+) %s) operator(pg_catalog.-) %s)', lift, lift)
    end;
begin
    return array(
        select case when p.plain then wrap end from unnest(plain) with ordinality as p (plain, ordinal) order by p.ordinal
    );
end
$$;

comment on function pgscore._wraps_sql(boolean[], text, integer, double precision) is
    'What the arguments of inputs are wrapped in that a scaled sum reads plainly; NULL for the others';

create function pgscore._bare_wild_sum(
    program jsonb, step jsonb, arguments text[], registers pgscore.bare_register[]
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    of constant integer[] := translate((step -> 'of')::text, '[]', '{}')::integer[];
    weights constant double precision[] := translate((step -> 'weights')::text, '[]', '{}')::double precision[];
    intercept double precision := (step -> 'intercept')::double precision;
    -- Each score of these is what a logistic link makes of its sum.
    link constant text := case when program ->> 'link' in ('expit', 'one_vs_all') then 'logistic' else program ->> 'link' end;
    -- In units of the largest double, beside which the intercept is nothing.
    total double precision := 0;
    least_weight double precision := 1;
    terms pgscore.bare_term[] := '{}';
    -- For each input whether it is read, NULL where it is not, and whether it is read as it was given.
    plain boolean[] := array_fill(null::boolean, array[jsonb_array_length(program -> 'inputs')]);
    may_miss boolean := false;
    r pgscore.bare_register;
    term pgscore.bare_term;
begin
    for number in 1 .. cardinality(of) loop
        r := registers[of[number] + 1];
        term := case
            when r.is_wild then pgscore._wild_term(r, weights[number], arguments[r.input + 1])
            else pgscore._tame_term(r, weights[number])
        end;
        if term.expression is null then
            return null;
        end if;
        intercept := intercept + term.constant;
        total := total + term.magnitude;
        if r.is_wild then
            plain[r.input + 1] := term.is_plain or coalesce(plain[r.input + 1], false);
        end if;
        if term.is_plain then
            least_weight := least(least_weight, abs(term.weight));
        end if;
        terms := terms || term;
        may_miss := may_miss or r.may_miss;
    end loop;
    -- Nothing shows what an input is that the sum does not read.
    if exists (select from unnest(registers) as w where w.input is not null and plain[w.input + 1] is null) then
        return null;
    end if;
    r := pgscore._scaled_sum(terms, intercept, total, least_weight, link);
    if r.kind is not null then
        r.may_miss := may_miss;
        r.wraps := pgscore._wraps_sql(plain, link, r.power, least_weight);
    end if;
    return r;
end
$$;

comment on function pgscore._bare_wild_sum(jsonb, jsonb, text[], pgscore.bare_register[]) is
    'The register of the linear step that alone may read wild registers, and must read all wild inputs; NULL where it is not safe';
