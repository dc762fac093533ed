create function pgscore._truncate_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: TRUNCATE of {{events}} tells no rows, so all of {{profile}} is recounted. Generated; change it with pgscore.attach.
begin
    {{detached}}
    {{recount_all}}
    return null;
end
$template$ $function$;

comment on function pgscore._truncate_template() is
    'Template: the trigger function for TRUNCATE of an event table';
grant execute on function pgscore._truncate_template() to pgscore_reader;
