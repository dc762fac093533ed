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

create function pgscore._bare_function(step jsonb, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    case step ->> 'name'
        when 'sqrt' then
            return pgscore._bare_square_root(r);
        when 'square' then
            return pgscore._bare_square(r);
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
