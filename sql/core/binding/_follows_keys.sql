create function pgscore._follows_keys(events regclass, profile regclass) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_catalog.pg_constraint c
        where c.contype = 'f' and c.conrelid = events and c.confrelid = profile and c.confupdtype = 'c'
    )
$$;

comment on function pgscore._follows_keys(regclass, regclass) is
    'Whether events follow a profile whose key changes, by a foreign key on update cascade';
