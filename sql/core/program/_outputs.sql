create function pgscore._outputs(link text, scores double precision[]) returns double precision[]
language plpgsql immutable parallel safe
set search_path = ''
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
    elsif array_position(scores, null) is not null then
        return array_fill(null::double precision, array[case when link in ('logistic', 'sign') then 2 else cardinality(scores) end]);
    elsif link = 'logistic' then
        probability := pgscore._divide(1, pgscore._add(1, pgscore._exp(-scores[1])));
        return array[1 - probability, probability];
    elsif link = 'sign' then
        return case when scores[1] > 0 then '{0,1}' else '{1,0}' end;
    end if;
    foreach score in array scores loop
        if link = 'softmax' then
            outputs := outputs || pgscore._exp(pgscore._add(score, -largest));
        elsif link = 'one_vs_rest' then
            outputs := outputs || pgscore._divide(1, pgscore._add(1, pgscore._exp(-score)));
        else
            outputs := outputs || case when score = largest and total = 0 then 1 else 0 end::double precision;
        end if;
        total := total + outputs[cardinality(outputs)];
    end loop;
    if link <> 'argmax' then
        outputs := array(
            select pgscore._divide(o.output, total) from unnest(outputs) with ordinality as o (output, ordinal)
            order by o.ordinal
        );
    end if;
    return outputs;
end
$$;

comment on function pgscore._outputs(text, double precision[]) is
    'What a link makes of scores; NULL in the place of what is no number';
grant execute on function pgscore._outputs(text, double precision[]) to pgscore_reader;
