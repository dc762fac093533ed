create function pgscore._score_one(b pgscore.binding) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    key constant text := pgscore._key_text(b.profile_key, 'new');
    filled constant text := pgscore._fill_generated(b.profile, 'scored.present');
begin
    return format(
        '<<scored>>
        declare
            present %1$s; answer double precision[]; alone pgscore.scored; reason text;
        begin
            scored.present := new; %2$s
            -- What can fail is apart from what writes: a block that only reads costs no transaction id. A conflict of
            -- transactions is no failure of the model.
            begin
                if tg_op = ''INSERT'' then
                    scored.answer := pgscore._rescore(%3$L, null::%1$s, scored.present, %10$s);
                else
                    scored.answer := pgscore._rescore(%3$L, old, scored.present, new.%4$I is null or not %10$s);
                end if;
                -- Refused, or not known to this session yet.
                if scored.answer is not null and scored.answer[1] is null then
                    scored.alone := pgscore._score_rows(%3$L, array[scored.present]);
                    scored.answer := array[(scored.alone).scores[1], (scored.alone).version];
                    scored.reason := (scored.alone).reasons[1];
                end if;
            exception
                when transaction_rollback then raise;
                when others then scored.reason := sqlerrm;
            end;
            if scored.reason is not null then
                %5$s
            elsif scored.answer is not null then
                new.%4$I := scored.answer[1]; %6$s
                delete from pgscore.stale_row s where s.binding = %7$s and s.key = %8$s and s.cause = ''score'';
                %9$s
            end if;
        end;',
        b.profile, filled, b.model, b.score,
        format(
            'if (select b.on_error from pgscore.binding b where b.number = %1$s) = ''abort'' then
                raise exception ''model "%%" could not score 1 of 1 rows for %%: %%'', %2$L, %3$L, scored.reason
                    using errcode = ''data_exception'', hint = %4$L;
            end if;
            insert into pgscore.stale_row as s (binding, key, reason) values (%1$s, %5$s, scored.reason)
            on conflict on constraint stale_row_pkey do update set reason = excluded.reason;',
            b.number, b.model, b.name, pgscore._abort_hint(), key
        ),
        concat('new.' || quote_ident(b.version) || ' := scored.answer[2]; ', 'new.' || quote_ident(b.scored_at) || ' := now();'),
        b.number, key,
        case when b.log then format(
            'insert into pgscore.prediction_log (model, version, binding, key, score)
            select b.model, scored.answer[2], b.name, %s, scored.answer[1] from pgscore.binding b where b.number = %s and b.log;',
            key, b.number
        ) end,
        pgscore._tied(b.profile)
    );
end
$$;

comment on function pgscore._score_one(pgscore.binding) is 'What the trigger function of a profile table does to score a row by the model of a binding';
