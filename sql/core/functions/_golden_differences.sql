create function pgscore._golden_differences(model text, version integer) returns table (
    engine text, ordinal integer, expected double precision, score double precision, reason text,
    difference double precision, ok boolean
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
        where v.model = _golden_differences.model and v.version = _golden_differences.version
        group by v.digest, v.contract
    ),
    answered as materialized (
        select
            a.width,
            pgscore._estimate(
                _golden_differences.model, _golden_differences.version, a.digest, a.rows, a.numbers, a.texts
            ) as scored,
            (pgscore._estimate(
                _golden_differences.model, _golden_differences.version, a.digest, a.rows, a.numbers, a.texts, true
            )).scores as outputs
        from asked a
    ),
    replayed as (
        select
            s.position, s.score, s.reason,
            a.outputs[(s.position - 1) * a.width + 1 : s.position * a.width] as outputs
        from answered a,
            unnest((a.scored).scores, (a.scored).reasons) with ordinality as s (score, reason, position)
    ),
    compared as (
        select
            g.ordinal, g.expected, g.scale, r.score, r.reason,
            greatest(
                pgscore._distance(g.expected, r.score),
                (
                    select max(pgscore._distance(o.expected, o.output))
                    from unnest(g.outputs, r.outputs) as o (expected, output)
                    where g.outputs is not null
                )
            ) as difference
        from (
            select row_number() over (order by g.ordinal) as position, g.*
            from pgscore.golden_row g
            where g.model = _golden_differences.model and g.version = _golden_differences.version
        ) g
        join replayed r on r.position = g.position
    )
    -- The same estimator may differ in the last bits when another processor's arithmetic adds in another order.
    select 'estimator', c.ordinal, c.expected, c.score, c.reason, c.difference,
        c.difference <= 1e-12 * greatest(1, abs(c.expected), c.scale)
    from compared c
$$;

comment on function pgscore._golden_differences(text, integer) is
    'Replays the golden rows of a version in each engine that it has and compares scores and all outputs, row by row';
