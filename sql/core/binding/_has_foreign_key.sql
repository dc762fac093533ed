create function pgscore._has_foreign_key(events regclass, event_key name, profile regclass, profile_key name) returns boolean
language sql stable
set search_path = ''
as $$
    select exists (
        select from pg_catalog.pg_constraint c
        where c.contype = 'f' and c.conrelid = events and c.confrelid = profile and c.convalidated
            and c.conkey = array[(pgscore._column(events, event_key)).attnum]
            and c.confkey = array[(pgscore._column(profile, profile_key)).attnum]
    )
$$;

comment on function pgscore._has_foreign_key(regclass, name, regclass, name) is
    'Whether the database itself sees to it that no event comes without its profile';
