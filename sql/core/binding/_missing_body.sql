create function pgscore._missing_body(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Events that went away again leave nobody missing.
    missing constant text := format(
        'select distinct u.key from unnest(here.work) w, unnest(w.keys) as u (key)
        where w.binding = %s and w.task in (''move'', ''undo'', ''recount'')
            and not exists (select from %s p where %s) and (select r.any_event from %s(u.key, false) r)',
        b.number, b.profile, pgscore._key_match(b.profile, b.profile_key, 'p', 'u.key'),
        pgscore._generated_name(b.events, 'binding', b.number, 'recount')
    );
begin
    return case b.on_missing
        when 'error' then format(
            'select min(m.key) into here.missing from (%s) m;
            if here.missing is not null then
                raise exception ''table %% has no row whose %% is %%, which events of %% name'', %L, %L, here.missing, %L
                    using errcode = ''foreign_key_violation'', hint = ''The binding''''s on_missing is error.'';
            end if;',
            missing, b.profile::text, array_to_string(b.profile_key, ', '), b.events::text
        )
        -- Who inserts first decides: the other one waits for the key. A new row is counted on its arrival.
        when 'insert' then format(
            'with missing as (%1$s), made as (
                insert into %2$s as p (%3$s) select %4$s from missing m order by m.key collate "C" on conflict do nothing
                returning %5$s as key
            )
            select array_agg(m.key) into here.made from made m;
            if here.made is not null then
                %6$s %7$s
            end if;',
            missing, b.profile,
            (select string_agg(quote_ident(k), ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o)),
            (
                select string_agg(
                    pgscore._key_part('m.key', pgscore._key_types(b.profile, b.profile_key), o::integer), ', ' order by o
                )
                from unnest(b.profile_key) with ordinality u (k, o)
            ),
            pgscore._key_text(b.profile_key, 'p'),
            -- At commit its arrival stands in the queue; at a statement's end, and where constraints are immediate, it has been
            -- counted already.
            case b.timing when 'commit' then pgscore._take_queue(b.profile_number) end,
            (
                select string_agg(format('here.counted_%1$s := here.counted_%1$s || here.made;', o.number), ' ')
                from pgscore._bindings_of(b.profile) o where o.profile_key = b.profile_key
            )
        )
    end;
end
$$;

comment on function pgscore._missing_body(pgscore.binding) is
    'What the apply function does, before it locks rows, about events whose profile is missing; NULL for nothing';
