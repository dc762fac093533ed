create function pgscore._record_many(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'if num_nonnulls(variadic here.reasons_%1$s) > 0 then
            %2$s
        end if;
        delete from pgscore.stale_row s
        using unnest(here.names_%1$s, here.reasons_%1$s, here.versions_%1$s) as a (key, reason, version)
        where s.binding = %1$s and s.cause = ''score'' and s.key = a.key and a.reason is null and a.version is not null;
        %3$s',
        b.number,
        format(
            'if (select b.on_error from pgscore.binding b where b.number = %1$s) = ''abort'' then
                raise exception ''model "%%" could not score %% of %% rows for %%: %%'', %2$L,
                    num_nonnulls(variadic here.reasons_%1$s), cardinality(here.moved), %3$L,
                    (select min(r) from unnest(here.reasons_%1$s) r)
                    using errcode = ''data_exception'', hint = %4$L;
            end if;
            insert into pgscore.stale_row as s (binding, key, reason)
            select %1$s, a.key, a.reason from unnest(here.names_%1$s, here.reasons_%1$s) as a (key, reason)
            where a.reason is not null
            on conflict on constraint stale_row_pkey do update set reason = excluded.reason;',
            b.number, b.model, b.name, pgscore._abort_hint()
        ),
        case when b.log then format(
            'insert into pgscore.prediction_log (model, version, binding, key, score)
            select b.model, a.version, b.name, a.key, a.score
            from pgscore.binding b,
                unnest(here.names_%1$s, here.scores_%1$s, here.versions_%1$s, here.reasons_%1$s) as a (key, score, version, reason)
            where b.number = %1$s and b.log and a.reason is null and a.version is not null;', b.number
        ) end
    )
$$;

comment on function pgscore._record_many(pgscore.binding) is
    'What the apply function does to keep the prediction log and the list of stale rows for many rows';
