create function pgscore._arrive_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- New rows of {{profile}} are counted: their events may have come before them. Generated; change it with pgscore.attach.
begin
    {{arrivals}}
    return null;
end
$template$ $function$;

comment on function pgscore._arrive_template() is
    'Template: the trigger function that has new profiles counted';
grant execute on function pgscore._arrive_template() to pgscore_reader;

create function pgscore._arrive_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    perform {{fits}} from pgscore_new n, {{queue}} q limit 0;
exception when others then
    {{unfit}}
end;
insert into {{queue}} (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
select {{number}}, 'arrive', case when row_number() over () = 1 then '{{timing}}' end, {{values}}
from pgscore_new n{{and_numbers}}
where {{present}};
$template$ $function$;

comment on function pgscore._arrive_one_template() is
    'Template: the statement that queues new profiles for bindings with the same key and timing, of which one row runs all';
grant execute on function pgscore._arrive_one_template() to pgscore_reader;
