do $$
begin
    if exists (select from pgscore_trusted.trusted_key) and 'keys' <> all (regexp_split_to_array(coalesce(current_setting('pgscore.lose', true), ''), '[, ]+')) then
        raise exception 'trusted keys would be lost: %', (select string_agg(k.key_id, ', ' order by k.key_id) from pgscore_trusted.trusted_key k)
            using errcode = 'dependent_objects_still_exist',
                  hint = 'alembic -x lose=keys takes them away; `pgscore keys trust` brings them back.';
    end if;
end
$$;

-- The extension stays: other functions of the database may use it.
drop schema pgscore_trusted cascade;
