create function pgscore._recounted() returns text
language sql immutable
set search_path = ''
as $$
    select 'current_setting(''pgscore.recounted'', true) is not distinct from extract(epoch from statement_timestamp())::text'
$$;

comment on function pgscore._recounted() is
    'SQL that says whether the apply function has recounted profiles in this statement of the client: events that were seen then may yet be handed over';
