create function pgscore._score_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        '#variable_conflict use_column
        begin
            -- What pgscore wrote together with the score, and nothing that a trigger changes because of it.
            if pg_trigger_depth()::text = current_setting(''pgscore.scored'', true) then
                if exists (select from %s q where q.transaction = pg_current_xact_id() and q.task = ''scored'') then
                    return new;
                end if;
            end if;
            %s %s return new;
        end',
        pgscore._queue_name(p.number),
        (select string_agg(pgscore._rekey_one(b), ' ' order by b.number) from pgscore._bindings_of(p.profile) b),
        (select string_agg(pgscore._score_one(t), ' ' order by t.number) from pgscore._targets_of(p.profile) t)
    )
    from pgscore.bound_profile p where p.profile = _score_body.profile
$$;

comment on function pgscore._score_body(regclass) is
    'The body of the trigger function that scores a row of a profile table before it is stored, if what a model reads has changed';
