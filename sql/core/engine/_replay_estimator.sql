create function pgscore._replay_estimator(model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    with asked as materialized (
        select
            v.digest,
            count(*)::integer as rows,
            -- Arrays without elements cannot be put together.
            array_agg(g.numbers order by g.ordinal) filter (where cardinality(g.numbers) > 0) as numbers,
            array_agg(g.texts order by g.ordinal) filter (where cardinality(g.texts) > 0) as texts,
            array_agg(g.ordinal order by g.ordinal) as ordinals,
            case v.contract #>> '{output,kind}'
                when 'probability' then jsonb_array_length(v.contract #> '{output,classes}') + 1
                else 1
            end as width,
            v.contract #>> '{output,kind}' as kind,
            (v.contract #>> '{output,positive}')::integer as positive
        from pgscore.model_version v
        cross join lateral (
            select
                r.ordinal,
                pgscore._payload_numbers(v.contract -> 'inputs', r.inputs) as numbers,
                pgscore._payload_texts(v.contract -> 'inputs', r.inputs) as texts
            from pgscore.golden_row r
            where r.model = v.model and r.version = v.version and r.ordinal between first and last
        ) g
        where v.model = _replay_estimator.model and v.version = _replay_estimator.version
        group by v.digest, v.contract
    ),
    answered as materialized (
        select
            a.width, a.ordinals, a.kind, a.positive,
            pgscore._estimate(
                _replay_estimator.model, _replay_estimator.version, a.digest, a.rows, a.numbers, a.texts, true
            ) as scored
        from asked a
    ),
    rows as (
        select
            a.ordinals[r.position] as ordinal, a.kind, a.positive, r.reason,
            (a.scored).scores[(r.position - 1) * a.width + 1 : r.position * a.width] as outputs
        from answered a, unnest((a.scored).reasons) with ordinality as r (reason, position)
    )
    -- One call for both: the score is one of the outputs.
    select
        r.ordinal,
        case r.kind
            when 'probability' then r.outputs[r.positive + 1]
            when 'indicator' then (r.outputs[1] = r.positive)::integer
            else r.outputs[1]
        end,
        r.reason, r.outputs
    from rows r
$$;

comment on function pgscore._replay_estimator(text, integer, integer, integer) is
    'Scores and outputs that the estimator engine gives for some golden rows of a version, in one call';
