create function pgscore._fail_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
perform pgscore._fail({{binding}}, sqlstate, sqlerrm);
$template$ $function$;

comment on function pgscore._fail_template() is
    'Template: what a generated function does with an error: one sentence for the application, without the SQL that it comes from';
grant execute on function pgscore._fail_template() to pgscore_reader;
