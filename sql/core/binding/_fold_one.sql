create function pgscore._fold_one(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    brought constant text[] := array(
        select case r.kind when 'look' then 'null' else pgscore._event_value(r.reducer, b.events) end
        from pgscore._reducers_of(b) r order by r.ordinal
    );
    source constant text := format(
        'from pgscore_new e where %s%s', pgscore._key_present(b.event_key, 'e'), ' and (' || pgscore._worth_queueing(b, brought) || ')'
    );
begin
    -- One event is what most statements bring, and to group it costs more than the rest of the work.
    return format(
        'perform from pgscore_new offset 1; if not found then %s return null; end if; ',
        coalesce(
            pgscore._fold_at_once(b, brought, source),
            pgscore._hand_over(
                b, '''move''', format('array[%s]', pgscore._key_text(b.event_key, 'e')),
                format(
                    'array[array[%s]::text[]::text]',
                    (select string_agg(format('(%s)::text', v), ', ' order by o) from unnest(brought) with ordinality u (v, o))
                ),
                source
            )
        )
    );
end
$$;

comment on function pgscore._fold_one(pgscore.binding) is
    'What the trigger function for inserted events does first: it hands over the event of a statement that inserted only one';
