create function pgscore._insert_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: rows that come into {{events}} move {{profile}}. Generated; change it with pgscore.attach.
<<here>>
declare
    many boolean := false;
    {{declared}}
begin
    begin
        -- One event is what most statements bring, and to group it costs more than all the rest. No other columns are read
        -- or written below, or at commit, so what is wrong with them is found here, and said in one sentence.
        select {{brought}}
        into strict {{variables}}
        from pgscore_new e
        where {{fits}};
    exception
        when no_data_found then return null;
        when too_many_rows then many := true;
        when others then {{unfit}}
    end;
    if many then
        {{insert_many}}
    else
        {{insert_one}}
    end if;
    return null;
end
$template$ $function$;

comment on function pgscore._insert_template() is
    'Template: the trigger function for rows that a statement brought into an event table';
grant execute on function pgscore._insert_template() to pgscore_reader;

create function pgscore._queue_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Folded by profile. The first row runs what is to be done with all of them.
insert into {{queue}}
    (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
select
    {{number}}, 'move', {{runs}},
    {{folded_names}}
from (
    select {{folded}}
    from {{source}}
    where {{present}}
    group by {{event_keys}}
    {{having}}
) f;
$template$ $function$;

comment on function pgscore._queue_many_template() is
    'Template: the statement that folds inserted events by profile and queues what they bring';
grant execute on function pgscore._queue_many_template() to pgscore_reader;

create function pgscore._insert_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if {{is_nothing}} then
    return null;
end if;
{{move_at_once}}
insert into {{queue}}
    (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
values ({{number}}, 'move', {{runs_one}}, {{variables}});
$template$ $function$;

comment on function pgscore._insert_one_template() is
    'Template: what a trigger function does with one event that came';
grant execute on function pgscore._insert_one_template() to pgscore_reader;

create function pgscore._move_at_once_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if not {{recounted}} then
    update {{profile}} p set {{moved}}
    where {{match_variables}};
    if found then
        return null;
    end if;
end if;
-- No profile, or events of this statement were counted before: that is more than one UPDATE.
$template$ $function$;

comment on function pgscore._move_at_once_template() is
    'Template: what a trigger function does with one event where work is done at the end of each statement';
grant execute on function pgscore._move_at_once_template() to pgscore_reader;
