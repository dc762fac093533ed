create function pgscore._worth_queueing(b pgscore.binding, deltas text[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Events that no filter takes are told only where a profile may be missing, or a value has to be looked up.
    select string_agg(format('%s is not null', d), ' or ')
    from unnest(deltas) d
    where b.on_missing = 'ignore'
    having not exists (
        select from pgscore._reducers_of(b) r
        where r.kind = 'look' or (r.reducer ->> 'aggregate' = 'count' and not r.reducer ? 'where')
    )
$$;

comment on function pgscore._worth_queueing(pgscore.binding, text[]) is
    'SQL that says whether inserted events, of which the deltas are known, change anything; NULL where they always do';
