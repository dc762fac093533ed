create function pgscore._bare_register(
    kind text, expression text, size bigint, low double precision, high double precision, small double precision,
    may_miss boolean
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return (kind, expression, size, low, high, small, may_miss, false, null, 0, 1, 0, null, null)::pgscore.bare_register;
end
$$;

comment on function pgscore._bare_register(text, text, bigint, double precision, double precision, double precision, boolean) is
    'A register that is not wild';

create function pgscore._bare_input(
    input jsonb, number integer, argument text, wild_ones boolean, box double precision
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    r pgscore.bare_register := pgscore._bare_register(
        case when input ->> 'type' = 'text' then 't' else 'n' end, argument, 1,
        coalesce((input -> 'minimum')::double precision, '-Infinity'),
        coalesce((input -> 'maximum')::double precision, 'Infinity'),
        l.smallest_double, (input -> 'nullable')::boolean
    );
begin
    if wild_ones and r.kind = 'n' and not r.may_miss and not input ? 'known'
        and r.low < -l.wild_input and r.high > l.wild_input
    then
        r.is_wild := true;
        r.input := number;
        return r;
    end if;
    r.low := greatest(r.low, -box);
    r.high := least(r.high, box);
    return case when r.low <= r.high then r end;
end
$$;

comment on function pgscore._bare_input(jsonb, integer, text, boolean, double precision) is
    'The register of an input, within the box unless it is wild; NULL where none of its values lies in the box';

create function pgscore._bare_inputs(
    inputs jsonb, arguments text[], wild_ones boolean, box double precision
) returns pgscore.bare_register[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    registers pgscore.bare_register[] := '{}';
    r pgscore.bare_register;
    input jsonb;
begin
    for input in select i.value from jsonb_array_elements(inputs) with ordinality as i (value, ordinal) order by i.ordinal loop
        r := pgscore._bare_input(
            input, cardinality(registers), arguments[cardinality(registers) + 1], wild_ones, box
        );
        if r.kind is null then
            return null;
        end if;
        registers := registers || r;
    end loop;
    return registers;
end
$$;

comment on function pgscore._bare_inputs(jsonb, text[], boolean, double precision) is
    'The registers of all inputs; NULL where one has no value in the box';

create function pgscore._input_guard_sql(input jsonb, r pgscore.bare_register) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    or_missing constant text := case when r.may_miss then r.expression || ' is null or ' end;
begin
    return nullif(concat_ws(
        ' and ',
        case
            when input ? 'known' then concat(
                '(', or_missing, pgscore._tested_sql(r.expression, r.kind), ' operator(pg_catalog.=) any (',
                pgscore._array_literal_sql(input -> 'known', input ->> 'type'), '))'
            )
            when r.kind = 't' and not r.may_miss then r.expression || ' is not null'
        end,
        case
            -- NaN is greater.
            when r.kind = 'n' and r.low = '-Infinity' and r.high = 'Infinity' then
                concat('(', or_missing, r.expression, ' operator(pg_catalog.<=) ', pgscore._literal_sql(r.high), ')')
        end
    ), '');
end
$$;

comment on function pgscore._input_guard_sql(jsonb, pgscore.bare_register) is
    'SQL for what a row must pass for an input that is not wild, besides its ends; NULL where there is nothing';

create function pgscore._box_guard_sql(inputs pgscore.bare_register[]) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
    -- Two numbers are a point: one comparison for four ends, and false for NaN.
    select string_agg(
        format(
            'pg_catalog.point(%s, %s) operator(pg_catalog.<@) %L::pg_catalog.box',
            p.first, coalesce(p.second, pgscore._literal_sql(0)),
            format('(%s,%s),(%s,%s)', p.high, coalesce(p.second_high, 0), p.low, coalesce(p.second_low, 0))
        ),
        ' and ' order by p.number
    )
    from (
        select
            b.number, b.expression as first, b.high, b.low, lead(b.expression) over following as second,
            lead(b.high) over following as second_high, lead(b.low) over following as second_low
        from (
            select
                row_number() over (order by i.ordinal) as number, i.low, i.high,
                case
                    when i.may_miss then format(
                        'coalesce(%s, %s)', i.expression, pgscore._literal_sql(greatest(i.low, least(i.high, 0)))
                    )
                    else i.expression
                end as expression
            from unnest(inputs) with ordinality as i (
                kind, expression, size, low, high, small, may_miss, is_wild, input, shift, factor, plus, power, wraps,
                ordinal
            )
            where i.kind = 'n' and not i.is_wild and (i.low > '-Infinity' or i.high < 'Infinity')
        ) b
        window following as (order by b.number)
    ) p
    where p.number % 2 = 1
$$;

comment on function pgscore._box_guard_sql(pgscore.bare_register[]) is
    'SQL for whether number inputs that are not wild lie between their ends; NULL where none has any';

create function pgscore._guard_sql(inputs jsonb, registers pgscore.bare_register[]) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    guards text[] := '{}';
    input jsonb;
    number integer := 0;
begin
    for input in select i.value from jsonb_array_elements(inputs) with ordinality as i (value, ordinal) order by i.ordinal loop
        number := number + 1;
        if not (registers[number]).is_wild then
            guards := guards || pgscore._input_guard_sql(input, registers[number]);
        end if;
    end loop;
    return nullif(array_to_string(guards || pgscore._box_guard_sql(registers[:number]), ' and '), '');
end
$$;

comment on function pgscore._guard_sql(jsonb, pgscore.bare_register[]) is
    'SQL for whether a row is ordinary: what the inputs that are not wild have to pass; NULL where it is always';
