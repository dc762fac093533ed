create function pgscore._work_join(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    looks boolean;
    grows boolean;
    sums text;
begin
    select
        coalesce(bool_or(r.kind = 'look'), false), coalesce(bool_or(r.kind <> 'add'), false),
        string_agg(
            format(
                ', %s as d%s', pgscore._folded_delta(r.reducer, r.ordinal, r.typed, r.summed), r.ordinal
            ), '' order by r.ordinal
        ) filter (where r.kind <> 'look')
    into looks, grows, sums
    from pgscore._reducers_of(b) r;
    return format(
        ' left join (
            select u.key, bool_or(u.task = ''arrive'') as arrived, bool_or(u.task = ''undo'') as undone,
                bool_or(u.task in (''recount'', ''arrive'', ''rekey'', ''settle'')) as absolute%1$s
            from (
                select w.task, k.key, case when w.task in (''move'', ''undo'', ''recount'') then k.delta::text[] end as delta
                from unnest(here.work) w, unnest(w.keys, w.deltas) as k (key, delta)
                where w.binding = %2$s
            ) u %3$s
            group by u.key
        ) w%2$s on w%2$s.key = %4$s
        left join lateral (
            select r.* from %5$s(%4$s, here.every_%2$s or w%2$s.absolute) r where here.every_%2$s or %6$s offset 0
        ) r%2$s on true',
        sums, b.number,
        -- A profile that was made here has counted its events on arrival.
        case when exists (select from pgscore._bindings_of(b.profile) o where o.on_missing = 'insert') then format(
            'where u.task not in (''move'', ''undo'', ''recount'') or u.key <> all (coalesce(here.counted_%s, ''{}''))', b.number
        ) end,
        pgscore._key_text(b.profile_key, 'pgscore_row'), pgscore._generated_name(b.events, 'binding', b.number, 'recount'),
        format(
            case when looks then 'w%1$s.key is not null' when grows then 'w%1$s.absolute or w%1$s.undone' else 'w%1$s.absolute' end,
            b.number
        )
    );
end
$$;

comment on function pgscore._work_join(pgscore.binding) is
    'SQL that joins to rows of a profile table, p, what a binding has to do with each, w, and what its events say, r';
