create function pgscore._reach(r pgscore.bare_register, center double precision default 0) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select greatest(abs(pgscore._add(r.low, -center)), abs(pgscore._add(r.high, -center)))
$$;

comment on function pgscore._reach(pgscore.bare_register, double precision) is
    'How far a register can be from a number';

create function pgscore._bare_multiplied(
    r pgscore.bare_register, of pgscore.bare_register[]
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    -- So that the product stays below 1e140.
    most_factor constant double precision := power('10'::double precision, 140.0 / cardinality(of));
    most double precision := 1;
    small double precision := 1;
    factors text[] := '{}';
    factor pgscore.bare_register;
begin
    foreach factor in array of loop
        most := pgscore._multiply(most, pgscore._reach(factor));
        small := pgscore._multiply(small, factor.small);
        factor := pgscore._bare_limited(factor, most_factor);
        factors := factors || factor.expression;
        r.kind := case when factor.kind = 'u' then 'u' else r.kind end;
    end loop;
    if small >= l.least_product then
        r.expression := '(' || array_to_string(factors, ' operator(pg_catalog.*) ') || ')';
        r.small := small;
        r.size := r.size + 4 * cardinality(of);
        most := least(most, '1e140');
    end if;
    r.high := coalesce(most, 'Infinity');
    return r;
end
$$;

comment on function pgscore._bare_multiplied(pgscore.bare_register, pgscore.bare_register[]) is
    'The register of a product: multiplied with the operator where that cannot raise, NULL where factors are far from 0';

create function pgscore._piecewise_reach(step jsonb, r pgscore.bare_register) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with knots as (
        select array(select k.value::double precision from jsonb_array_elements(step -> 'knots') with ordinality as k (value, ordinal) order by k.ordinal) as at
    ),
    pieces as (
        select
            p.ordinal, p.value,
            case p.ordinal
                when 1 then greatest(pgscore._add(k.at[1], -r.low), 0)
                when cardinality(k.at) + 1 then greatest(pgscore._add(r.high, -k.at[cardinality(k.at)]), 0)
                else pgscore._add(k.at[p.ordinal], -k.at[p.ordinal - 1])
            end as width
        from jsonb_array_elements(step -> 'coefficients') with ordinality as p (value, ordinal), knots k
        where jsonb_typeof(p.value) = 'array'
    ),
    terms as (
        select
            p.ordinal,
            pgscore._multiply(
                abs(c.value::double precision),
                pgscore._product(array_fill(p.width, array[greatest(c.ordinal::integer - 1, 1)]))
            ) as beyond,
            abs(c.value::double precision) as plain, c.ordinal as power
        from pieces p, jsonb_array_elements(p.value) with ordinality as c (value, ordinal)
    ),
    sums as (
        -- There are not so many that they overflow.
        select sum(least(case t.power when 1 then t.plain else coalesce(t.beyond, 'Infinity') end, '1e300')) as most
        from terms t group by t.ordinal
    )
    select greatest(
        coalesce((select max(s.most) from sums s), 0), coalesce(abs((nullif(step -> 'missing', 'null'))::double precision), 0)
    )
$$;

comment on function pgscore._piecewise_reach(jsonb, pgscore.bare_register) is
    'How far from 0 a piecewise step of a register can be; 1e300 and more where that is not known';

create function pgscore._quadratic_reach(step jsonb, of pgscore.bare_register[]) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    total double precision := 0;
    distance double precision;
    size double precision;
begin
    -- No entry of the matrix is larger, nor are there more.
    size := case when step ? 'matrix' then (
        select max(abs(e.value::double precision)) from jsonb_array_elements(pgscore._flat(step -> 'matrix')) as e (value)
    ) else 1 end;
    for number in 1 .. cardinality(of) loop
        distance := pgscore._multiply(size, pgscore._reach(of[number], (step -> 'center' -> (number - 1))::double precision));
        total := pgscore._add(total, distance);
    end loop;
    -- A row's sum is at most that.
    total := pgscore._multiply(total, total);
    if step ? 'matrix' then
        total := pgscore._multiply(total, jsonb_array_length(step -> 'matrix'));
    end if;
    return coalesce(total, 'Infinity');
end
$$;

comment on function pgscore._quadratic_reach(jsonb, pgscore.bare_register[]) is
    'How large a quadratic step of registers can be';

create function pgscore._kernel_reach(step jsonb) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when step ->> 'kernel' = 'poly' or step ->> 'kernel' = 'rbf' and (step -> 'gamma')::double precision < 0 then 'Infinity'
        -- There are not so many that they overflow.
        else least(abs((step -> 'intercept')::double precision), '1e300') + (
            select sum(least(abs(c.value::double precision), '1e300'))
            from jsonb_array_elements(step -> 'coefficients') as c (value)
        )
    end
$$;

comment on function pgscore._kernel_reach(jsonb) is 'How far from 0 a kernel step can be';

create function pgscore._kernel_may_miss(step jsonb, of pgscore.bare_register[]) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with widest as (
        select c.ordinal::integer as number, max(abs(c.value::double precision)) as size
        from jsonb_array_elements(step -> 'vectors') as v (value),
            jsonb_array_elements(v.value) with ordinality as c (value, ordinal)
        group by c.ordinal
    )
    -- Infinite terms of a product can cancel each other. Distances are infinite at most, which only a gamma of 0 minds.
    -- A vector has no more than a million terms.
    select case
        when step ->> 'kernel' <> 'rbf' then exists (
            select from widest w where (pgscore._multiply(pgscore._reach(of[w.number]), w.size) < '1e302') is not true
        )
        when (step -> 'gamma')::double precision = 0 then exists (
            select from widest w where not pgscore._add(pgscore._reach(of[w.number]), w.size) < '1e150'
        )
        else false
    end
$$;

comment on function pgscore._kernel_may_miss(jsonb, pgscore.bare_register[]) is
    'Whether a kernel step of finite registers can be no number, because what it adds overflows';

create function pgscore._bare_formula(
    step jsonb, registers pgscore.bare_register[], most_nodes bigint
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    name constant text := step ->> 'step';
    read constant jsonb := case jsonb_typeof(step -> 'of') when 'array' then step -> 'of' else jsonb_build_array(step -> 'of') end;
    of pgscore.bare_register[] := '{}';
    given text[] := '{}';
    r pgscore.bare_register := pgscore._bare_register('n', null, 4, null, null, l.smallest_double, name = 'ratio');
    term pgscore.bare_register;
    number integer;
begin
    foreach number in array translate(read::text, '[]', '{}')::integer[] loop
        term := registers[number + 1];
        if term.is_wild then
            return null;
        end if;
        of := of || term;
        given := given || term.expression;
        r.size := r.size + term.size + 1;
        -- Of infinite numbers there may be none.
        r.may_miss := r.may_miss or term.may_miss or term.low = '-Infinity' or term.high = 'Infinity';
        r.kind := case when term.kind = 'u' then 'u' else r.kind end;
    end loop;
    if r.size > most_nodes then
        return null;
    end if;
    r.expression := pgscore._formula_sql(step, given);
    case name
        when 'product' then
            r := pgscore._bare_multiplied(r, of);
        when 'ratio' then
            r.high := 'Infinity';
        when 'piecewise' then
            r.high := pgscore._piecewise_reach(step, of[1]);
            r.may_miss := r.may_miss or step -> 'coefficients' @> '[null]';
        when 'quadratic' then
            r.high := pgscore._quadratic_reach(step, of);
        when 'median' then
            -- A number that is missing has its place among the others, so without all of them it is not sure.
            r.high := (select max(pgscore._reach(o)) from unnest(of) as o);
            r.kind := case when r.may_miss then 'u' else r.kind end;
        when 'kernel' then
            r.high := pgscore._kernel_reach(step);
            r.may_miss := r.may_miss or pgscore._kernel_may_miss(step, of);
    end case;
    r.low := case name when 'quadratic' then 0 else -r.high end;
    -- What goes further leaves no room for what follows.
    return pgscore._bare_limited(r, '1e150');
end
$$;

comment on function pgscore._bare_formula(jsonb, pgscore.bare_register[], bigint) is
    'The register of a step that is a formula: product, ratio, piecewise, quadratic, median or kernel; NULL where it is not safe, or larger than most_nodes';
