create function pgscore._profile_triggers(profile regclass) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select p.owner, s.statement
    from pgscore.bound_profile p,
        -- A parent hands a trigger for each row on to its partitions; statement triggers each table has for itself.
        lateral (
            select
                _profile_triggers.profile as relation, pgscore._score_trigger_name(p.number)::text as name, 'score' as function,
                'before update' as fires, 'for each row' as details
            union all
            select r.relation, format('pgscore_%s_%s', p.number, t.name), t.function, t.fires, t.details
            from pgscore._partitions(_profile_triggers.profile) as r (relation),
                (values
                    ('arrive', 'arrive', 'after insert', 'referencing new table as pgscore_new for each statement'),
                    ('forget', 'forget', 'after delete', 'referencing old table as pgscore_old for each statement'),
                    ('forget_all', 'forget', 'after truncate', 'for each statement')
                ) as t (name, function, fires, details)
        ) t,
        lateral pgscore._trigger_statements(
            t.name, t.fires, t.relation, t.details, pgscore._generated_name(_profile_triggers.profile, 'profile', p.number, t.function),
            'Keeps counters and scores right when profiles themselves change'
        ) as s (statement)
    where p.profile = _profile_triggers.profile
$$;

comment on function pgscore._profile_triggers(regclass) is
    'What the owner of a profile table runs to have the triggers that its bindings need on it';
