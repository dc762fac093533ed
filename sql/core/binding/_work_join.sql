create function pgscore._work_join(b pgscore.binding) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    recounted boolean;
    sums text;
begin
    select
        coalesce(bool_or(pgscore._is_recounted(r, b.events)), false),
        (
            select string_agg(
                format(', sum((q.delta::numeric[])[%1$s]) filter (where q.task in (''move'', ''recount'')) as d%1$s', n), ''
            )
            from generate_series(1, count(*) filter (where not pgscore._is_recounted(r, b.events))) n
        )
    into recounted, sums
    from jsonb_array_elements(b.reducers) r;
    return format(
        'left join (
            select q.key::%2$s as key, bool_or(q.task = ''arrive'') as arrived,
                bool_or(q.task in (''recount'', ''arrive'', ''rekey'')) as absolute%3$s
            from unnest($1, $2, $3, $4) as q (binding, task, key, delta)
            where q.binding = %1$s and q.key is not null and q.task <> ''refresh''
            group by q.key
        ) w%1$s on w%1$s.key = pgscore_row.%4$I
        left join lateral (
            select r.* from %5$s(pgscore_row.%4$I::%2$s, here.every_%1$s or w%1$s.absolute) r
            where here.every_%1$s or %6$s
            offset 0
        ) r%1$s on true ',
        b.number, b.key_type, sums, b.profile_key, pgscore._generated_name(b.events, b.number, 'recount'),
        format(case when recounted then 'w%s.key is not null' else 'w%s.absolute' end, b.number)
    );
end
$$;

comment on function pgscore._work_join(pgscore.binding) is
    'SQL that joins to rows of a profile table, pgscore_row, what a binding has to do with each, and what its events say';
