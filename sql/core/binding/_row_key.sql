create function pgscore._row_key(profile regclass) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._primary_key(profile),
        (select b.profile_key from pgscore._bindings_of(profile) b order by b.number limit 1)
    )
$$;

comment on function pgscore._row_key(regclass) is
    'The columns that identify rows of a profile table, in whose order they are locked: its primary key, or the key of its first binding';
