create function pgscore._fail_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
perform pgscore._fail({{number}}, {{binding}}, sqlstate, sqlerrm);
$template$ $function$;

comment on function pgscore._fail_template() is
    'Template: what a generated function does with an error: one sentence for the application, without the SQL that it comes from';
grant execute on function pgscore._fail_template() to pgscore_reader;

create function pgscore._unfit_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
perform pgscore._fail_unfit({{number}}, {{binding}}, sqlstate, sqlerrm);
$template$ $function$;

comment on function pgscore._unfit_template() is
    'Template: what a generated function does where the columns are not what it was generated for';
grant execute on function pgscore._unfit_template() to pgscore_reader;
