create function pgscore._recounted() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Most sessions have never recounted, and are spared the time in text form.
    select 'coalesce(nullif(current_setting(''pgscore.recounted'', true), '''') = extract(epoch from statement_timestamp())::text, false)'
$$;

comment on function pgscore._recounted() is
    'SQL that says whether the apply function has recounted profiles in this statement of the client: events that were seen then may yet be handed over';
