create function pgscore._largest_sql_program() returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select 10000
$$;

comment on function pgscore._largest_sql_program() is
    'The largest size of a program that the sql engine takes: past it, planning takes longer than scoring saves';
