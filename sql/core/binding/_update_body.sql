create function pgscore._update_body(profile regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    number constant integer := (select p.number from pgscore.bound_profile p where p.profile = _update_body.profile);
    counters constant text := (
        select string_agg(format('%1$I = (m.row).%1$I', c.name), ', ' order by c.name)
        from (
            select distinct r ->> 'column' as name from pgscore._bindings_of(profile) b, jsonb_array_elements(b.reducers) r
        ) c
    );
    -- A trigger that fires before the row is stored may change what the model reads.
    others constant text := format(
        'exists (
            select from pg_catalog.pg_trigger t
            where t.tgrelid = any (%L::regclass[]) and t.tgtype & 19 = 19 and t.tgenabled <> ''D'' and t.tgname <> %L
        )',
        array(select pgscore._partitions(profile)), pgscore._score_trigger_name(number)
    );
    arrays text;
    scores text;
    scoring text;
begin
    select
        string_agg(
            format(', %1$I = case when m.version_%2$s is null or m.reason_%2$s is not null then p.%1$I else %3$s end', f.name, t.number, f.source),
            '' order by t.number, f.name
        ) filter (where f.name is not null),
        string_agg(pgscore._score_many(t), '' order by t.number) filter (where f.first)
    into scores, scoring
    from pgscore._targets_of(profile) t, lateral (values
        (true, t.score, 'm.score_' || t.number), (false, t.version, 'm.version_' || t.number), (false, t.scored_at, 'now()')
    ) as f (first, name, source);
    arrays := (
        select string_agg(format(', unnest(here.scores_%1$s) as score_%1$s, unnest(here.versions_%1$s) as version_%1$s, unnest(here.reasons_%1$s) as reason_%1$s', t.number), '' order by t.number)
        from pgscore._targets_of(profile) t
    );
    return format(
        'if cardinality(here.moved) = 1 or %1$s then
            -- The trigger that scores changed rows has the engine for one row, and sees what other triggers make of it.
            update %2$s p set %3$s from (select unnest(here.moved) as row) m where %4$s;
        else
            %5$s
            insert into %6$s (binding, task, keys, deltas) values (0, ''scored'', ''{}'', ''{}'');
            perform set_config(''pgscore.scored'', (pg_trigger_depth() + 1)::text, true);
            update %2$s p set %3$s%7$s from (select unnest(here.moved) as row, unnest(here.changed) as changed%8$s) m
            where %4$s and (m.changed or %9$s);
            perform set_config(''pgscore.scored'', '''', true);
            delete from %6$s q where q.transaction = pg_current_xact_id() and q.task = ''scored'';
        end if;',
        others, profile, counters, pgscore._row_match(profile, 'p', '(m.row)'), scoring, pgscore._queue_name(number), scores, arrays,
        (
            select string_agg(format('(m.version_%1$s is not null and m.reason_%1$s is null)', t.number), ' or ')
            from pgscore._targets_of(profile) t
        )
    );
end
$$;

comment on function pgscore._update_body(regclass) is
    'What the apply function does to change the rows: one UPDATE, with the scores in it where there are many';
