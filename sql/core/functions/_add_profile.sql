create function pgscore._add_profile(profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pgscore._lock_generated();
    perform pgscore._generate_dispatch(profile);
end
$$;

comment on function pgscore._add_profile(regclass) is
    'Makes pgscore.score for rows of a table, before any model is promoted, so that a promotion only replaces it';
