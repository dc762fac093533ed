create function pgscore._recount_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: what the events of a key give. Generated; change it with pgscore.attach.
-- Those that add up only if everything is asked for.
{{windows}}
begin
    select
        {{values}}
    into {{names}};
end
$template$ $function$;

comment on function pgscore._recount_template() is
    'Template: the function that finds a profiles counters from its events';
grant execute on function pgscore._recount_template() to pgscore_reader;
