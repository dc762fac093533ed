create function pgscore._replay_estimator(model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    with described as materialized (
        select
            v.digest, v.contract #>> '{output,kind}' as kind, (v.contract #>> '{output,positive}')::integer as positive,
            case v.contract #>> '{output,kind}'
                when 'probability' then jsonb_array_length(v.contract #> '{output,classes}') + 1
                else 1
            end as width
        from pgscore.model_version v
        where v.model = _replay_estimator.model and v.version = _replay_estimator.version
    ),
    asked as materialized (
        select
            count(*)::integer as rows,
            -- Arrays without elements cannot be put together.
            array_agg(g.numbers order by g.ordinal) filter (where cardinality(g.numbers) > 0) as numbers,
            array_agg(g.texts order by g.ordinal) filter (where cardinality(g.texts) > 0) as texts,
            array_agg(g.ordinal order by g.ordinal) as ordinals
        from pgscore._golden_arrays(_replay_estimator.model, _replay_estimator.version, first, last) g
        -- One call for all that have a score. A row that is refused has the whole call refused, so each is asked alone.
        group by case when g.expected is null then g.ordinal end
    ),
    answered as materialized (
        select
            d.width, a.ordinals, d.kind, d.positive,
            pgscore._estimate(
                _replay_estimator.model, _replay_estimator.version, d.digest, a.rows, a.numbers, a.texts, true
            ) as scored
        from asked a, described d
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
    'Scores and outputs that the estimator engine gives for some golden rows of a version: in one call for those that have a score';
