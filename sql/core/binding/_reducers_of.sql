create function pgscore._reducers_of(b pgscore.binding) returns table (
    ordinal integer, reducer jsonb, target name, kind text, type text, summed text, typed text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select
        e.ordinal::integer, e.r, c.attname, k.kind, format_type(c.atttypid, c.atttypmod),
        case when k.kind = 'grow' then 'double precision' else 'numeric' end,
        -- What a value in text form becomes; with the column's collation, or it would have none to be compared by.
        format_type(c.atttypid, c.atttypmod) || coalesce(
            (
                select format(' collate %I.%I', n.nspname, l.collname)
                from pg_catalog.pg_collation l join pg_catalog.pg_namespace n on n.oid = l.collnamespace
                where l.oid = c.attcollation
            ), ''
        )
    from jsonb_array_elements(b.reducers) with ordinality as e (r, ordinal),
        pgscore._column(b.profile, e.r ->> 'column') as c,
        lateral (
            select case
                -- One statement may fire several triggers, as ON CONFLICT does. If one of them recounts and a later one adds
                -- at the end of the same statement, what the first has seen is added again.
                when b.timing = 'statement' and e.r ->> 'aggregate' = 'sum' and r.kind = 'grow' then 'look'
                else r.kind
            end as kind
            from pgscore._reducer_kind(e.r, b.events) as r (kind)
        ) k
$$;

comment on function pgscore._reducers_of(pgscore.binding) is
    'The reducers of a binding, with their columns and types; summed is the type in which a sum is taken';
