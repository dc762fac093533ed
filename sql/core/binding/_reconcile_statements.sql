create function pgscore._reconcile_statements(b pgscore.binding) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select f.*
    from pgscore._function_statements(
        b.profile_owner,
        format(
            '%s(rows integer, repair boolean, out checked bigint, out differing bigint, out examples text[], out finished boolean)',
            pgscore._generated_name(b.profile, 'binding', b.number, 'reconcile')
        ),
        null, 'plpgsql volatile',
        format(
            '<<here>>
            declare
                keys text[]; wrong text[]; missed text[]; after text;
            begin
                insert into pgscore.reconciliation as s (binding, repair) values (%10$s, $2)
                on conflict on constraint reconciliation_pkey do update
                set repair = excluded.repair, last_key = null, checked = 0, differing = 0, started = now(), finished = null
                where s.finished is not null or s.repair <> excluded.repair;
                select s.last_key into here.after from pgscore.reconciliation s where s.binding = %10$s for update;
                if here.after is null then
                    here.keys := array(select %1$s from %2$s p where %3$s order by %4$s limit $1);
                else
                    here.keys := array(select %1$s from %2$s p where %3$s and (%4$s) > (%5$s) order by %4$s limit $1);
                end if;
                -- One statement and one snapshot: what commits meanwhile is not taken for a difference.
                select array_agg(d.key), (array_agg(d.key || '': '' || d.shown))[1:10]
                into here.wrong, examples
                from (
                    select u.key, %6$s as shown
                    from unnest(here.keys) as u (key) join %2$s p on %7$s cross join lateral %8$s(u.key, true) r
                    where %9$s
                ) d;
                finished := cardinality(here.keys) < $1;
                if $2 then
                    here.missed := array(
                        select u.key from unnest(here.keys) as u (key)
                        where exists (select from pgscore.stale_row s where s.binding = %10$s and s.key = u.key)
                    );
                    perform %11$s(array[row(%10$s, ''settle'', array(select unnest(here.wrong) union select unnest(here.missed)), ''{}'')::pgscore.work])
                    where here.wrong is not null or cardinality(here.missed) > 0;
                    delete from pgscore.stale_row s where s.binding = %10$s and s.cause = ''backfill'' and s.key = any (here.missed);
                    -- No trigger sees a TRUNCATE of profiles, or a partition of them that goes.
                    delete from pgscore.stale_row s
                    where finished and s.binding = %10$s and not exists (select from %2$s p where %12$s);
                end if;
                update pgscore.reconciliation s
                set last_key = coalesce(here.keys[cardinality(here.keys)], s.last_key), checked = s.checked + cardinality(here.keys),
                    differing = s.differing + coalesce(cardinality(here.wrong), 0),
                    finished = case when cardinality(here.keys) < $1 then clock_timestamp() end
                where s.binding = %10$s
                returning s.checked, s.differing into checked, differing;
            end',
            pgscore._key_text(b.profile_key, 'p'), b.profile, pgscore._key_present(b.profile_key, 'p'),
            (select string_agg(format('p.%I', k), ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o)),
            (
                select string_agg(
                    pgscore._key_part('here.after', pgscore._key_types(b.profile, b.profile_key), o::integer), ', ' order by o
                )
                from unnest(b.profile_key) with ordinality u (k, o)
            ),
            pgscore._differences_shown(b), pgscore._key_match(b.profile, b.profile_key, 'p', 'u.key'),
            pgscore._generated_name(b.events, 'binding', b.number, 'recount'), pgscore._counters_differ(b), b.number,
            pgscore._generated_name(b.profile, 'profile', b.profile_number, 'apply'),
            pgscore._key_match(b.profile, b.profile_key, 'p', 's.key')
        ),
        format('Compares counters of some rows of %s with the events of %s, and mends them', b.profile, b.events)
    ) f
$$;

comment on function pgscore._reconcile_statements(pgscore.binding) is
    'What the owner of a profile table runs to have the function that compares a binding''s counters with its events';
