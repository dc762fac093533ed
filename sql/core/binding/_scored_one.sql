create function pgscore._scored_one(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        -- The list is empty but for bad days, and an empty table is told apart sooner than searched.
        'if pg_relation_size(''pgscore.stale_row'') > 0 then
            delete from pgscore.stale_row s where s.binding = %1$s and s.key = %2$s and s.cause = ''score'';
        end if; ', b.number, pgscore._key_text(b.profile_key, 'new')
    ) || case when b.log then format(
        'insert into pgscore.prediction_log (model, version, binding, key, score)
        select b.model, scored.answer[2], b.name, %2$s, scored.answer[1] from pgscore.binding b where b.number = %1$s and b.log;',
        b.number, pgscore._key_text(b.profile_key, 'new')
    ) else '' end
$$;

comment on function pgscore._scored_one(pgscore.binding) is 'What the trigger function of a profile table does when a row was scored: it keeps the list of stale rows and the log';
