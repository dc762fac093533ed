create function pgscore._profile_triggers(b pgscore.binding) returns table (role regrole, statement text)
language sql stable
set search_path = ''
as $$
    select b.profile_owner, s.statement
    from (
        select p.relation, o.*
        from pgscore._partitions(b.profile) as p (relation),
            (values
                ('arrive', 'insert', 'referencing new table as pgscore_new for each statement'),
                (
                    -- pgscore's own update, at the depth that it tells, is left out; what triggers do because of it is not.
                    'refresh', 'update',
                    'referencing new table as pgscore_new old table as pgscore_old for each statement'
                    ' when (pg_catalog.pg_trigger_depth()::text'
                    ' is distinct from pg_catalog.current_setting(''pgscore.applying'', true))'
                )
            ) as o (what, operation, details)
        union all
        -- By row, because nothing else tells which row had which key. A parent hands it on to its partitions.
        select b.profile, 'rekey', 'update', format(
            'for each row when (%s)',
            (
                select string_agg(format('old.%1$I is distinct from new.%1$I', k.profile_key), ' or ' order by k.profile_key)
                from (select distinct o.profile_key from pgscore._bindings_of(b.profile) o) as k
            )
        )
    ) t,
    lateral (values
        (1, format(
            'create or replace trigger %I after %s on %s %s execute function %s()', 'pgscore_' || t.what, t.operation,
            t.relation, t.details, pgscore._generated_name(b.profile, b.profile_number, t.what)
        )),
        (2, format(
            'comment on trigger %I on %s is %L', 'pgscore_' || t.what, t.relation,
            'Keeps counters and scores right when profiles themselves change'
        ))
    ) as s (step, statement)
    order by t.relation, t.what, s.step
$$;

comment on function pgscore._profile_triggers(pgscore.binding) is
    'What the owner of a profile table runs to have the triggers that its bindings need on it';
