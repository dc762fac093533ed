create function pgscore._lifted_sql(expression text, lift double precision) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        '((%1$s operator(pg_catalog.+) %2$s) operator(pg_catalog.-) %2$s)', expression, pgscore._literal_sql(lift)
    )
$$;

comment on function pgscore._lifted_sql(text, double precision) is
    'SQL that rounds to a multiple of the lift''s last bit, so that nothing between that and 0 is left';

create function pgscore._bare_wild_operation(
    r pgscore.bare_register, field text, operand double precision
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if field = 'subtract' and r.shift = 0 and r.factor = 1 and r.plus = 0 then
        r.shift := operand;
    elsif field in ('subtract', 'add') then
        r.plus := pgscore._add(r.plus, case field when 'add' then operand else -operand end);
    elsif field = 'divide' then
        r.factor := pgscore._divide(r.factor, operand);
        r.plus := pgscore._divide(r.plus, operand);
    else
        r.factor := pgscore._multiply(r.factor, operand);
        r.plus := pgscore._multiply(r.plus, operand);
    end if;
    return r;
end
$$;

comment on function pgscore._bare_wild_operation(pgscore.bare_register, text, double precision) is
    'A wild register after one operation: noted, for the sum that reads it';

create function pgscore._bare_addition(
    r pgscore.bare_register, field text, operand double precision
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    added constant double precision := case field when 'add' then operand else -operand end;
begin
    r.expression := format(
        '(%s operator(pg_catalog.%s) %s)', r.expression, case field when 'add' then '+' else '-' end,
        pgscore._literal_sql(operand)
    );
    r.low := pgscore._add(r.low, added);
    r.high := pgscore._add(r.high, added);
    r.small := greatest(l.smallest_double, pgscore._multiply(abs(operand), l.half_ulp));
    r.size := r.size + 1;
    return r;
end
$$;

comment on function pgscore._bare_addition(pgscore.bare_register, text, double precision) is
    'A register after a constant is added (field add) or subtracted (field subtract)';

create function pgscore._bare_product(
    r pgscore.bare_register, field text, operand double precision
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    divides constant boolean := field = 'divide';
    factor constant double precision := case when divides then pgscore._divide(1, abs(operand)) else abs(operand) end;
    ends double precision[];
begin
    if factor is null or factor > l.most_factor or factor > 0 and factor < l.least_factor then
        return null;
    end if;
    -- A factor from 1 on makes nothing of what is not 0.
    if factor > 0 and factor < 1 and pgscore._multiply(r.small, factor) < l.least_product then
        r.expression := pgscore._lifted_sql(r.expression, l.lift / factor);
        r.size := r.size + 2;
    end if;
    r.expression := format(
        '(%s operator(pg_catalog.%s) %s)', r.expression, case when divides then '/' else '*' end,
        pgscore._literal_sql(operand)
    );
    ends := case
        when divides then array[pgscore._divide(r.low, operand), pgscore._divide(r.high, operand)]
        else array[pgscore._multiply(r.low, operand), pgscore._multiply(r.high, operand)]
    end;
    r.low := case when ends[1] > ends[2] then ends[2] else ends[1] end;
    r.high := case when ends[1] > ends[2] then ends[1] else ends[2] end;
    r.small := greatest(pgscore._multiply(r.small, factor), l.smallest_double);
    r.size := r.size + 1;
    return r;
end
$$;

comment on function pgscore._bare_product(pgscore.bare_register, text, double precision) is
    'A register after it is divided by a constant (field divide) or multiplied (field multiply); NULL where that is not safe';

create function pgscore._bare_affine(step jsonb, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    field text;
    operand double precision;
begin
    foreach field in array array['subtract', 'divide', 'multiply', 'add'] loop
        operand := (step -> field)::double precision;
        if operand is null or operand = (case when field in ('subtract', 'add') then 0 else 1 end) then
            continue;
        elsif r.is_wild then
            r := pgscore._bare_wild_operation(r, field, operand);
        elsif field in ('subtract', 'add') then
            r := pgscore._bare_addition(r, field, operand);
        else
            r := pgscore._bare_product(r, field, operand);
        end if;
        exit when r.kind is null;
    end loop;
    if r.is_wild and (
        not abs(r.factor) between l.least_wild_factor and l.most_wild_factor
        or not abs(r.plus) < l.most_wild_factor or not abs(r.shift) < l.most_wild_shift
        or r.factor is null or r.plus is null
    ) then
        return null;
    end if;
    return r;
end
$$;

comment on function pgscore._bare_affine(jsonb, pgscore.bare_register) is
    'The register of an affine step of a register; NULL where it is not safe';
