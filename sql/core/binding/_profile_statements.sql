create function pgscore._profile_statements(profile regclass) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.role, s.statement
    from pgscore.bound_profile p,
        (values
            (1, 'apply', '(work pgscore.work[])', 'void', pgscore._apply_body(profile), 'Moves counters of %s and stores scores, in one UPDATE'),
            (2, 'drain', '()', 'void', pgscore._drain_body(profile), 'Does what a transaction queued for %s'),
            (3, 'score', '()', 'trigger', pgscore._score_body(profile), 'Scores rows of %s in which what a model reads has changed'),
            (4, 'arrive', '()', 'trigger', pgscore._arrive_body(profile), 'Has new rows of %s counted'),
            (5, 'forget', '()', 'trigger', pgscore._forget_body(profile), 'Takes deleted rows of %s from the list of stale rows')
        ) as f (step, what, arguments, returns, body, says),
        lateral pgscore._function_statements(
            p.owner, pgscore._generated_name(profile, 'profile', p.number, f.what) || f.arguments, f.returns, 'plpgsql volatile',
            f.body, format(f.says, profile),
            case f.what
                -- Who is told to do it and is not told what.
                when 'drain' then array['pgscore_applier'::regrole]
                when 'apply' then array(select distinct b.events_owner from pgscore._bindings_of(profile) b)
                else '{}'
            end
        ) with ordinality as s (role, statement, ordinal)
    where p.profile = _profile_statements.profile
    order by f.step, s.ordinal
$$;

comment on function pgscore._profile_statements(regclass) is
    'What the owner of a profile table runs to have the functions that its bindings need';
