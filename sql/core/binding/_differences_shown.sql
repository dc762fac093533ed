create function pgscore._differences_shown(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'concat_ws(''; '', null%s)',
        string_agg(
            format(
                ', case when p.%1$I is distinct from r.v%2$s then format(''%%s is %%s and the events give %%s'', %3$L, coalesce(p.%1$I::text, ''NULL''), coalesce(r.v%2$s::text, ''NULL'')) end',
                r.target, r.ordinal, r.target
            ), '' order by r.ordinal
        )
    )
    from pgscore._reducers_of(b) r
    where not r.reducer ? 'deletes'
$$;

comment on function pgscore._differences_shown(pgscore.binding) is 'SQL for a sentence on the counters of a profile, p, that differ from what its events give, r';
