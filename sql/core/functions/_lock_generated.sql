create function pgscore._lock_generated() returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pg_advisory_xact_lock(hashtextextended('pgscore generated functions', 0))
$$;

comment on function pgscore._lock_generated() is
    'Until the transaction ends no other one replaces generated functions: two would meet in the catalog';
