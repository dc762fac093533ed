create function pgscore._apply_body(b pgscore.binding) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    declared text;
    missing text;
    objects text;
    joins text;
    forced text;
    scoring text;
    answers text;
    one text;
begin
    select
        string_agg(format('every_%s boolean := false; ', o.number), '' order by o.number),
        string_agg(pgscore._missing_body(o), ' ' order by o.number),
        string_agg(pgscore._work_join(o), '' order by o.number),
        -- Who recounted must meet who counts at the same time with an older snapshot, even if nothing changed.
        coalesce(string_agg(format('r%s.any_event is not null', o.number), ' or ' order by o.number), 'false'),
        coalesce(string_agg(pgscore._one_body(o), '' order by o.number), '')
    into declared, missing, joins, forced, one
    from pgscore._bindings_of(b.profile) o;
    select string_agg(
        format(', %L, %s', r ->> 'column', pgscore._moved_column(o, r, e.ordinal::integer, e.delta_number)), ''
    )
    into objects
    from pgscore._bindings_of(b.profile) o,
        lateral (
            select x.r, x.ordinal, count(*) filter (where not pgscore._is_recounted(x.r, o.events)) over (order by x.ordinal) as delta_number
            from jsonb_array_elements(o.reducers) with ordinality as x (r, ordinal)
        ) e;
    select
        declared || string_agg(format('scored_%1$s pgscore.scored; failure_%1$s text; ', t.number), '' order by t.number),
        string_agg(pgscore._score_body(t), '' order by t.number),
        string_agg(pgscore._answer_body(t), '' order by t.number)
    into declared, scoring, answers
    from pgscore._targets_of(b.profile) t;
    return format(
        '<<here>>
        declare
            locked %1$s[]; moved %1$s[]; forced boolean[]; made text[]; missing text; names text[]; rows integer; one %1$s; %2$s
        begin
            if ''rekey'' = any ($2) then
                -- What was queued for the former key of a row is for its new one.
                $3 := array(
                    select coalesce(k.present, q.key)
                    from unnest($1, $2, $3) with ordinality as q (binding, task, key, ordinal)
                    left join (
                        select distinct on (w.binding, w.former) w.binding, w.former, w.present
                        from unnest($1, $2, $3, $4) as w (binding, task, present, former) where w.task = ''rekey''
                    ) k on k.binding = q.binding and k.former = q.key and q.task = ''move''
                    order by q.ordinal
                );
            end if;
            %3$s
            %11$sif true then
                %4$s
                if here.locked is null then
                    return;
                end if;
                select array_agg(m.moved), array_agg(m.forced), array_agg((m.moved).%12$I::text)
                into here.moved, here.forced, here.names
                from (
                    select jsonb_populate_record(pgscore_row, jsonb_build_object(%5$s)) as moved, %6$s as forced
                    from unnest(here.locked) as pgscore_row %7$s
                ) m;
            end if;
            here.rows := cardinality(here.moved);
            %8$s
            %9$s
            %10$s
        end',
        b.profile, declared, missing, pgscore._lock_body(b), substr(objects, 3), forced, joins, scoring,
        pgscore._update_body(b), answers, one,
        (select o.profile_key from pgscore._bindings_of(b.profile) o limit 1)
    );
end
$$;

comment on function pgscore._apply_body(pgscore.binding) is
    'The body of the function that changes rows of a profile table for all of its bindings';
