create function pgscore._golden_differences(model text, version integer) returns table (
    engine text, ordinal integer, expected double precision, score double precision, reason text,
    difference double precision, ok boolean
)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    with replayed as materialized (
        select e.engine, r.*
        from unnest(pgscore._engines(_golden_differences.model, _golden_differences.version)) as e (engine),
            pgscore._replay(e.engine, _golden_differences.model, _golden_differences.version) r
    ),
    compared as (
        select
            r.engine, g.ordinal, g.expected, r.score, r.reason, g.scale,
            greatest(
                pgscore._distance(g.expected, r.score),
                (
                    select max(pgscore._distance(o.expected, o.output))
                    from unnest(g.outputs, r.outputs) as o (expected, output)
                    where g.outputs is not null
                )
            ) as difference
        from pgscore.golden_row g
        join replayed r on r.ordinal = g.ordinal
        where g.model = _golden_differences.model and g.version = _golden_differences.version
    )
    -- The same estimator may differ in the last bits when another processor's arithmetic adds in another order, and a
    -- sum of large terms in more of them.
    select c.engine, c.ordinal, c.expected, c.score, c.reason, c.difference,
        c.difference <= 1e-12 * greatest(1, abs(c.expected), c.scale)
    from compared c
$$;

comment on function pgscore._golden_differences(text, integer) is
    'Replays the golden rows of a version in each engine that it has and compares scores and all outputs, row by row';
