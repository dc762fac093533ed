-- What tells of changes of scores: generated for profile tables of which a binding wants it, and for no other.

create function pgscore._threshold_sql(threshold double precision) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
-- All digits, whatever the session has set.
set extra_float_digits = 1
as $$
    select format('%L::double precision', threshold)
$$;

comment on function pgscore._threshold_sql(double precision) is 'SQL for a threshold';
grant execute on function pgscore._threshold_sql(double precision) to pgscore_reader;

create function pgscore._crosses_sql(b pgscore.binding, has_old boolean default true, has_new boolean default true) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- No score is neither above nor below.
    select string_agg(
        case
            when has_old and has_new then format('((old.%1$I %2$s) is true) <> ((new.%1$I %2$s) is true)', b.score, t.beyond)
            else format('(%s.%I %s) is true', case when has_old then 'old' else 'new' end, b.score, t.beyond)
        end, ' or ' order by t.step
    )
    from (values
        (1, '> ' || pgscore._threshold_sql(b.notify_above), b.notify_above), (2, '< ' || pgscore._threshold_sql(b.notify_below), b.notify_below)
    ) as t (step, beyond, threshold)
    where t.threshold is not null
$$;

comment on function pgscore._crosses_sql(pgscore.binding, boolean, boolean) is
    'SQL that says, in a trigger for rows, whether a score crosses a threshold of a binding; NULL where it has none';
grant execute on function pgscore._crosses_sql(pgscore.binding, boolean, boolean) to pgscore_reader;

create function pgscore._tell_triggers(profile regclass)
returns table (name text, function text, fires text, details text, is_on_each boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The first of all AFTER triggers: others may change the row again, and that is to be told after this. An event without a
    -- condition that holds costs a comparison. A condition names no key, or its type could not be changed any more.
    with bindings as (
        select b, b.changes, pgscore._crosses_sql(b) is not null as notifies, b.score
        from pgscore._bindings_of(profile) b where b.changes or num_nonnulls(b.notify_above, b.notify_below) > 0
    ),
    events as (
        select * from (values
            (1, '', 'update', true, true), (2, '_new', 'insert', false, true), (3, '_gone', 'delete', true, false)
        ) as e (step, ending, event, has_old, has_new)
    ),
    conditions as (
        select e.*, (
            select string_agg(distinct c.condition, ' or ')
            from (
                select case e.event
                    when 'update' then format('old.%1$I is distinct from new.%1$I', o.score)
                    else format('%s.%I is not null', case when e.has_old then 'old' else 'new' end, o.score)
                end as condition
                from bindings o where o.changes
                union all
                select 'current_setting(''pgscore.rekeyed'', true) = ''yes''' from bindings o where o.changes and e.event = 'update'
                union all
                select pgscore._crosses_sql(o.b, e.has_old, e.has_new) from bindings o where o.notifies
            ) c
        ) as told, (
            select string_agg(distinct pgscore._crosses_sql(o.b, e.has_old, e.has_new), ' or ') from bindings o where o.notifies
        ) as notified
        from events e
    )
    select '!pgscore_tell' || c.ending, 'tell', 'after ' || c.event, format('for each row when (%s)', c.told), false
    from conditions c where c.told is not null
    union all
    select 'pgscore_notify' || c.ending, 'notify', 'after ' || c.event, format('deferrable initially deferred for each row when (%s)', c.notified), false
    from conditions c where c.notified is not null
    union all
    select 'pgscore_tell_all', 'tell', 'before truncate', 'for each statement', true
    where exists (select from bindings o where o.changes)
$$;

comment on function pgscore._tell_triggers(regclass) is 'The triggers by which a profile table tells of scores that change; none where no binding wants it';
grant execute on function pgscore._tell_triggers(regclass) to pgscore_reader;

create function pgscore._known_here_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema has the functions, and may stand where the number is another binding's, or nobody's.
    select format('b.number = %s and b.profile = %s', b.number, case when pgscore._is_partitioned(b.profile) then 'pg_partition_root(tg_relid)' else 'tg_relid' end)
$$;

comment on function pgscore._known_here_sql(pgscore.binding) is 'SQL that says, in a trigger, whether the row b of pgscore.binding is the one that a function was generated for';
grant execute on function pgscore._known_here_sql(pgscore.binding) to pgscore_reader;

create function pgscore._tell_one_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select concat_ws(
        e'\n', pgscore._fill(pgscore._fits_one_template(), p.parts),
        case when b.changes then pgscore._fill(pgscore._change_one_template(), p.parts) end,
        case when pgscore._crosses_sql(b) is not null then pgscore._fill(pgscore._crossing_one_template(), p.parts) end
    )
    from (select jsonb_build_object(
        'profile', b.profile, 'score', quote_ident(b.score), 'known', pgscore._known_here_sql(b), 'bound', pgscore._bound_sql(b.profile),
        'unfit', pgscore._unfit_sql(b), 'read', concat_ws(
            ', ', 'new.' || quote_ident(b.score), 'new.' || quote_ident(b.version), pgscore._columns_sql(b.profile_key, 'new')
        ),
        'version', coalesce('new.' || quote_ident(b.version), 'null::integer'), 'moved', pgscore._changed_sql(b.profile_key),
        'crosses', coalesce(pgscore._crosses_sql(b), ''),
        'row_text', pgscore._key_text_sql(b.profile_key, 'p'), 'row_present', pgscore._present_sql(b.profile_key, 'p'),
        'old_text', pgscore._key_text_sql(b.profile_key, 'old'), 'old_present', pgscore._present_sql(b.profile_key, 'old'),
        'new_text', pgscore._key_text_sql(b.profile_key, 'new'), 'new_present', pgscore._present_sql(b.profile_key, 'new')
    ) as parts) p
    where b.changes or pgscore._crosses_sql(b) is not null
$$;

comment on function pgscore._tell_one_sql(pgscore.binding) is 'What the trigger function of a profile table does to tell of a score for a binding; NULL where it wants nothing told';
grant execute on function pgscore._tell_one_sql(pgscore.binding) to pgscore_reader;

create function pgscore._notify_one_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._notify_one_template(), jsonb_build_object(
        'number', b.number, 'profile', b.profile, 'model', quote_literal(b.model), 'score', quote_ident(b.score),
        'version', coalesce('p.' || quote_ident(b.version), 'null::integer'), 'crosses', pgscore._crosses_sql(b),
        'it_text', pgscore._key_text_sql(b.profile_key, 'it'), 'is_it', pgscore._match_sql(b.profile_key, 'p', b.profile_key, 'it'),
        'reached', concat_ws(
            ' or ',
            case when b.notify_above is not null then format('now_is.score > %1$s and (before.score > %1$s) is not true', pgscore._threshold_sql(b.notify_above)) end,
            case when b.notify_below is not null then format('now_is.score < %1$s and (before.score < %1$s) is not true', pgscore._threshold_sql(b.notify_below)) end
        )
    ))
    where pgscore._crosses_sql(b) is not null
$$;

comment on function pgscore._notify_one_sql(pgscore.binding) is 'What the deferred trigger function of a profile table does to notify of a score for a binding; NULL where it has no threshold';
grant execute on function pgscore._notify_one_sql(pgscore.binding) to pgscore_reader;

create function pgscore._tell_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.statement
    from (
        select string_agg(pgscore._tell_one_sql(o), e'\n' order by o.number) as tellings, string_agg(pgscore._notify_one_sql(o), e'\n' order by o.number) as notifications
        from pgscore._bindings_of(b.profile) o
    ) c,
        lateral (values
            (1, 'tell', pgscore._tell_template(), 'tells of scores of %s that change', c.tellings),
            (2, 'notify', pgscore._notify_template(), 'notifies of scores of %s that have crossed a threshold', c.notifications)
        ) as t (step, what, template, says, parts),
        lateral pgscore._function_sql(
            pgscore._profile_object(b, t.what) || '()', 'trigger', 'plpgsql volatile',
            pgscore._fill(t.template, jsonb_build_object('profile', b.profile, 'tellings', c.tellings, 'notifications', c.notifications)), format(t.says, b.profile), b.owner
        ) with ordinality as s (statement, ordinal)
    where t.parts is not null
    order by t.step, s.ordinal
$$;

comment on function pgscore._tell_functions_sql(pgscore.binding) is 'What makes the functions by which a profile table tells of scores; nothing where no binding wants it';
grant execute on function pgscore._tell_functions_sql(pgscore.binding) to pgscore_reader;
