create function pgscore._lost_condition(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        format(
            'exists (
                select from unnest(here.work) w, unnest(w.keys) as u (key)
                where w.binding = %1$s and hashtext(u.key) & 63 <> all (here.slots) and %3$s
                    and not exists (select from unnest(here.locked) as p where %2$s = u.key)
            )',
            b.number, pgscore._key_text(b.profile_key, 'p'), pgscore._tied(_lost_condition.profile)
        ), ' or ' order by b.number
    )
    from pgscore._bindings_of(profile) b
$$;

comment on function pgscore._lost_condition(regclass) is
    'SQL that says whether a profile that was there was deleted, or got another key, while the apply function waited for its lock';
