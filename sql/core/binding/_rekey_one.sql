create function pgscore._rekey_one(b pgscore.binding) returns text
language sql stable
set search_path = ''
as $$
    select format(
        'if (%1$s) and %2$s then
            insert into %3$s (binding, task, keys, deltas) values (%4$s, ''rekey'', array[%5$s], array[%6$s]);
            update pgscore.stale_row s set key = %5$s
            where s.binding = %4$s and s.key = %6$s and not exists (
                select from pgscore.stale_row o where o.binding = %4$s and o.key = %5$s
            );
        end if;',
        (select string_agg(format('old.%1$I is distinct from new.%1$I', k), ' or ') from unnest(b.profile_key) k),
        pgscore._key_present(b.profile_key, 'new'), pgscore._queue_name(b.profile_number), b.number,
        pgscore._key_text(b.profile_key, 'new'), pgscore._key_text(b.profile_key, 'old')
    )
$$;

comment on function pgscore._rekey_one(pgscore.binding) is
    'What the trigger function of a profile table does where a row gets another key: it is recounted at commit, when its events have followed';
