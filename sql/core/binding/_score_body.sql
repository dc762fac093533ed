create function pgscore._score_body(profile regclass) returns text
language sql stable
set search_path = ''
as $$
    select format(
        'begin
            -- What pgscore wrote together with the score, and nothing that a trigger changes because of it.
            if pg_trigger_depth()::text = current_setting(''pgscore.scored'', true) and exists (
                select from %s q where q.transaction = pg_current_xact_id() and q.task = ''scored''
            ) then
                return new;
            end if; %s %s return new;
        end',
        pgscore._queue_name(p.number),
        (
            select string_agg(
                format(
                    'if tg_op = ''UPDATE'' and (%1$s) is distinct from (%2$s) then
                        delete from pgscore.stale_row s
                        where s.binding = %5$s and s.key = case when %3$s then %2$s else %1$s end;
                        if %3$s then
                            update pgscore.stale_row s set key = %2$s where s.binding = %5$s and s.key = %1$s;
                            insert into %4$s (binding, task, keys, deltas) values (%5$s, ''rekey'', array[%2$s], array[%1$s]);
                        end if;
                    end if; ',
                    pgscore._key_text(b.profile_key, 'old'), pgscore._key_text(b.profile_key, 'new'),
                    pgscore._key_present(b.profile_key, 'new'), pgscore._queue_name(p.number), b.number
                ), '' order by b.number
            )
            from pgscore._bindings_of(p.profile) b
        ),
        (select string_agg(pgscore._score_one(t), ' ' order by t.number) from pgscore._targets_of(p.profile) t)
    )
    from pgscore.bound_profile p where p.profile = _score_body.profile
$$;

comment on function pgscore._score_body(regclass) is
    'The body of the trigger function that scores a row of a profile table before it is stored, if what a model reads has changed';
