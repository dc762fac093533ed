create function pgscore._score_one(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    filled constant text := pgscore._fill_generated(b.profile, 'scored.present');
    present constant text := case when filled is null then 'new' else 'scored.present' end;
begin
    return format(
        '<<scored>>
        declare
            present %1$s; answer double precision[]; alone pgscore.scored; reason text;
        begin
            -- What can fail is apart from what writes: a block that only reads costs no transaction id. A conflict of
            -- transactions is no failure of the model.
            begin
                %2$s
                -- Where a counter has moved the model is asked, without the price of finding out what else has changed.
                if new.%4$I is null or %6$s then
                    scored.answer := case when %7$s then pgscore._rescore(%3$L, null::%1$s, %5$s, true) end;
                else
                    scored.answer := case when %7$s then pgscore._rescore(%3$L, old, %5$s, false) end;
                end if;
                if scored.answer is not null then
                    if scored.answer[1] is null then
                        -- Refused, or not known to this session yet.
                        scored.alone := pgscore._score_rows(%3$L, array[%5$s]);
                        scored.answer := array[(scored.alone).scores[1], (scored.alone).version];
                        scored.reason := (scored.alone).reasons[1];
                    end if;
                end if;
            exception
                when transaction_rollback then raise;
                when others then scored.reason := sqlerrm;
            end;
            if scored.reason is not null then
                %8$s
            elsif scored.answer is not null then
                new.%4$I := scored.answer[1]; %9$s
                %10$s
            end if;
        end;',
        b.profile, 'scored.present := new; ' || filled, b.model, b.score, present, pgscore._counters_moved(b.profile),
        pgscore._tied(b.profile), pgscore._refused_one(b),
        concat('new.' || quote_ident(b.version) || ' := scored.answer[2]; ', 'new.' || quote_ident(b.scored_at) || ' := now();'),
        pgscore._scored_one(b)
    );
end
$$;

comment on function pgscore._score_one(pgscore.binding) is 'What the trigger function of a profile table does to score a row by the model of a binding';
