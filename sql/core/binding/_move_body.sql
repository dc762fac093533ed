create function pgscore._move_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Not row(…)::profile, which an added column would break.
    select format(
        '%1$s
        here.serving := exists (select from pgscore.model m where m.name = any (%9$L) and m.serving is not null);
        for here.item in
            select pgscore_row as profile, %2$s as forced, %7$s as unscored%3$s from unnest(here.locked) as pgscore_row%4$s where %8$s
        loop
            here.one := here.item.profile; %5$s %6$s
            here.touched := here.item.forced or here.one operator(pg_catalog.*<>) here.item.profile;
            if here.touched or here.item.unscored then
                here.moved := here.moved || here.one;
                here.changed := here.changed || here.touched;
            end if;
        end loop;',
        string_agg(
            format(
                'here.every_%1$s := exists (select from unnest(here.work) w where w.binding = %1$s and w.task = ''recount all'');',
                b.number
            ), ' ' order by b.number
        ),
        -- Who recounted must meet who counts at the same time with an older snapshot, even if nothing changed.
        coalesce(
            string_agg(
                format('coalesce((w%1$s.key is not null or here.every_%1$s) and r%1$s.any_event is not false, false)', b.number),
                ' or ' order by b.number
            ) filter (where c.recounts), 'false'
        ),
        string_agg(c.columns, '' order by b.number), string_agg(pgscore._work_join(b), '' order by b.number),
        string_agg(c.assignments, '' order by b.number), pgscore._fill_generated(_move_body.profile, 'here.one'),
        -- Rows that no model has scored yet are scored where they are new, or all is counted.
        format(
            'here.serving and (%s) and (%s)',
            string_agg(format('here.every_%1$s or coalesce(w%1$s.absolute, false)', b.number), ' or ' order by b.number),
            (select string_agg(format('pgscore_row.%I is null', t.score), ' or ') from pgscore._targets_of(_move_body.profile) t)
        ),
        pgscore._tied(_move_body.profile), array(select t.model from pgscore._targets_of(_move_body.profile) t)
    )
    from pgscore._bindings_of(profile) b,
        lateral (
            select
                bool_or(r.kind <> 'add') as recounts,
                string_agg(
                    format(', %s as c%s_%s', pgscore._moved_value(b, r.reducer, r.kind, r.ordinal), b.number, r.ordinal), ''
                    order by r.ordinal
                ) as columns,
                string_agg(
                    format('here.one.%I := here.item.c%s_%s; ', r.target, b.number, r.ordinal), '' order by r.ordinal
                ) as assignments
            from pgscore._reducers_of(b) r
        ) c
$$;

comment on function pgscore._move_body(regclass) is
    'What the apply function does to find the rows as they will stand, from the locked rows, the work, and what the events say';
