create function pgscore._record_many(b pgscore.binding) returns text
language sql stable
set search_path = ''
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
        case b.on_error
            when 'abort' then format(
                'raise exception ''model "%%" could not score %% of %% rows for %%: %%'', %L,
                    num_nonnulls(variadic here.reasons_%s), cardinality(here.moved), %L,
                    (select min(r) from unnest(here.reasons_%s) r)
                    using errcode = ''data_exception'', hint = %L;', b.model, b.number, b.name, b.number, pgscore._abort_hint()
            )
            else format(
                'insert into pgscore.stale_row as s (binding, key, reason)
                select %1$s, a.key, a.reason from unnest(here.names_%1$s, here.reasons_%1$s) as a (key, reason)
                where a.reason is not null
                on conflict on constraint stale_row_pkey do update set reason = excluded.reason;', b.number
            )
        end,
        case when b.log then format(
            'insert into pgscore.prediction_log (model, version, binding, key, score)
            select %L, a.version, %L, a.key, a.score
            from unnest(here.names_%3$s, here.scores_%3$s, here.versions_%3$s, here.reasons_%3$s) as a (key, score, version, reason)
            where a.reason is null and a.version is not null;', b.model, b.name, b.number
        ) end
    )
$$;

comment on function pgscore._record_many(pgscore.binding) is
    'What the apply function does to keep the prediction log and the list of stale rows for many rows';
