create function pgscore._abort_hint() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select 'The binding''s on_error is abort; with keep the row would be stored and listed stale.'
$$;

comment on function pgscore._abort_hint() is 'The hint of the error with which a binding fails a transaction whose rows cannot be scored';
