create function pgscore._replay_estimator(model text, version integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language sql stable parallel restricted
set search_path = ''
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
            end as width
        from pgscore.model_version v
        cross join lateral (
            select
                r.ordinal,
                pgscore._payload_numbers(v.contract -> 'inputs', r.inputs) as numbers,
                pgscore._payload_texts(v.contract -> 'inputs', r.inputs) as texts
            from pgscore.golden_row r
            where r.model = v.model and r.version = v.version
        ) g
        where v.model = _replay_estimator.model and v.version = _replay_estimator.version
        group by v.digest, v.contract
    ),
    answered as materialized (
        select
            a.width, a.ordinals,
            pgscore._estimate(
                _replay_estimator.model, _replay_estimator.version, a.digest, a.rows, a.numbers, a.texts
            ) as scored,
            (pgscore._estimate(
                _replay_estimator.model, _replay_estimator.version, a.digest, a.rows, a.numbers, a.texts, true
            )).scores as outputs
        from asked a
    )
    select
        a.ordinals[s.position], s.score, s.reason, a.outputs[(s.position - 1) * a.width + 1 : s.position * a.width]
    from answered a,
        unnest((a.scored).scores, (a.scored).reasons) with ordinality as s (score, reason, position)
$$;

comment on function pgscore._replay_estimator(text, integer) is
    'Scores and outputs that the estimator engine gives for the golden rows of a version, all rows in one call';
