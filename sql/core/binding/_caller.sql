create function pgscore._caller() returns name
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- In a function that runs with its owner's rights current_user tells nothing of who called it.
    select coalesce(nullif(current_setting('role'), 'none'), session_user)::name
$$;

comment on function pgscore._caller() is 'The role that the session acts as, whatever rights the running function has';
