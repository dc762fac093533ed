-- How the apply function finds the rows of a profile table as they will stand.

create function pgscore._fill_generated_sql(profile regclass, variable text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- They are computed after all BEFORE triggers.
    select format(
        e'select %s into %s\nfrom (select (%s).*) as filled where %s;',
        string_agg(pgscore._verbatim(pg_get_expr(d.adbin, d.adrelid)), ', ' order by a.attnum),
        string_agg(format('%s.%I', variable, a.attname), ', ' order by a.attnum), variable, pgscore._bound_sql(profile)
    )
    from pg_catalog.pg_attribute a join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = profile and a.attgenerated <> '' and not a.attisdropped
    having count(*) > 0
$$;

comment on function pgscore._fill_generated_sql(regclass, text) is
    'The statement that computes the generated columns of a row that is not stored yet; NULL where a table has none';
grant execute on function pgscore._fill_generated_sql(regclass, text) to pgscore_reader;

create function pgscore._touched_sql(b pgscore.binding) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format('w%s.pgscore_absolute is not null', b.number)
$$;

comment on function pgscore._touched_sql(pgscore.binding) is 'SQL that says whether the work names a profile';
grant execute on function pgscore._touched_sql(pgscore.binding) to pgscore_reader;

create function pgscore._moved_value_sql(b pgscore.binding, r pgscore.reducer_sql) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    present constant text := format('pgscore_row.%I', r.target);
    grown constant text := pgscore._fill(r.grown, jsonb_build_object('present', present, 'delta', format('w%s.%I', b.number, r.target)));
    recounted constant text := format('r%s.value_%s', b.number, r.ordinal);
    touched constant text := pgscore._touched_sql(b);
begin
    return format(
        case
            -- Nothing but events that came tells it; what a new profile brings along is from before.
            when r.reducer ? 'deletes' and b.timing = 'statement' then 'case when %5$s then %3$s else %2$s end'
            when r.reducer ? 'deletes' then 'case when w%1$s.pgscore_arrived then coalesce(%2$s, 0) + %4$s when %5$s then %3$s else %2$s end'
            when r.kind = 'look' then 'case when here.every_%1$s or %5$s then %4$s else %2$s end'
            when r.kind = 'grow' then
                'case when here.every_%1$s or w%1$s.pgscore_absolute or w%1$s.pgscore_undone then %4$s when %5$s then %3$s else %2$s end'
            else 'case when here.every_%1$s or w%1$s.pgscore_absolute then %4$s when %5$s then %3$s else %2$s end'
        end,
        b.number, present, grown, recounted, touched
    );
end
$$;

comment on function pgscore._moved_value_sql(pgscore.binding, pgscore.reducer_sql) is
    'SQL for a column of a profile as a reducer leaves it; w and r are what the apply function joins to it';
grant execute on function pgscore._moved_value_sql(pgscore.binding, pgscore.reducer_sql) to pgscore_reader;

create function pgscore._work_join_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    looks boolean;
    grows boolean;
    ignores boolean;
    merged text;
    deltas text;
    touched constant text := pgscore._touched_sql(b);
begin
    select
        coalesce(bool_or(r.kind = 'look'), false), coalesce(bool_or(r.kind <> 'add'), false), bool_or(r.reducer ? 'deletes'),
        string_agg(format(e',\n%s as %I', r.merged, r.target), '' order by r.ordinal) filter (where r.kind <> 'look'),
        string_agg(format(', u.%I', r.target), '' order by r.ordinal) filter (where r.kind <> 'look')
    into looks, grows, ignores, merged, deltas
    from pgscore._reducers_of(b) r;
    return pgscore._fill(pgscore._work_join_template(), jsonb_build_object(
        'number', b.number, 'keys', pgscore._columns_sql(b.profile_key, 'w'), 'merged', merged,
        'arrived', case when ignores then e',\nbool_or(w.pgscore_task = ''arrive'') as pgscore_arrived' end,
        'undone', case when grows then e',\nbool_or(w.pgscore_task = ''undo'') as pgscore_undone' end,
        'present', pgscore._present_sql(b.profile_key, 'w'),
        'match', pgscore._match_sql(b.profile_key, 'w' || b.number, b.profile_key, 'pgscore_row'),
        'recount', pgscore._event_object(b, 'recount'),
        'arguments', pgscore._columns_sql(b.profile_key, 'pgscore_row'),
        'instant', case when pgscore._due_column(b) is not null then ', here.instant' end,
        'wanted', case when looks then touched when grows then format('w%1$s.pgscore_absolute or w%1$s.pgscore_undone', b.number)
            else format('w%s.pgscore_absolute', b.number) end,
        'work', case when not ignores then 'unnest(here.work) w' else format(
            -- A counter that ignores deletes cannot be recounted. Its row carries it to the new key, and what events did
            -- under the former key, a cascade's too, is done to the same row.
            e'(\n    select u.pgscore_binding, u.pgscore_task%s%s\n    from unnest(here.work) u\n    left join unnest(here.work) k\n'
            '        on k.pgscore_binding = u.pgscore_binding and k.pgscore_task = ''rekey'' and u.pgscore_task not in (''rekey'', ''arrive'')\n'
            '        and %s\n) w',
            (
                select string_agg(format(', coalesce(k.%1$I, u.%1$I) as %1$I', a.attname), '' order by a.attnum)
                from unnest(b.profile_key) n, pgscore._column(b.profile, n) a
            ),
            deltas,
            (
                select string_agg(format('k.pgscore_former_%s = u.%I', a.attnum, a.attname), ' and ' order by a.attnum)
                from unnest(b.profile_key) n, pgscore._column(b.profile, n) a
            )
        ) end
    ));
end
$$;

comment on function pgscore._work_join_sql(pgscore.binding) is
    'SQL that joins to rows of a profile table what a binding has to do with each, w, and what its events say, r';
grant execute on function pgscore._work_join_sql(pgscore.binding) to pgscore_reader;

create function pgscore._move_each_sql(profile regclass, bindings pgscore.binding[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._move_each_template(), jsonb_build_object(
        'assignments', string_agg(
            format('one.%I := item.moved_%s_%s;', r.target, b.number, r.ordinal), e'\n' order by b.number, r.ordinal
        ),
        'filled', pgscore._fill_generated_sql(_move_each_sql.profile, 'here.one')
    ))
    from unnest(bindings) b, pgscore._reducers_of(b) r
$$;

comment on function pgscore._move_each_sql(regclass, pgscore.binding[]) is 'What the apply function does with each row that it has found as it will stand';
grant execute on function pgscore._move_each_sql(regclass, pgscore.binding[]) to pgscore_reader;

create function pgscore._move_sql(profile regclass, bindings pgscore.binding[], targets pgscore.binding[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Not row(...)::profile, which an added column would break.
    select pgscore._fill(pgscore._move_template(), jsonb_build_object(
        'every', string_agg(
            format(
                'every_%1$s := exists (select from unnest(here.work) w where w.pgscore_binding = %1$s and w.pgscore_task = ''recount all'');', b.number
            ), e'\n' order by b.number
        ),
        'models', format('%L::text[]', array(select t.model from unnest(targets) t)),
        'forced', coalesce(
            string_agg(
                format('coalesce((%2$s or here.every_%1$s) and r%1$s.any_event is not false, false)', b.number, pgscore._touched_sql(b)),
                ' or ' order by b.number
            ) filter (where c.recounts), 'false'
        ),
        'counted', string_agg(format('here.every_%1$s or coalesce(w%1$s.pgscore_absolute, false)', b.number), ' or ' order by b.number),
        'unscored', (select string_agg(format('pgscore_row.%I is null', t.score), ' or ') from unnest(targets) t),
        'values', string_agg(c.columns, '' order by b.number),
        'joins', string_agg(pgscore._work_join_sql(b), e'\n' order by b.number),
        'each', pgscore._move_each_sql(_move_sql.profile, bindings),
        'bound', pgscore._bound_sql(_move_sql.profile)
    ))
    from unnest(bindings) b,
        lateral (
            select
                bool_or(r.kind <> 'add') as recounts,
                string_agg(format(e',\n%s as moved_%s_%s', pgscore._moved_value_sql(b, r), b.number, r.ordinal), '' order by r.ordinal) as columns
            from pgscore._reducers_of(b) r
        ) c
$$;

comment on function pgscore._move_sql(regclass, pgscore.binding[], pgscore.binding[]) is
    'What the apply function does to find the rows as they will stand, from the locked rows, the work, and what the events say';
grant execute on function pgscore._move_sql(regclass, pgscore.binding[], pgscore.binding[]) to pgscore_reader;

create function pgscore._deltas_join_sql(profile_key name[], name text, bindings pgscore.binding[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Each counter belongs to one binding, and is NULL in what others have queued.
    select pgscore._fill(pgscore._deltas_join_template(), jsonb_build_object(
        'name', name, 'keys', pgscore._columns_sql(profile_key, 'w'), 'present', pgscore._present_sql(profile_key, 'w'),
        'match', pgscore._match_sql(profile_key, name, profile_key, 'pgscore_row'),
        'numbers', (select string_agg(b.number::text, ', ' order by b.number) from unnest(bindings) b),
        'touched', (
            select string_agg(format(e',\nbool_or(w.pgscore_binding = %1$s) as pgscore_touched_%1$s', b.number), '' order by b.number)
            from unnest(bindings) b
        ),
        'merged', (
            select string_agg(format(e',\n%s as %I', r.merged, r.target), '' order by b.number, r.ordinal)
            from unnest(bindings) b, pgscore._reducers_of(b) r
            where r.kind <> 'look'
        )
    ))
$$;

comment on function pgscore._deltas_join_sql(name[], text, pgscore.binding[]) is
    'SQL that joins to rows of a profile table what new events bring to each, of bindings with the same key';
grant execute on function pgscore._deltas_join_sql(name[], text, pgscore.binding[]) to pgscore_reader;

create function pgscore._move_light_sql(profile regclass, bindings pgscore.binding[], targets pgscore.binding[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with moves as (
        select
            b.number, r.kind, r.ordinal,
            format('d%s.pgscore_touched_%s', k.first, b.number) as touched, format('pgscore_row.%I', r.target) as present,
            pgscore._fill(r.grown, jsonb_build_object(
                'present', format('pgscore_row.%I', r.target), 'delta', format('d%s.%I', k.first, r.target)
            )) as grown
        from pgscore._keys_of(profile) k, unnest(k.bindings) b, pgscore._reducers_of(b) r
    )
    select pgscore._fill(pgscore._move_light_template(), jsonb_build_object(
        'or_looks', (
            select format(' or w.pgscore_binding in (%s)', string_agg(distinct m.number::text, ', '))
            from moves m where m.kind = 'look' having count(*) > 0
        ),
        -- As where they are joined one by one: minima and the like write the row also where nothing has changed.
        'forced', coalesce((
            select format('coalesce(%s, false)', string_agg(distinct m.touched, ' or ')) from moves m where m.kind = 'grow' having count(*) > 0
        ), 'false'),
        'values', (
            select string_agg(
                case m.kind when 'look' then format(e',\n%s as moved_%s_%s', m.present, m.number, m.ordinal)
                    else format(e',\ncase when %s then %s else %s end as moved_%s_%s', m.touched, m.grown, m.present, m.number, m.ordinal)
                end, '' order by m.number, m.ordinal
            ) from moves m
        ),
        'joins', (
            select string_agg(pgscore._deltas_join_sql(k.profile_key, 'd' || k.first, k.bindings), e'\n' order by k.first)
            from pgscore._keys_of(_move_light_sql.profile) k
        ),
        'bound', pgscore._bound_sql(profile), 'each', pgscore._move_each_sql(profile, bindings), 'move', pgscore._move_sql(profile, bindings, targets)
    ))
$$;

comment on function pgscore._move_light_sql(regclass, pgscore.binding[], pgscore.binding[]) is
    'What the apply function of a table with many bindings does to find the rows as they will stand';
grant execute on function pgscore._move_light_sql(regclass, pgscore.binding[], pgscore.binding[]) to pgscore_reader;
