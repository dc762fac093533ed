create function pgscore._rekey_one(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'if %1$s then
            -- What is listed for the row is listed under its new key.
            with former as (delete from pgscore.stale_row s where s.binding = %4$s and s.key = %6$s returning s.*)
            insert into pgscore.stale_row (binding, key, cause, reason, since)
            select f.binding, %5$s, f.cause, f.reason, f.since from former f where %2$s
            on conflict do nothing;
            insert into %3$s (binding, task, keys, deltas) select %4$s, ''rekey'', array[%5$s], array[%6$s] where %2$s;
        end if;',
        (select string_agg(format('old.%1$I is distinct from new.%1$I', k), ' or ') from unnest(b.profile_key) k),
        pgscore._key_present(b.profile_key, 'new'), pgscore._queue_name(b.profile_number), b.number,
        pgscore._key_text(b.profile_key, 'new'), pgscore._key_text(b.profile_key, 'old')
    )
$$;

comment on function pgscore._rekey_one(pgscore.binding) is
    'What the trigger function of a profile table does where a row gets another key: it is recounted when it is stored, and at commit, when its events have followed';
