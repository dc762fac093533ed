create function pgscore._options_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when num_nulls(b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.timing, b.on_error, b.on_missing, b.log, b.changes) > 0
            then 'of the arguments only version, scored_at, max_scoring_ms, backfill, notify_above, notify_below and reasons may be NULL'
        -- The names stand in comments of what is generated.
        when b.events::text || b.profile ~ e'[\\n\\r]' then 'tables with a line break in their names cannot be attached'
        when b.model !~ '^[a-z_][a-z0-9_]*$' or octet_length(b.model) > 50 then format('"%s" is no name of a model', b.model)
        when b.timing not in ('commit', 'statement') then format('timing is commit or statement, not "%s"', b.timing)
        when b.on_error not in ('keep', 'abort') then format('on_error is keep or abort, not "%s"', b.on_error)
        when b.on_missing not in ('ignore', 'insert', 'error') then format('on_missing is ignore, insert or error, not "%s"', b.on_missing)
        when b.reasons is not null and (b.top is null or b.top <= 0) then format('top is a positive number of inputs, not %s', coalesce(b.top::text, 'NULL'))
        when b.max_scoring_ms <= 0 then format('max_scoring_ms is a positive number of milliseconds, not %s', b.max_scoring_ms)
        when 'NaN' in (b.notify_above, b.notify_below) then 'notify_above and notify_below are numbers, not NaN'
        when cardinality(b.event_key) = 0 or cardinality(b.event_key) <> cardinality(b.profile_key)
            or array_position(b.event_key, null) is not null or array_position(b.profile_key, null) is not null
            then 'event_key and profile_key name the same number of columns, at least one'
    end
$$;

comment on function pgscore._options_problem(pgscore.binding) is 'What is wrong with arguments of attach that stand for themselves; NULL where nothing is';
grant execute on function pgscore._options_problem(pgscore.binding) to pgscore_reader;

create function pgscore._refuse(problem text) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if problem is not null then
        raise exception '%', problem using errcode = 'invalid_parameter_value';
    end if;
end
$$;

comment on function pgscore._refuse(text) is 'Fails with a sentence that says what is wrong; does nothing for NULL';
grant execute on function pgscore._refuse(text) to pgscore_reader;
