create function pgscore._read_size(step jsonb, registers pgscore.bare_register[]) returns bigint
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    size bigint := 0;
    number integer;
begin
    if jsonb_typeof(step -> 'of') = 'array' then
        foreach number in array translate((step -> 'of')::text, '[]', '{}')::integer[] loop
            size := size + (registers[number + 1]).size;
        end loop;
    end if;
    return size;
end
$$;

comment on function pgscore._read_size(jsonb, pgscore.bare_register[]) is
    'How large the SQL is of the list of registers that a step reads, before it is put together';

create function pgscore._hides_doubt(step jsonb, registers pgscore.bare_register[]) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select (step ->> 'step' in ('fill', 'missing', 'lookup', 'trees')
        or step ->> 'step' = 'piecewise' and step -> 'missing' <> 'null') and exists (
        select from jsonb_array_elements(
            case jsonb_typeof(step -> 'of') when 'array' then step -> 'of' else jsonb_build_array(step -> 'of') end
        ) as o (register)
        where (registers[o.register::integer + 1]).kind = 'u'
    )
$$;

comment on function pgscore._hides_doubt(jsonb, pgscore.bare_register[]) is
    'Whether a step makes something of NULL, and reads a register that is NULL where it is not sure';

create function pgscore._bare_limited(r pgscore.bare_register, most double precision) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if r.low > -most and r.high < most then
        return r;
    end if;
    r.expression := format(
        'pgscore._nullif(pgscore._nullif(pg_catalog.float8smaller(pg_catalog.float8larger(%1$s, %2$s), %3$s), %2$s), %3$s)',
        r.expression, pgscore._literal_sql(-most), pgscore._literal_sql(most)
    );
    r.kind := 'u';
    r.may_miss := true;
    r.low := least(greatest(r.low, -most), most);
    r.high := least(greatest(r.high, -most), most);
    r.size := r.size + 4;
    return r;
end
$$;

comment on function pgscore._bare_limited(pgscore.bare_register, double precision) is
    'A register that may go beyond these ends, within them: elsewhere it is NULL, and the row the careful function''s';

create function pgscore._bare_exp(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- What is raised to more is not ordinary, and would leave no room for what follows.
    r := pgscore._bare_limited(r, 300);
    r.expression := format('pg_catalog.exp(%s)', r.expression);
    r.low := exp(r.low) / 2;
    r.high := exp(r.high) * 2;
    r.small := r.low;
    r.size := r.size + 1;
    return r;
end
$$;

comment on function pgscore._bare_exp(pgscore.bare_register) is 'The register of exp()';

create function pgscore._bare_expit(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
begin
    r := pgscore._bare_limited(r, l.most_exponent);
    r.expression := format(
        '(%1$s operator(pg_catalog./) (%1$s operator(pg_catalog.+) pg_catalog.exp(operator(pg_catalog.-) %2$s)))',
        pgscore._literal_sql(1), r.expression
    );
    r.small := exp(least(r.low, 0)) / 4;
    r.low := 0;
    r.high := 1;
    r.size := r.size + 4;
    return r;
end
$$;

comment on function pgscore._bare_expit(pgscore.bare_register) is 'The register of 1 / (1 + exp(-z))';

create function pgscore._bare_complement(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
begin
    r.expression := format('(%s operator(pg_catalog.-) %s)', pgscore._literal_sql(1), r.expression);
    r.low := 0;
    r.high := 1;
    r.small := l.half_ulp;
    r.size := r.size + 1;
    return r;
end
$$;

comment on function pgscore._bare_complement(pgscore.bare_register) is 'The register of 1 - p, of one from 0 to 1';

create function pgscore._bare_sign(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- What is missing is not above 0; what is not sure stays so.
    r.expression := format(
        case
            when r.kind = 'u' or not r.may_miss then '(%s operator(pg_catalog.>) %s)::pg_catalog.int4::pg_catalog.float8'
            else '((%s operator(pg_catalog.>) %s) is true)::pg_catalog.int4::pg_catalog.float8'
        end,
        r.expression, pgscore._literal_sql(0)
    );
    r.may_miss := r.kind = 'u';
    r.low := 0;
    r.high := 1;
    r.small := 1;
    r.size := r.size + 2;
    return r;
end
$$;

comment on function pgscore._bare_sign(pgscore.bare_register) is 'The register that is 1 where another is above 0, else 0';

create function pgscore._bare_shared_link(
    link text, of pgscore.bare_register[], most_nodes bigint
) returns pgscore.bare_register[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    is_sure constant boolean := not exists (select from unnest(of) as o where o.kind = 'u');
    size constant bigint := (select sum(o.size) + 4 from unnest(of) as o);
    given constant text := (
        select string_agg(o.expression, ', ' order by o.ordinal)
        from unnest(of) with ordinality as o (
            kind, expression, size, low, high, small, may_miss, is_wild, input, shift, factor, plus, power, wraps, ordinal
        )
    );
    r pgscore.bare_register;
    answers pgscore.bare_register[] := '{}';
begin
    -- Each output computes all scores. And argmax takes NULL for the largest.
    if size * cardinality(of) > most_nodes or link = 'argmax' and not is_sure then
        return null;
    end if;
    for number in 1 .. cardinality(of) loop
        r := pgscore._bare_register(
            'n', format('(pgscore._outputs(%L, array[%s]))[%s]', link, given, number), size, 0, 1, l.smallest_double,
            link <> 'argmax'
        );
        if link = 'normalize' then
            r.low := '-Infinity';
            r.high := 'Infinity';
            r := pgscore._bare_limited(r, '1e150');
        elsif not is_sure then
            r.kind := 'u';
        end if;
        answers := answers || r;
    end loop;
    return answers;
end
$$;

comment on function pgscore._bare_shared_link(text, pgscore.bare_register[], bigint) is
    'The registers of a link whose outputs read all scores; NULL where they are not safe, or larger than most_nodes together';

create function pgscore._bare_link(
    step jsonb, registers pgscore.bare_register[], most_nodes bigint
) returns pgscore.bare_register[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    link constant text := step ->> 'link';
    of pgscore.bare_register[] := '{}';
    r pgscore.bare_register;
    number integer;
    answers pgscore.bare_register[] := '{}';
begin
    foreach number in array translate((step -> 'of')::text, '[]', '{}')::integer[] loop
        r := registers[number + 1];
        if r.is_wild or r.size > most_nodes then
            return null;
        end if;
        of := of || r;
    end loop;
    if link in ('softmax', 'one_vs_rest', 'argmax', 'normalize') then
        return pgscore._bare_shared_link(link, of, most_nodes);
    end if;
    foreach r in array of loop
        r := case link
            when 'identity' then r
            when 'exp' then pgscore._bare_exp(r)
            when 'square_signed' then pgscore._bare_signed_square(r)
            when 'sign' then pgscore._bare_sign(r)
            else pgscore._bare_expit(r)
        end;
        if r.kind is null then
            return null;
        elsif link in ('logistic', 'sign') then
            answers := answers || pgscore._bare_complement(r);
        end if;
        answers := answers || r;
    end loop;
    return answers;
end
$$;

comment on function pgscore._bare_link(jsonb, pgscore.bare_register[], bigint) is
    'The registers of a link step; NULL where they are not safe, or larger than most_nodes';
