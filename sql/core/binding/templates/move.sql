create function pgscore._move_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
{{every}}
serving := exists (select from pgscore.model m where m.name = any ({{models}}) and m.serving is not null);
for item in
    select
        pgscore_row as profile,
        -- Who recounted must meet who counts at the same time with an older snapshot, even if nothing changed.
        {{forced}} as forced,
        -- Rows that no model has scored yet are scored where they are new, or all is counted.
        here.serving and ({{counted}}) and ({{unscored}}) as unscored{{values}}
    from unnest(here.locked) as pgscore_row
    {{joins}}
    where {{bound}}
loop
    {{each}}
end loop;
$template$ $function$;

comment on function pgscore._move_template() is
    'Template: what the apply function does to find the rows as they will stand, from the locked rows, the work, and what the events say';
grant execute on function pgscore._move_template() to pgscore_reader;

create function pgscore._move_light_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if not again and not exists (
    select from unnest(here.work) w where w.pgscore_task <> 'move'{{or_looks}}
) then
    -- New events, and nothing to look up: each profile's deltas of all bindings at once. To join each binding by itself, as
    -- below, takes time and memory with the square of their number.
    for item in
        select
            pgscore_row as profile, {{forced}} as forced, false as unscored{{values}}
        from unnest(here.locked) as pgscore_row
        {{joins}}
        where {{bound}}
    loop
        {{each}}
    end loop;
else
    {{move}}
end if;
$template$ $function$;

comment on function pgscore._move_light_template() is
    'Template: what the apply function of a table with many bindings does to find the rows as they will stand, where there are but new events';
grant execute on function pgscore._move_light_template() to pgscore_reader;

create function pgscore._move_each_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
one := item.profile;
{{assignments}}
{{filled}}
touched := item.forced or one operator(pg_catalog.*<>) item.profile;
if touched or item.unscored then
    moved := array_append(moved, one);
    changed := array_append(changed, touched);
end if;
$template$ $function$;

comment on function pgscore._move_each_template() is
    'Template: what the apply function does with each row that it has found as it will stand';
grant execute on function pgscore._move_each_template() to pgscore_reader;

create function pgscore._deltas_join_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
left join (
    select {{keys}}{{touched}}{{merged}}
    from unnest(here.work) w
    where w.pgscore_binding in ({{numbers}}) and {{present}}
    group by {{keys}}
) {{name}} on {{match}}
$template$ $function$;

comment on function pgscore._deltas_join_template() is
    'Template: what joins to rows of a profile table what new events bring to each, of all bindings with the same key';
grant execute on function pgscore._deltas_join_template() to pgscore_reader;

create function pgscore._work_join_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
left join (
    select {{keys}},
        bool_or(w.pgscore_task in ('recount', 'arrive', 'rekey') or (here.again and w.pgscore_task in ('move', 'undo'))) as pgscore_absolute{{arrived}}{{undone}}{{merged}}
    from {{work}}
    where w.pgscore_binding = {{number}} and {{present}}
    group by {{keys}}
) w{{number}} on {{match}}
left join lateral (
    select r.* from {{recount}}({{arguments}}, here.every_{{number}} or w{{number}}.pgscore_absolute{{instant}}) r
    where here.every_{{number}} or {{wanted}}
    offset 0
) r{{number}} on true
$template$ $function$;

comment on function pgscore._work_join_template() is
    'Template: what joins to rows of a profile table what a binding has to do with each, and what its events say';
grant execute on function pgscore._work_join_template() to pgscore_reader;
