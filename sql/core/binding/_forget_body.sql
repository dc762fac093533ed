create function pgscore._forget_body(profile regclass) returns text
language sql stable
set search_path = ''
as $$
    select 'begin ' || string_agg(
        format(
            'delete from pgscore.stale_row s using pgscore_old o where s.binding = %s and s.key = %s;',
            b.number, pgscore._key_text(b.profile_key, 'o')
        ), ' ' order by b.number
    ) || ' return null; end'
    from pgscore._bindings_of(profile) b
$$;

comment on function pgscore._forget_body(regclass) is 'The body of the trigger function that takes deleted profiles from the list of stale rows';
