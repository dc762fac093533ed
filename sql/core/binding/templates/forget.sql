create function pgscore._forget_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Rows that left {{profile}} leave the list of stale rows. Generated; change it with pgscore.attach.
begin
    {{deletions}}
    return null;
end
$template$ $function$;

comment on function pgscore._forget_template() is
    'Template: the trigger function that takes deleted profiles from the list of stale rows';
grant execute on function pgscore._forget_template() to pgscore_reader;

create function pgscore._forget_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    perform {{key_text}} from {{profile}} p limit 0;
exception when others then
    {{unfit}}
end;
if tg_op = 'TRUNCATE' then
    delete from pgscore.stale_row s
    where s.binding = {{number}} and not exists (select from {{profile}} p where {{key_text}} = s.key);
else
    delete from pgscore.stale_row s using pgscore_old o where s.binding = {{number}} and s.key = {{former_text}};
end if;
$template$ $function$;

comment on function pgscore._forget_one_template() is
    'Template: the statements that take profiles from the list of stale rows of a binding';
grant execute on function pgscore._forget_one_template() to pgscore_reader;
