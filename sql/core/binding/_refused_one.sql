create function pgscore._refused_one(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'if (select b.on_error from pgscore.binding b where b.number = %1$s) = ''abort'' then
            raise exception ''model "%%" could not score 1 of 1 rows for %%: %%'', %2$L, %3$L, scored.reason
                using errcode = ''data_exception'', hint = %4$L;
        end if;
        insert into pgscore.stale_row as s (binding, key, reason) values (%1$s, %5$s, scored.reason)
        on conflict on constraint stale_row_pkey do update set reason = excluded.reason;',
        b.number, b.model, b.name, pgscore._abort_hint(), pgscore._key_text(b.profile_key, 'new')
    )
$$;

comment on function pgscore._refused_one(pgscore.binding) is 'What the trigger function of a profile table does with a row that could not be scored';
