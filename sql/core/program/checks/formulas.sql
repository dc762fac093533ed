create function pgscore._constants(step jsonb) returns bigint
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(sum(jsonb_array_length(c.list)), 0)
    from (
        select step -> f.field as list
        from unnest(case step ->> 'step'
            when 'piecewise' then array['knots']
            when 'quadratic' then array['center']
            when 'kernel' then array['coefficients']
        end) as f (field)
        union all
        select r.value
        from jsonb_array_elements(case step ->> 'step'
            when 'piecewise' then step -> 'coefficients'
            when 'quadratic' then step -> 'matrix'
            when 'kernel' then step -> 'vectors'
        end) as r (value)
        where jsonb_typeof(r.value) = 'array'
    ) c
$$;

comment on function pgscore._constants(jsonb) is
    'How many numbers a valid step has in knots, coefficients, matrix and vectors';

create function pgscore._numbers_problem(place text, value jsonb, low integer, high integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._list_problem(place, value, low, high),
        (
            select format('%s[%s] is %s, and a finite number is wanted', place, n.ordinal - 1, pgscore._shown(n.value))
            from jsonb_array_elements(value) with ordinality as n (value, ordinal)
            where not pgscore._is_number(n.value)
            order by n.ordinal limit 1
        )
    )
$$;

comment on function pgscore._numbers_problem(text, jsonb, integer, integer) is
    'What is wrong with a list of so many finite numbers; NULL where nothing is';

create function pgscore._rows_problem(place text, value jsonb, width integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._list_problem(place, value, 1, 1000000),
        (
            select r.problem
            from (
                select e.ordinal, pgscore._numbers_problem(format('%s[%s]', place, e.ordinal - 1), e.value, width, width) as problem
                from jsonb_array_elements(value) with ordinality as e (value, ordinal)
            ) r
            where r.problem is not null
            order by r.ordinal limit 1
        )
    )
$$;

comment on function pgscore._rows_problem(text, jsonb, integer) is
    'What is wrong with a list of rows of so many finite numbers; NULL where nothing is';

create function pgscore._piecewise_problem(place text, step jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := coalesce(
        pgscore._list_problem(place || '.knots', step -> 'knots', 1, 1000000),
        pgscore._keys_problem(place || '.knots', step -> 'knots', 'number'),
        pgscore._list_problem(
            place || '.coefficients', step -> 'coefficients', jsonb_array_length(step -> 'knots') + 1,
            jsonb_array_length(step -> 'knots') + 1
        )
    );
begin
    if problem is not null then
        return problem;
    elsif step -> 'closed' not in ('"left"', '"right"') then
        return format('%s.closed is %s, and "left" or "right" is wanted', place, pgscore._shown(step -> 'closed'));
    elsif jsonb_typeof(step -> 'missing') <> 'null' and not pgscore._is_number(step -> 'missing') then
        return format('%s.missing is %s, and a finite number or null is wanted', place, pgscore._shown(step -> 'missing'));
    end if;
    select c.problem into problem
    from (
        select
            e.ordinal,
            case
                when jsonb_typeof(e.value) <> 'null' then
                    pgscore._numbers_problem(format('%s.coefficients[%s]', place, e.ordinal - 1), e.value, 1, 20)
            end as problem
        from jsonb_array_elements(step -> 'coefficients') with ordinality as e (value, ordinal)
    ) c
    where c.problem is not null
    order by c.ordinal limit 1;
    return problem;
end
$$;

comment on function pgscore._piecewise_problem(text, jsonb) is 'What is wrong with the intervals of a piecewise step; NULL where nothing is';

create function pgscore._quadratic_problem(place text, step jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._numbers_problem(
            place || '.center', step -> 'center', jsonb_array_length(step -> 'of'), jsonb_array_length(step -> 'of')
        ),
        case
            when step ? 'matrix' then
                pgscore._rows_problem(place || '.matrix', step -> 'matrix', jsonb_array_length(step -> 'of'))
        end
    )
$$;

comment on function pgscore._quadratic_problem(text, jsonb) is
    'What is wrong with center and matrix of a quadratic step; NULL where nothing is';

create function pgscore._kernel_problem(place text, step jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    kernel constant jsonb := step -> 'kernel';
    field text;
    wanted boolean;
begin
    if kernel not in ('"rbf"', '"poly"', '"sigmoid"') then
        return format('%s.kernel is %s, and "rbf", "poly" or "sigmoid" is wanted', place, pgscore._shown(kernel));
    end if;
    foreach field in array array['constant', 'degree'] loop
        wanted := kernel = '"poly"' or kernel = '"sigmoid"' and field = 'constant';
        if wanted <> (step ? field) then
            return format(
                case when wanted then '%s has no field "%s", which the kernel %s has' else '%s has a field "%s", which the kernel %s has not' end,
                place, field, kernel
            );
        end if;
    end loop;
    if step ? 'degree' and not pgscore._is_integer(step -> 'degree', 1, 20) then
        return format('%s.degree is %s, and an integer from 1 to 20 is wanted', place, pgscore._shown(step -> 'degree'));
    end if;
    return coalesce(
        pgscore._rows_problem(place || '.vectors', step -> 'vectors', jsonb_array_length(step -> 'of')),
        pgscore._numbers_problem(
            place || '.coefficients', step -> 'coefficients', jsonb_array_length(step -> 'vectors'),
            jsonb_array_length(step -> 'vectors')
        )
    );
end
$$;

comment on function pgscore._kernel_problem(text, jsonb) is
    'What is wrong with vectors and parameters of a kernel step; NULL where nothing is';
