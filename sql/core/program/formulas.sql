-- What the steps that are formulas compute, number by number in the order of docs/program.md. What cannot raise is computed
-- at once; the functions that never raise are slow.
create function pgscore._ratio(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if abs(a) between '1e-150' and '1e150' and abs(b) between '1e-150' and '1e150' then
        return a / b;
    end if;
    return pgscore._divide(a, b);
end
$$;

comment on function pgscore._ratio(double precision, double precision) is
    'a / b as IEEE doubles, 0 being positive, at once where neither is out of the ordinary. NULL where it is no number';
grant execute on function pgscore._ratio(double precision, double precision) to pgscore_reader;

create function pgscore._product(numbers double precision[]) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    product double precision := numbers[1];
    number double precision;
begin
    for position in 2 .. cardinality(numbers) loop
        number := numbers[position];
        if abs(product) between '1e-150' and '1e150' and abs(number) between '1e-150' and '1e150' then
            product := product * number;
        else
            product := pgscore._multiply(product, number);
        end if;
    end loop;
    return product;
end
$$;

comment on function pgscore._product(double precision[]) is
    'The product of numbers, from left to right, as IEEE doubles. NULL where it is no number';
grant execute on function pgscore._product(double precision[]) to pgscore_reader;

create function pgscore._piecewise(
    number double precision, knots double precision[], starts integer[], coefficients double precision[],
    is_left_closed boolean, missing double precision
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    piece integer;
    total double precision;
    beyond double precision;
begin
    if number is null then
        return missing;
    end if;
    -- How many knots are before it.
    piece := width_bucket(number, knots);
    if not is_left_closed and piece > 0 and knots[piece] = number then
        piece := piece - 1;
    end if;
    total := case when starts[piece + 2] > starts[piece + 1] then coefficients[starts[piece + 1] + 1] end;
    if starts[piece + 2] - starts[piece + 1] > 1 then
        beyond := pgscore._add(number, -knots[greatest(piece, 1)]);
        for position in starts[piece + 1] + 2 .. starts[piece + 2] loop
            if abs(total) between '1e-150' and '1e150' and abs(beyond) between '1e-150' and '1e150'
                and abs(coefficients[position]) < '1e305'
            then
                total := total * beyond + coefficients[position];
            else
                total := pgscore._add(pgscore._multiply(total, beyond), coefficients[position]);
            end if;
        end loop;
    end if;
    return total;
end
$$;

comment on function pgscore._piecewise(double precision, double precision[], integer[], double precision[], boolean, double precision) is
    'The polynomial of the interval between knots in which a number is, in what it is beyond the knot on the left. starts says behind how many coefficients those of each piece begin, the highest power first; the first piece is before all knots. NULL where it is no number';
grant execute on function pgscore._piecewise(double precision, double precision[], integer[], double precision[], boolean, double precision) to pgscore_reader;

create function pgscore._differences(numbers double precision[], others double precision[]) returns double precision[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    differences double precision[] := numbers;
begin
    for position in 1 .. cardinality(numbers) loop
        differences[position] := case
            when abs(numbers[position]) < '1e300' and abs(others[position]) < '1e300' then numbers[position] - others[position]
            else pgscore._add(numbers[position], -others[position])
        end;
    end loop;
    return differences;
end
$$;

comment on function pgscore._differences(double precision[], double precision[]) is
    'Numbers less others, as IEEE doubles; NULL in the place of what is no number';
grant execute on function pgscore._differences(double precision[], double precision[]) to pgscore_reader;

create function pgscore._quadratic(
    numbers double precision[], center double precision[], matrix double precision[]
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    width constant integer := cardinality(numbers);
    differences constant double precision[] := pgscore._differences(numbers, center);
    turned double precision[];
begin
    if matrix is null then
        return pgscore._weighted_sum(0, differences, differences);
    end if;
    for number in 1 .. cardinality(matrix) / width loop
        turned[number] := pgscore._weighted_sum(0, differences, matrix[(number - 1) * width + 1:number * width]);
    end loop;
    return pgscore._weighted_sum(0, turned, turned);
end
$$;

comment on function pgscore._quadratic(double precision[], double precision[], double precision[]) is
    'The sum of squares of what the rows of a matrix, one after the other, make of numbers less a center; of these differences where there is no matrix. NULL where it is no number';
grant execute on function pgscore._quadratic(double precision[], double precision[], double precision[]) to pgscore_reader;

create function pgscore._median(numbers double precision[], weights double precision[]) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    ranked double precision[];
    weighted double precision[];
    total double precision := 0;
    position integer := 1;
    so_far double precision;
begin
    if array_position(numbers, null) is not null then
        return null;
    end if;
    select array_agg(n.number order by n.number, n.ordinal), array_agg(n.weight order by n.number, n.ordinal)
    into ranked, weighted
    from unnest(numbers, weights) with ordinality as n (number, weight, ordinal);
    for each in 1 .. cardinality(weighted) loop
        total := total + weighted[each];
    end loop;
    so_far := weighted[1];
    while 2 * so_far < total loop
        position := position + 1;
        so_far := so_far + weighted[position];
    end loop;
    return ranked[position];
end
$$;

comment on function pgscore._median(double precision[], double precision[]) is
    'The weighted median of numbers: the least that, with all that are no larger, has half of the weight or more. NaN counts as the largest number; NULL where there is a NULL';
grant execute on function pgscore._median(double precision[], double precision[]) to pgscore_reader;

create function pgscore._tame_kernel(
    kernel text, numbers double precision[], vectors double precision[], coefficients double precision[],
    intercept double precision, gamma double precision, added double precision, degree integer
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    width constant integer := cardinality(numbers);
    start integer := 0;
    total double precision := intercept;
    base double precision;
begin
    for number in 1 .. cardinality(coefficients) loop
        base := 0;
        if kernel = 'rbf' then
            for position in 1 .. width loop
                base := base
                    + (numbers[position] - vectors[start + position]) * (numbers[position] - vectors[start + position]);
            end loop;
            base := gamma * base;
            base := case when base < 400 then exp(-base) else pgscore._exp(-base) end;
        else
            for position in 1 .. width loop
                base := base + numbers[position] * vectors[start + position];
            end loop;
            base := gamma * base + added;
            base := case kernel when 'poly' then pgscore._product(array_fill(base, array[degree])) else tanh(base) end;
        end if;
        total := case
            when abs(base) between '1e-200' and '1e200' then total + base * coefficients[number]
            else pgscore._add(total, pgscore._multiply(base, coefficients[number]))
        end;
        start := start + width;
    end loop;
    return total;
end
$$;

comment on function pgscore._tame_kernel(text, double precision[], double precision[], double precision[], double precision, double precision, double precision, integer) is
    'The same as a kernel, where no number is so far from 1 that its operators could raise an error: four times as fast';
grant execute on function pgscore._tame_kernel(text, double precision[], double precision[], double precision[], double precision, double precision, double precision, integer) to pgscore_reader;

create function pgscore._kernel(
    kernel text, numbers double precision[], vectors double precision[], coefficients double precision[],
    intercept double precision, gamma double precision, added double precision, degree integer, is_tame boolean
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    width constant integer := cardinality(numbers);
    kernels double precision[] := coefficients;
    vector double precision[];
    differences double precision[];
    base double precision;
begin
    if is_tame and not exists (
        select from unnest(numbers) as n (number)
        where (n.number = 0 or abs(n.number) between '1e-150' and '1e100') is not true
    ) then
        return pgscore._tame_kernel(kernel, numbers, vectors, coefficients, intercept, gamma, added, degree);
    end if;
    for number in 1 .. cardinality(coefficients) loop
        vector := vectors[(number - 1) * width + 1:number * width];
        if kernel = 'rbf' then
            differences := pgscore._differences(numbers, vector);
            base := pgscore._multiply(gamma, pgscore._weighted_sum(0, differences, differences));
            kernels[number] := pgscore._exp(-base);
        else
            base := pgscore._add(pgscore._multiply(gamma, pgscore._weighted_sum(0, numbers, vector)), added);
            kernels[number] := case kernel
                when 'poly' then pgscore._product(array_fill(base, array[degree])) else tanh(base)
            end;
        end if;
    end loop;
    return pgscore._weighted_sum(intercept, kernels, coefficients);
end
$$;

comment on function pgscore._kernel(text, double precision[], double precision[], double precision[], double precision, double precision, double precision, integer, boolean) is
    'intercept + the sum of coefficient * kernel of numbers and vector, where vectors are one after the other: rbf, exp(-gamma * squared distance); poly, (gamma * product + added) ^ degree; sigmoid, tanh(gamma * product + added). is_tame says that no constant is out of the ordinary. NULL where it is no number';
grant execute on function pgscore._kernel(text, double precision[], double precision[], double precision[], double precision, double precision, double precision, integer, boolean) to pgscore_reader;
