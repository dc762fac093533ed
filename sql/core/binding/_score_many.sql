create function pgscore._score_many(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'here.began := clock_timestamp();
        for start in 1 .. cardinality(here.moved) by 1000 loop
            here.size := least(1000, cardinality(here.moved) - start + 1);
            here.answer := null;
            here.failure := null;
            if %2$s then
                here.failure := %3$L;
            else
                begin
                    here.answer := pgscore._score_rows(%4$L, here.moved[start : start + here.size - 1]);
                exception
                    when transaction_rollback then raise;
                    when others then here.failure := sqlerrm;
                end;
            end if;
            here.scores_%1$s := here.scores_%1$s || coalesce((here.answer).scores, array_fill(null::double precision, array[here.size]));
            here.versions_%1$s := here.versions_%1$s || array_fill((here.answer).version, array[here.size]);
            here.reasons_%1$s := here.reasons_%1$s || coalesce((here.answer).reasons, array_fill(here.failure, array[here.size]));
        end loop;
        here.names_%1$s := array(select %5$s from unnest(here.moved) m where %7$s);
        %6$s ',
        b.number,
        coalesce('start > 1 and clock_timestamp() >= here.began + interval ''' || b.max_scoring_ms || ' milliseconds''', 'false'),
        format('scoring took longer than the binding''s max_scoring_ms, %s', b.max_scoring_ms),
        b.model, pgscore._key_text(b.profile_key, 'm'), pgscore._record_many(b),
        pgscore._tied(b.profile)
    )
$$;

comment on function pgscore._score_many(pgscore.binding) is
    'What the apply function does to have many rows scored by the model of a binding, a thousand at a time';
