create function pgscore._recount_statements(b pgscore.binding) returns table (role regrole, statement text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    matches constant text := pgscore._key_match(b.events, b.event_key, 'e', '$1');
    columns text;
    given text;
    named text;
begin
    select
        string_agg(format(', out v%s %s', r.ordinal, r.type), '' order by r.ordinal),
        string_agg(
            format(
                case r.kind when 'add' then ', case when $2 then %s end' else ', %s' end,
                pgscore._reducer_value(r.reducer, b.events, matches)
            ), '' order by r.ordinal
        ),
        string_agg(format(', v%s', r.ordinal), '' order by r.ordinal)
    into columns, given, named
    from pgscore._reducers_of(b) r;
    return query select * from pgscore._function_statements(
        b.events_owner,
        format(
            '%s(key text, everything boolean, out any_event boolean%s)',
            pgscore._generated_name(b.events, 'binding', b.number, 'recount'), columns
        ),
        null, 'plpgsql stable',
        format('begin select exists (select from %s e where %s)%s into any_event%s; end', b.events, matches, given, named),
        format('What the reducers give on the events of %s for a key; those that add up only if everything is asked for', b.events),
        array[b.profile_owner]
    );
end
$$;

comment on function pgscore._recount_statements(pgscore.binding) is
    'What the owner of an event table runs to have the function that finds a profile''s counters from its events';
