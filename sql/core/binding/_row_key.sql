create function pgscore._row_key(profile regclass, profile_key name) returns name[]
language sql stable
set search_path = ''
as $$
    select coalesce(
        (
            select array_agg(a.attname order by k.ordinal)
            from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
            join pg_catalog.pg_attribute a on a.attnum = k.number
            where i.indrelid = profile and i.indisprimary and a.attrelid = profile
        ),
        array[profile_key]
    )
$$;

comment on function pgscore._row_key(regclass, name) is
    'The columns in whose order rows of a profile table are locked: its primary key, or the key of its binding';
