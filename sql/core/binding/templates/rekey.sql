create function pgscore._rekey_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Rows of {{profile}} that have got another key are counted now that they are stored. Generated; change it with pgscore.attach.
-- The trigger that scores a row notes its new key before the row has it, and, on the way to another partition, as the
-- only one. Where constraints are immediate that is too early to count.
begin
    perform set_config('pgscore.rekeyed', '', true);
    insert into {{queue}} (pgscore_binding, pgscore_task, pgscore_runs) select 0, 'rekeyed', 'commit'
    where exists (select from {{queue}} q where q.pgscore_transaction = pg_current_xact_id() and q.pgscore_task = 'rekey');
    return null;
end
$template$ $function$;

comment on function pgscore._rekey_template() is
    'Template: the trigger function that has profiles counted whose key has changed';
grant execute on function pgscore._rekey_template() to pgscore_reader;
