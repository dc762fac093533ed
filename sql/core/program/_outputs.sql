create function pgscore._outputs(link text, scores double precision[]) returns double precision[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    outputs double precision[] := '{}';
    score double precision;
    largest constant double precision := (select max(s) from unnest(scores) s);
    total double precision := 0;
    probability double precision;
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
    elsif array_position(scores, null) is not null then
        return array_fill(null::double precision, array[case link when 'logistic' then 2 else cardinality(scores) end]);
    elsif link = 'logistic' then
        probability := pgscore._divide(1, pgscore._add(1, pgscore._exp(-scores[1])));
        return array[1 - probability, probability];
    end if;
    -- What cannot raise is computed at once; the functions that never raise are slow.
    foreach score in array scores loop
        if link = 'softmax' then
            score := case
                when abs(score) < '1e300' and abs(largest) < '1e300' then score - largest else pgscore._add(score, -largest) end;
            score := case when score > -700 then exp(score) else pgscore._exp(score) end;
        else
            score := case
                when abs(score) < 700 then 1 / (1 + exp(-score))
                else pgscore._divide(1, pgscore._add(1, pgscore._exp(-score)))
            end;
        end if;
        outputs := outputs || score;
        total := total + score;
    end loop;
    if total = 0 then  -- each of them underflows: scikit-learn's answer
        return array_fill(1 / cardinality(scores)::double precision, array[cardinality(scores)]);
    end if;
    for position in 1 .. cardinality(outputs) loop
        outputs[position] := case
            when outputs[position] > '1e-300' then outputs[position] / total
            else pgscore._divide(outputs[position], total)
        end;
    end loop;
    return outputs;
end
$$;

comment on function pgscore._outputs(text, double precision[]) is
    'What a link makes of scores; NULL in the place of what is no number';
grant execute on function pgscore._outputs(text, double precision[]) to pgscore_reader;
