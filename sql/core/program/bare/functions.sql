create function pgscore._bare_clip(step jsonb, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    low constant double precision := (step -> 'minimum')::double precision;
    high constant double precision := (step -> 'maximum')::double precision;
begin
    -- Unlike greatest and least, these give NULL for NULL.
    if low is not null then
        r.expression := format('pg_catalog.float8larger(%s, %s)', r.expression, pgscore._literal_sql(low));
    end if;
    if high is not null then
        r.expression := format('pg_catalog.float8smaller(%s, %s)', r.expression, pgscore._literal_sql(high));
    end if;
    r.low := least(greatest(r.low, low), high);
    r.high := least(greatest(r.high, low), high);
    r.small := least(r.small, nullif(abs(low), 0), nullif(abs(high), 0));
    r.size := r.size + 2;
    return r;
end
$$;

comment on function pgscore._bare_clip(jsonb, pgscore.bare_register) is 'The register of a clip step of a register';

create function pgscore._bare_square_root(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if r.low < 0 then
        r.expression := format(
            'case when %1$s operator(pg_catalog.>=) %2$s then pg_catalog.sqrt(%1$s) end',
            r.expression, pgscore._literal_sql(0)
        );
        r.size := 2 * r.size + 2;
        r.may_miss := true;
    else
        r.expression := format('pg_catalog.sqrt(%s)', r.expression);
        r.size := r.size + 1;
    end if;
    r.low := 0;
    r.high := sqrt(greatest(r.high, 0));
    r.small := sqrt(r.small);
    return r;
end
$$;

comment on function pgscore._bare_square_root(pgscore.bare_register) is 'The register of a square root; missing below 0';

create function pgscore._bare_square(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
begin
    if r.small < l.least_squared then
        r.expression := pgscore._lifted_sql(r.expression, l.square_lift);
        r.size := r.size + 2;
        r.small := l.lifted_small;
    end if;
    r.expression := format('(%1$s operator(pg_catalog.*) %1$s)', r.expression);
    r.size := 2 * r.size + 1;
    r.high := pgscore._multiply(greatest(abs(r.low), abs(r.high)), greatest(abs(r.low), abs(r.high)));
    r.low := 0;
    r.small := pgscore._multiply(r.small, r.small);
    return r;
end
$$;

comment on function pgscore._bare_square(pgscore.bare_register) is 'The register of a square';

create function pgscore._bare_signed_square(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    low double precision;
    high double precision;
begin
    if greatest(abs(r.low), abs(r.high)) >= 1e150 then
        r := pgscore._bare_limited(r, '1e150');
    end if;
    low := pgscore._multiply(r.low, abs(r.low));
    high := pgscore._multiply(r.high, abs(r.high));
    if r.small < l.least_squared then
        r.expression := pgscore._lifted_sql(r.expression, l.square_lift);
        r.size := r.size + 2;
        r.small := l.lifted_small;
    end if;
    r.expression := format('(%1$s operator(pg_catalog.*) pg_catalog.abs(%1$s))', r.expression);
    r.size := 2 * r.size + 2;
    r.low := low;
    r.high := high;
    r.small := pgscore._multiply(r.small, r.small);
    return r;
end
$$;

comment on function pgscore._bare_signed_square(pgscore.bare_register) is 'The register of z |z|';

create function pgscore._bare_log(name text, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- What is lost below, to keep products from underflowing, would show in its logarithm.
    least_argument constant double precision := '1e-100'::double precision;
    called constant text := case name when 'log10' then 'pg_catalog.log' else 'pg_catalog.ln' end;
begin
    if r.low >= least_argument then
        r.expression := format('%s(%s)', called, r.expression);
        r.size := r.size + 1;
    else
        r.expression := format(
            'case when %1$s operator(pg_catalog.>=) %2$s then %3$s(%1$s) end',
            r.expression, pgscore._literal_sql(least_argument), called
        );
        r.size := 2 * r.size + 2;
        r.kind := 'u';
        r.may_miss := true;
    end if;
    r.low := floor(ln(greatest(r.low, least_argument)));
    r.high := ceil(ln(greatest(r.high, 1)));
    r.small := '1e-17';
    return r;
end
$$;

comment on function pgscore._bare_log(text, pgscore.bare_register) is
    'The register of a logarithm, natural or to base 10 (name log10); NULL, for the careful function, near 0 and below';

create function pgscore._bare_reciprocal(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most constant double precision := '1e100'::double precision;
begin
    r := pgscore._bare_limited(r, most);
    if r.low >= 1 / most or r.high <= -1 / most then
        r.expression := format('(%s operator(pg_catalog./) %s)', pgscore._literal_sql(1), r.expression);
        r.size := r.size + 1;
    else
        r.expression := format(
            'case when pg_catalog.abs(%1$s) operator(pg_catalog.>=) %2$s then %3$s operator(pg_catalog./) %1$s end',
            r.expression, pgscore._literal_sql(1 / most), pgscore._literal_sql(1)
        );
        r.size := 2 * r.size + 4;
        r.kind := 'u';
        r.may_miss := true;
    end if;
    r.low := case when r.low >= 0 then 0 else -2 * most end;
    r.high := case when r.high <= 0 then 0 else 2 * most end;
    r.small := 0.5 / most;
    return r;
end
$$;

comment on function pgscore._bare_reciprocal(pgscore.bare_register) is
    'The register of 1 / x; NULL, for the careful function, near 0 and far from it';

create function pgscore._bare_called(name text, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    low constant double precision := r.low;
begin
    r.expression := format('pgscore._%s(%s)', name, r.expression);
    r.size := r.size + 4;
    case name
        when 'log1p' then
            r.may_miss := r.may_miss or low < -1;
            r.low := case when low > -1 then floor(pgscore._log1p(low)) else '-Infinity' end;
            r.high := case when r.high > 0 then ceil(pgscore._log1p(r.high)) else 0 end;
        when 'expm1' then
            r.low := case when low >= 0 then 0 else -1 end;
            r.high := case when r.high > 0 then pgscore._multiply(pgscore._expm1(r.high), 2) else 0 end;
        when 'logit' then
            r.may_miss := true;
            r.low := '-Infinity';
            r.high := 'Infinity';
    end case;
    r.small := case name when 'logit' then '1e-17' else greatest(pgscore._multiply(least(r.small, 1), 0.25), l.smallest_double) end;
    return pgscore._bare_limited(r, '1e130');
end
$$;

comment on function pgscore._bare_called(text, pgscore.bare_register) is
    'The register of a function that PostgreSQL does not have: log1p, expm1 or logit';

create function pgscore._bare_rounded(name text, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    r.expression := format('pg_catalog.%s(%s)', name, r.expression);
    r.low := case name when 'sign' then sign(r.low) else floor(r.low) end;
    r.high := case name when 'sign' then sign(r.high) else ceil(r.high) end;
    r.small := 1;
    r.size := r.size + 1;
    return r;
end
$$;

comment on function pgscore._bare_rounded(text, pgscore.bare_register) is 'The register of sign, trunc, floor or ceil';

create function pgscore._bare_wave(name text, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
begin
    if name <> 'tanh' then
        -- Of infinity there is none, and PostgreSQL raises an error.
        r := pgscore._bare_limited(r, '1e300');
    end if;
    r.expression := format('pg_catalog.%s(%s)', name, r.expression);
    r.low := -1;
    r.high := 1;
    r.small := case name when 'tanh' then greatest(pgscore._multiply(least(r.small, 1), 0.25), l.smallest_double) else l.smallest_double end;
    r.size := r.size + 1;
    return r;
end
$$;

comment on function pgscore._bare_wave(text, pgscore.bare_register) is 'The register of tanh, sin or cos';

create function pgscore._bare_function(step jsonb, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := step ->> 'name';
begin
    if name in ('sign', 'trunc', 'floor', 'ceil') then
        return pgscore._bare_rounded(name, r);
    elsif name in ('tanh', 'sin', 'cos') then
        return pgscore._bare_wave(name, r);
    elsif name in ('log', 'log10') then
        return pgscore._bare_log(name, r);
    elsif name in ('log1p', 'expm1', 'logit') then
        return pgscore._bare_called(name, r);
    end if;
    case name
        when 'sqrt' then
            return pgscore._bare_square_root(r);
        when 'square' then
            return pgscore._bare_square(r);
        when 'exp' then
            return pgscore._bare_exp(r);
        when 'expit' then
            return pgscore._bare_expit(r);
        when 'reciprocal' then
            return pgscore._bare_reciprocal(r);
        when 'relu' then
            r.expression := format('pg_catalog.float8larger(%s, %s)', r.expression, pgscore._literal_sql(0));
            r.high := greatest(r.high, 0);
            r.low := greatest(r.low, 0);
            r.size := r.size + 1;
            return r;
        when 'abs' then
            r.expression := format('pg_catalog.abs(%s)', r.expression);
            r.high := greatest(abs(r.low), abs(r.high));
            r.low := 0;
            r.size := r.size + 1;
            return r;
    end case;
end
$$;

comment on function pgscore._bare_function(jsonb, pgscore.bare_register) is 'The register of a function step of a register';

create function pgscore._bare_fill(step jsonb, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    number double precision;
begin
    if r.kind = 't' then
        r.expression := format('coalesce(%s, %s)', r.expression, pgscore._text_literal_sql(step ->> 'with'));
    else
        number := (step -> 'with')::double precision;
        r.expression := format('coalesce(%s, %s)', r.expression, pgscore._literal_sql(number));
        r.low := least(r.low, number);
        r.high := greatest(r.high, number);
        r.small := least(r.small, nullif(abs(number), 0));
    end if;
    r.may_miss := false;
    r.size := r.size + 1;
    return r;
end
$$;

comment on function pgscore._bare_fill(jsonb, pgscore.bare_register) is 'The register of a fill step of a register';

create function pgscore._bare_missing(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return pgscore._bare_register(
        'n',
        case
            when r.may_miss then
                format(
                    'case when %s is null then %s else %s end',
                    r.expression, pgscore._literal_sql(1), pgscore._literal_sql(0)
                )
            else pgscore._literal_sql(0)
        end,
        r.size + 1, 0, 1, 1, false
    );
end
$$;

comment on function pgscore._bare_missing(pgscore.bare_register) is 'The register of a missing step of a register';

create function pgscore._bare_lookup(step jsonb, r pgscore.bare_register, most_nodes bigint) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    keys constant integer := jsonb_array_length(step -> 'keys');
begin
    -- The value is read again for each key on the way.
    r.size := r.size * (keys + 2) + keys;
    if r.size > most_nodes then
        return null;
    end if;
    r.expression := pgscore._lookup_sql(step, r.expression, r.kind = 't', r.may_miss);
    select
        coalesce(min(v.value), 0), coalesce(max(v.value), 0), coalesce(min(nullif(abs(v.value), 0)), 1),
        bool_or(v.value is null)
    into r.low, r.high, r.small, r.may_miss
    from (
        select nullif(k.value, 'null')::double precision as value
        from jsonb_array_elements(
            step -> 'values' || (step -> 'unknown')
                || (step -> case when r.may_miss then 'missing' else 'unknown' end)
        ) as k (value)
    ) v;
    r.kind := 'n';
    return r;
end
$$;

comment on function pgscore._bare_lookup(jsonb, pgscore.bare_register, bigint) is
    'The register of a lookup step of a register; NULL where its SQL would be too large';
