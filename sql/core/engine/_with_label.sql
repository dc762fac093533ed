create function pgscore._with_label(outputs double precision[], kind text, tie text) returns double precision[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when outputs is null or array_position(outputs, null) is not null or array_position(outputs, 'NaN') is not null then null
        when kind = 'value' then outputs
        else
            case when kind = 'probability' then outputs else '{}' end
            || (
                select o.position - 1
                from unnest(outputs) with ordinality as o (output, position)
                order by o.output desc, case tie when 'first' then o.position else -o.position end
                limit 1
            )::double precision
    end
$$;

comment on function pgscore._with_label(double precision[], text, text) is
    'Outputs of a program as the estimator engine gives them: probabilities and the position of the label, the position alone, or the value';
grant execute on function pgscore._with_label(double precision[], text, text) to pgscore_reader;

create function pgscore._with_decided_label(outputs double precision[], tie text) returns double precision[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when outputs is null or array_position(outputs, null) is not null or array_position(outputs, 'NaN') is not null then null
        else
            outputs[:cardinality(outputs) / 2]
            || (
                select o.position - 1
                from unnest(outputs[cardinality(outputs) / 2 + 1:]) with ordinality as o (output, position)
                order by o.output desc, case tie when 'first' then o.position else -o.position end
                limit 1
            )::double precision
    end
$$;

comment on function pgscore._with_decided_label(double precision[], text) is
    'Probabilities that a program gives, and the position of the label out of as many numbers behind them that decide of it';
grant execute on function pgscore._with_decided_label(double precision[], text) to pgscore_reader;
