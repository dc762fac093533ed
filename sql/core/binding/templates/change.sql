create function pgscore._change_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: rows that {{happens}} {{events}} move {{profile}}. Generated; change it with pgscore.attach.
begin
    begin
        -- What is wrong with the columns is found here, and said in one sentence.
        perform {{read}}
        from {{transition}} e limit 0;
    exception when others then
        {{unfit}}
    end;
    {{queue_change}}
    return null;
end
$template$ $function$;

comment on function pgscore._change_template() is
    'Template: the trigger function for rows that a statement changed in an event table, or took from it';
grant execute on function pgscore._change_template() to pgscore_reader;

create function pgscore._queue_change_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
insert into {{queue}}
    (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
select
    {{number}}, {{task}}, {{runs}},
    {{folded_names}}
from (
    select {{signed}}
    from (
        {{sources}}
    ) e
    where {{present}}
    group by {{event_keys}}
    {{having}}
) f;
$template$ $function$;

comment on function pgscore._queue_change_template() is
    'Template: the statement that queues what events bring to profiles that come, and that go';
grant execute on function pgscore._queue_change_template() to pgscore_reader;
