create function pgscore._is_needed(program jsonb, scores integer[], register integer) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select register = any (scores) or exists (
        select from jsonb_array_elements(program -> 'steps') as s (step)
        where case jsonb_typeof(s.step -> 'of')
            when 'array' then s.step -> 'of' @> to_jsonb(register) else s.step -> 'of' = to_jsonb(register)
        end
    )
$$;

comment on function pgscore._is_needed(jsonb, integer[], integer) is 'Whether a register is a score or read by a step';

create function pgscore._bare_quotient(r pgscore.bare_register, divisor double precision) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
begin
    if divisor = 0 or abs(pgscore._divide(r.small, divisor)) < l.least_divided then
        return null;
    end if;
    r.expression := format('(%s operator(pg_catalog./) %s)', r.expression, pgscore._literal_sql(divisor));
    r.high := abs(pgscore._divide(r.high, divisor));
    r.small := abs(pgscore._divide(r.small, divisor));
    return r;
end
$$;

comment on function pgscore._bare_quotient(pgscore.bare_register, double precision) is
    'A sum of trees over their divisor; NULL where that could underflow';

create function pgscore._bare_tree_output(
    step jsonb, tests text[], may_miss boolean[], output integer, size bigint
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    base constant double precision := (step -> 'base' -> output)::double precision;
    trees constant integer := (
        select count(*) from jsonb_array_elements(step -> 'target') as t (target) where t.target::integer in (-1, output)
    );
    r pgscore.bare_register := pgscore._bare_register('n', null, size, null, null, null, false);
begin
    if step ? 'walked' then
        r.expression := pgscore._walk_sql(step, tests, may_miss, output, pgscore._literal_sql(base));
        if r.expression is null then
            return null;
        end if;
    else
        r.expression := array_to_string(
            pgscore._literal_sql(base) || pgscore._trees_sql(step, tests, may_miss, output), ' operator(pg_catalog.+) '
        );
        if trees > 0 then
            r.expression := '(' || r.expression || ')';
        end if;
    end if;
    select
        abs(base) + coalesce(max(abs(v.leaf::double precision)), 0) * trees,
        greatest(l.smallest_double, least(min(nullif(abs(v.leaf::double precision), 0)), nullif(abs(base), 0)))
    into r.high, r.small
    from jsonb_array_elements(step -> 'values') as v (leaf);
    r.small := greatest(l.smallest_double, coalesce(pgscore._multiply(r.small, l.half_ulp), 1));
    if step ? 'divide' then
        r := pgscore._bare_quotient(r, (step -> 'divide')::double precision);
    end if;
    r.low := -r.high;
    return case when r.high < 'Infinity' then r end;
end
$$;

comment on function pgscore._bare_tree_output(jsonb, text[], boolean[], integer, bigint) is
    'The register of one output of a trees step; tests is SQL for what nodes test, NULL where it is missing and may_miss. NULL where it is not safe, or is to be walked and cannot';

create function pgscore._bare_trees(
    program jsonb, step jsonb, scores integer[], registers pgscore.bare_register[], most_nodes bigint
) returns pgscore.bare_register[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    r pgscore.bare_register;
    number integer;
    tests text[] := '{}';
    may_miss boolean[] := '{}';
    sizes bigint[] := '{}';
    size bigint;
    answers pgscore.bare_register[] := '{}';
begin
    foreach number in array translate((step -> 'of')::text, '[]', '{}')::integer[] loop
        r := registers[number + 1];
        if r.is_wild then
            return null;
        end if;
        tests := tests || pgscore._tested_sql(r.expression, r.kind);
        may_miss := may_miss || r.may_miss;
        sizes := sizes || r.size;
    end loop;
    select coalesce(sum(sizes[f.position + 1]) + count(*), 0) into size
    from unnest(translate((step -> 'feature')::text, '[]', '{}')::integer[]) as f (position);
    if size > most_nodes or jsonb_array_length(step -> 'roots') > l.most_trees
        or not pgscore._has_bounded_leaves(step)
    then
        return null;
    end if;
    for output in 0 .. jsonb_array_length(step -> 'base') - 1 loop
        r := case
            when pgscore._is_needed(program, scores, cardinality(registers) + output) then
                pgscore._bare_tree_output(step, tests, may_miss, output, size)
            else pgscore._bare_register('n', null, size, 0, 0, l.smallest_double, false)
        end;
        if r.kind is null then
            return null;
        end if;
        answers := answers || r;
    end loop;
    return answers;
end
$$;

comment on function pgscore._bare_trees(jsonb, jsonb, integer[], pgscore.bare_register[], bigint) is
    'The registers of a trees step, without SQL where nothing needs them; NULL where one is not safe';
