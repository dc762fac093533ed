create function pgscore._update_body(b pgscore.binding) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    counters text[];
    targets text;
    arrays text;
    ready text;
    assignments text;
    changes text;
begin
    select coalesce(array_agg(quote_ident(c.name) order by c.name), '{}') into counters
    from (
        select distinct r ->> 'column' as name
        from pgscore._bindings_of(b.profile) o, jsonb_array_elements(o.reducers) r
    ) c;
    select
        string_agg(
            format(', unnest(here.scored_%1$s.scores) as score_%1$s, unnest(here.scored_%1$s.reasons) as reason_%1$s', t.number),
            '' order by t.number
        ),
        string_agg(
            format(
                ', here.scored_%1$s.version is not null and x.reason_%1$s is null as ready_%1$s', t.number
            ), '' order by t.number
        )
    into arrays, ready
    from pgscore._targets_of(b.profile) t;
    select string_agg(a.assignment, ', ') into assignments
    from (
        select format('%1$s = (u.moved).%1$s', c) as assignment from unnest(counters) c
        union all
        select format('%1$I = case when u.ready_%2$s then %3$s else pgscore_row.%1$I end', f.name, t.number, f.source)
        from pgscore._targets_of(b.profile) t, lateral (values
            (t.score, 'u.score_' || t.number),
            (t.version, format('here.scored_%s.version', t.number)),
            (t.scored_at, 'now()')
        ) as f (name, source)
        where f.name is not null
    ) a;
    select string_agg(c.change, ' or ') into changes
    from (
        select format('pgscore_row.%1$s is distinct from (u.moved).%1$s', c) as change from unnest(counters) c
        union all
        select format('(u.ready_%s and pgscore_row.%I is distinct from %s)', t.number, f.name, f.source)
        from pgscore._targets_of(b.profile) t, lateral (values
            (t.score, 'u.score_' || t.number),
            (t.version, format('here.scored_%s.version', t.number))
        ) as f (name, source)
        where f.name is not null
    ) c;
    return format(
        -- Where a BEFORE trigger or a generated column may change what was scored, the trigger for changes by others looks
        -- at this update too, and has what changed scored once more.
        'if not exists (
            select from pg_catalog.pg_trigger t where t.tgrelid = %1$L::regclass and t.tgtype & 19 = 19 and t.tgenabled <> ''D''
        ) and not exists (
            select from pg_catalog.pg_attribute a where a.attrelid = %1$L::regclass and a.attgenerated <> ''''
        ) then
            perform set_config(''pgscore.applying'', pg_trigger_depth()::text, true);
        end if;
        update %1$s pgscore_row set %2$s
        from (
            select x.*%3$s
            from (select unnest(here.moved) as moved, unnest(here.forced) as forced%4$s) x
        ) u
        where %5$s and (u.forced or %6$s);
        perform set_config(''pgscore.applying'', '''', true);',
        b.profile, assignments, ready, arrays,
        (
            select string_agg(format('pgscore_row.%1$I = (u.moved).%1$I', k), ' and ')
            from unnest(pgscore._row_key(b.profile, b.profile_key)) k
        ),
        changes
    );
end
$$;

comment on function pgscore._update_body(pgscore.binding) is
    'What the apply function does to change the rows: one UPDATE, which leaves rows alone in which nothing changes';
