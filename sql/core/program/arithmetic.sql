create function pgscore._add(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Halves are exact where the sum can overflow.
    if abs(a) > 1 and abs(b) > 1 and abs(a * 0.5::double precision + b * 0.5::double precision) >= power('2'::double precision, 1023) then
        return nullif(sign(a * 0.5::double precision + b * 0.5::double precision) * 'Infinity'::double precision, 'NaN');
    end if;
    return nullif(a + b, 'NaN');
end
$$;

comment on function pgscore._add(double precision, double precision) is
    'a + b as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite. NULL where it is no number';
grant execute on function pgscore._add(double precision, double precision) to pgscore_reader;

create function pgscore._multiply(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    large constant double precision := greatest(abs(a), abs(b));
    small constant double precision := least(abs(a), abs(b));
begin
    if a is null or b is null or large = 'NaN' then
        return null;
    elsif large = 'Infinity' or small = 0 then
        return nullif(a * b, 'NaN');
    -- Exact: over powers of two, whose product is 2^-1024.
    elsif small > 1
        and large * '7.458340731200207e-155'::double precision * (small * '7.458340731200207e-155'::double precision) >= 1
    then
        return sign(a) * sign(b) * 'Infinity'::double precision;
    -- No more than half of the least double; by powers of two, which are exact.
    elsif large < 1 and small < '5e-324'::double precision / large
        and small * '4.149515568880993e180'::double precision * (large * '9.755464219737476e142'::double precision) <= 1
    then
        return 0;
    end if;
    return a * b;
end
$$;

comment on function pgscore._multiply(double precision, double precision) is
    'a * b as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite, an underflow 0. NULL where it is no number';
grant execute on function pgscore._multiply(double precision, double precision) to pgscore_reader;

create function pgscore._divide(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if a is null or b is null or a = 'NaN' or b = 'NaN' then
        return null;
    elsif b = 0 then
        return case when a <> 0 then sign(a) * 'Infinity'::double precision end;
    elsif abs(b) = 'Infinity' then
        return case when abs(a) <> 'Infinity' then 0 end;
    elsif abs(a) = 'Infinity' or a = 0 then
        return a / b;
    -- Far over the largest double; or at it, and then exact, by powers of two.
    elsif abs(b) < 1 and abs(a) > '1.7e308'::double precision * abs(b) and (
        abs(a) * 0.5::double precision > '1.7976931348623157e308'::double precision * abs(b)
        or abs(a) * '7.458340731200207e-155'::double precision / (abs(b) * '1.3407807929942597e154'::double precision) >= 1
    ) then
        return sign(a) * sign(b) * 'Infinity'::double precision;
    -- No more than half of the least double.
    elsif abs(b) > 1 and abs(a) < 1 and abs(a) < '5e-324'::double precision * abs(b)
        and 2 * (abs(a) / '5e-324'::double precision) <= abs(b)
    then
        return 0;
    end if;
    return a / b;
end
$$;

comment on function pgscore._divide(double precision, double precision) is
    'a / b as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite, an underflow 0. NULL where it is no number';
grant execute on function pgscore._divide(double precision, double precision) to pgscore_reader;

create function pgscore._exp(a double precision) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when a = 'NaN' then null
        when a > '709.782712893384' then 'Infinity'
        when a < '-745.1332191019411' then 0
        else exp(a)
    end
$$;

comment on function pgscore._exp(double precision) is
    'exp(a) as IEEE doubles, where PostgreSQL would raise an error: an overflow is infinite, an underflow 0. NULL where it is no number';
grant execute on function pgscore._exp(double precision) to pgscore_reader;

create function pgscore._expit(z double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if abs(z) < 700 then
        return 1 / (1 + exp(-z));
    end if;
    return pgscore._divide(1, pgscore._add(1, pgscore._exp(-z)));
end
$$;

comment on function pgscore._expit(double precision) is '1 / (1 + exp(-z)) as IEEE doubles. NULL where it is no number';
grant execute on function pgscore._expit(double precision) to pgscore_reader;

create function pgscore._weighted_sum(
    start double precision, numbers double precision[], weights double precision[]
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    total double precision := start;
    number double precision;
    weight double precision;
begin
    for position in 1 .. cardinality(numbers) loop
        number := numbers[position];
        weight := weights[position];
        if abs(number) between '1e-150' and '1e150' and abs(weight) between '1e-150' and '1e150' and abs(total) < '1e305' then
            total := total + number * weight;
        else
            total := pgscore._add(total, pgscore._multiply(number, weight));
        end if;
    end loop;
    return total;
end
$$;

comment on function pgscore._weighted_sum(double precision, double precision[], double precision[]) is
    'start + the sum of number * weight, from left to right, as IEEE doubles. NULL where it is no number';
grant execute on function pgscore._weighted_sum(double precision, double precision[], double precision[]) to pgscore_reader;

create function pgscore._outputs(link text, scores double precision[]) returns double precision[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    outputs double precision[] := '{}';
    score double precision;
    largest constant double precision := (select max(s) from unnest(scores) s);
    total double precision := 0;
begin
    if link = 'identity' then
        return scores;
    elsif link = 'sign' then
        return case when scores[1] > 0 then '{0,1}' else '{1,0}' end;
    elsif link = 'argmax' then
        -- As numpy does, which takes what is no number for the largest.
        outputs := array_fill(0::double precision, array[cardinality(scores)]);
        outputs[coalesce(array_position(scores, null), array_position(scores, largest))] := 1;
        return outputs;
    elsif link = 'logistic' then
        return array[1 - pgscore._expit(scores[1]), pgscore._expit(scores[1])];
    elsif link in ('expit', 'one_vs_all') then
        return array(select pgscore._expit(s.score) from unnest(scores) with ordinality as s (score, ordinal) order by s.ordinal);
    elsif link = 'exp' then
        return array[pgscore._exp(scores[1])];
    elsif link = 'square_signed' then
        return array[pgscore._multiply(scores[1], abs(scores[1]))];
    elsif array_position(scores, null) is not null then
        return array_fill(null::double precision, array[cardinality(scores)]);
    end if;
    -- What cannot raise is computed at once; the functions that never raise are slow.
    foreach score in array scores loop
        if link = 'softmax' then
            score := case
                when abs(score) < '1e300' and abs(largest) < '1e300' then score - largest else pgscore._add(score, -largest) end;
            score := case when score > -700 then exp(score) else pgscore._exp(score) end;
        elsif link = 'one_vs_rest' then
            score := pgscore._expit(score);
        end if;
        outputs := outputs || score;
        total := case when abs(score) < '1e300' and abs(total) < '1e300' then total + score else pgscore._add(total, score) end;
    end loop;
    if total = 0 then  -- each of them underflows: scikit-learn's answer
        return array_fill(1 / cardinality(scores)::double precision, array[cardinality(scores)]);
    end if;
    for position in 1 .. cardinality(outputs) loop
        outputs[position] := case
            when outputs[position] > '1e-300' and outputs[position] <= total and total < '1e5' then outputs[position] / total
            else pgscore._divide(outputs[position], total)
        end;
    end loop;
    return outputs;
end
$$;

comment on function pgscore._outputs(text, double precision[]) is
    'What a link makes of scores; NULL in the place of what is no number';
grant execute on function pgscore._outputs(text, double precision[]) to pgscore_reader;

-- To be inlined, so without a pinned path: parsed once, when it is made.
create function pgscore._nullif(value double precision, other double precision) returns double precision
language sql immutable parallel safe
return nullif(value, other);

comment on function pgscore._nullif(double precision, double precision) is
    'nullif for SQL that is parsed under any search_path, by which NULLIF itself would find its operator';
grant execute on function pgscore._nullif(double precision, double precision) to pgscore_reader;
