create function pgscore._fold_one(b pgscore.binding) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    deltas constant text[] := (
        select array_agg(
            case r.kind when 'look' then 'null' else pgscore._event_value(r.reducer, b.events) end order by r.ordinal
        )
        from pgscore._reducers_of(b) r
    );
    key constant text := pgscore._key_text(b.event_key, 'e');
    delta constant text := format(
        'array[%s]::text[]',
        (select string_agg(format('(%s)::text', d), ', ' order by ordinal) from unnest(deltas) with ordinality u (d, ordinal))
    );
    source constant text := format(
        'from pgscore_new e where %s%s', pgscore._key_present(b.event_key, 'e'), ' and (' || pgscore._worth_queueing(b, deltas) || ')'
    );
    one_update text;
begin
    if b.timing = 'statement' and b.events_owner = b.profile_owner then
        one_update := pgscore._one_update(b, 'here.key', 'here.delta');
    end if;
    -- One event is what most statements bring, and to group it costs more than the rest of the work.
    return format(
        'perform from pgscore_new offset 1; if not found then %s return null; end if; ',
        case
            when one_update is null then pgscore._hand_over(
                b, '''move''', format('array[%s]', key), format('array[%s::text]', delta), source
            )
            else format(
                '<<here>> declare key text; delta text[]; begin
                    select %s, %s into here.key, here.delta %s;
                    if found then
                        %s
                        if not found then
                            perform %s(array[%s]);
                        end if;
                    end if;
                end;',
                key, delta, source, one_update,
                pgscore._generated_name(b.profile, 'profile', b.profile_number, 'apply'),
                pgscore._work_of(b, '''move''', 'array[here.key]', 'array[here.delta::text]')
            )
        end
    );
end
$$;

comment on function pgscore._fold_one(pgscore.binding) is
    'What the trigger function for inserted events does first: it hands over the event of a statement that inserted only one';
