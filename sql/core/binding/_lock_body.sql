create function pgscore._lock_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- All or some: a plan for both would read the whole table each time.
    select format(
        'if exists (select from unnest(here.work) w where w.task = ''recount all'') then
            select array_agg(l.pgscore_row) into here.locked
            from (select pgscore_row from %1$s pgscore_row order by %2$s for no key update) l;
        else
            select array_agg(l.pgscore_row) into here.locked
            from (select pgscore_row from %1$s pgscore_row where %3$s order by %2$s for no key update) l;
        end if;',
        profile, pgscore._row_order(profile, 'pgscore_row'),
        (
            select string_agg(
                format(
                    '(%s) %s(select %s from unnest(here.work) w, unnest(w.keys) as u (key) where w.binding = any (%L))%s',
                    (select string_agg(format('pgscore_row.%I', c), ', ' order by o) from unnest(k.profile_key) with ordinality u (c, o)),
                    case cardinality(k.profile_key) when 1 then '= any (array' else 'in ' end,
                    (
                        select string_agg(
                            pgscore._key_part('u.key', pgscore._key_types(profile, k.profile_key), o::integer), ', ' order by o
                        )
                        from unnest(k.profile_key) with ordinality u (c, o)
                    ),
                    k.numbers, case cardinality(k.profile_key) when 1 then ')' else '' end
                ), ' or '
            )
            from (
                select b.profile_key, array_agg(b.number) as numbers from pgscore._bindings_of(profile) b group by 1
            ) k
        )
    )
$$;

comment on function pgscore._lock_body(regclass) is
    'What the apply function does to lock the touched rows of a profile table, in the one order, and to read them';
