create function pgscore._events_differ(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The events of a key before and after, in what the reducers read of them.
    select format(
        'array_agg(%1$s order by %1$s) filter (where e.pgscore_sign = 1)'
        ' is distinct from array_agg(%1$s order by %1$s) filter (where e.pgscore_sign = -1)',
        'row(' || string_agg(format('e.%I', n.name), ', ' order by n.name) || ')::text collate "C"'
    )
    from (
        select f.value as name
        from jsonb_array_elements(b.reducers) r, jsonb_each_text(r) f where f.key in ('of', 'order_by')
        union
        select f from jsonb_array_elements(b.reducers) r, jsonb_object_keys(coalesce(r -> 'where', '{}')) f
        union
        select k::text from unnest(pgscore._primary_key(b.events)) k
    ) n
$$;

comment on function pgscore._events_differ(pgscore.binding) is
    'SQL that says whether an update changed, of the events of one key, anything that a reducer reads';
