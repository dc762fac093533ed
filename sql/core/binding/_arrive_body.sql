create function pgscore._arrive_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select 'begin ' || string_agg(
        pgscore._hand_over(
            b, '''arrive''', format('array_agg(%s)', pgscore._key_text(b.profile_key, 'n')),
            '''{}''::text[]',
            format('from pgscore_new n where %s having count(*) > 0', pgscore._key_present(b.profile_key, 'n'))
        ), ' ' order by b.number
    ) || ' return null; end'
    from pgscore._bindings_of(profile) b
$$;

comment on function pgscore._arrive_body(regclass) is 'The body of the trigger function that has new profiles counted: their events may have come before them';
