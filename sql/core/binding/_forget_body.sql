create function pgscore._forget_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select 'begin ' || string_agg(
        format(
            'if tg_op = ''TRUNCATE'' then
                delete from pgscore.stale_row s where s.binding = %1$s and not exists (select from %3$s p where %4$s);
            else
                delete from pgscore.stale_row s using pgscore_old o where s.binding = %1$s and s.key = %2$s;
            end if;',
            b.number, pgscore._key_text(b.profile_key, 'o'), b.profile, pgscore._key_match(b.profile, b.profile_key, 'p', 's.key')
        ), ' ' order by b.number
    ) || ' return null; end'
    from pgscore._bindings_of(profile) b
$$;

comment on function pgscore._forget_body(regclass) is 'The body of the trigger function that takes deleted profiles from the list of stale rows';
