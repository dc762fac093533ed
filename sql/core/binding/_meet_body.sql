create function pgscore._meet_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A profile may come in a transaction that runs at the same time as one with its event: each would miss what the other
    -- brings. Both change the slot of the key: the later one waits here and then sees the other, or, with an older
    -- snapshot, fails with 40001. A TRUNCATE has to meet all new profiles.
    select format(
        'here.slots := array(
            select s.slot from (%1$s) s union
            select generate_series(0, 63) where exists (select from unnest(here.work) w where w.task = ''recount all'')
        );
        if cardinality(here.slots) > 0 then
            perform from %2$s a where a.slot = any (here.slots) order by a.slot for update;
            update %2$s a set transaction = pg_current_xact_id()
            where a.slot = any (here.slots) and a.transaction is distinct from pg_current_xact_id();
        end if;',
        (
            select string_agg(
                format(
                    'select hashtext(u.key) & 63 as slot from unnest(here.work) w, unnest(w.keys) as u (key)
                    where w.binding = %s and (w.task in (''arrive'', ''rekey'') or not exists (select from %s p where %s))',
                    b.number, b.profile, pgscore._key_match(b.profile, b.profile_key, 'p', 'u.key')
                ), ' union ' order by b.number
            )
            from pgscore._bindings_of(p.profile) b
        ),
        pgscore._arrival_name(p.number)
    )
    from pgscore.bound_profile p where p.profile = _meet_body.profile
$$;

comment on function pgscore._meet_body(regclass) is
    'What the apply function does so that new profiles, and events without a profile, see each other';
