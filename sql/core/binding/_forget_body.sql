create function pgscore._forget_body(profile regclass) returns text
language sql stable
set search_path = ''
as $$
    select format(
        'begin
            if tg_op = ''TRUNCATE'' then
                delete from pgscore.stale_row s where s.binding = any (%L);
            else
                %s
            end if;
            return null;
        end',
        array_agg(b.number),
        string_agg(
            format(
                'delete from pgscore.stale_row s using pgscore_old o where s.binding = %s and s.key = %s;',
                b.number, pgscore._key_text(b.profile_key, 'o')
            ), ' ' order by b.number
        )
    )
    from pgscore._bindings_of(profile) b
$$;

comment on function pgscore._forget_body(regclass) is 'The body of the trigger function that takes deleted profiles from the list of stale rows';
