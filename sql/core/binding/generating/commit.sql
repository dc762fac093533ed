create function pgscore._moved_sql(b pgscore.binding, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        format('%I = %s', r.target, pgscore._fill(r.grown, jsonb_build_object(
            'present', format('p.%I', r.target), 'delta', format('%s.%I', source, r.target)
        ))), ', ' order by r.ordinal
    )
    from pgscore._reducers_of(b) r
    having not bool_or(r.kind = 'look')
$$;

comment on function pgscore._moved_sql(pgscore.binding, text) is
    'SQL for what an UPDATE sets counters of a profile, p, to; NULL where a reducer has to look at the events';
grant execute on function pgscore._moved_sql(pgscore.binding, text) to pgscore_reader;

create function pgscore._alone_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._alone_update_template(), jsonb_build_object(
        'number', b.number, 'recounted', pgscore._recounted_sql(), 'profile', b.profile, 'moved', pgscore._moved_sql(b, 'here.one'),
        'match', pgscore._match_sql(b.profile_key, 'p', b.profile_key, 'here.one'),
        'nothing', (
            select format(e'if %s then\n    return null;\nend if;', string_agg(format('coalesce(one.%I, 0) = 0', r.target), ' and ' order by r.ordinal))
            from pgscore._reducers_of(b) r
            having bool_and(r.kind = 'add') and b.on_missing = 'ignore'
        )
    ))
    where pgscore._moved_sql(b, 'here.one') is not null
$$;

comment on function pgscore._alone_sql(pgscore.binding) is
    'What the function of a queue does with new events of one profile; NULL where a reducer has to look at the events';
grant execute on function pgscore._alone_sql(pgscore.binding) to pgscore_reader;

create function pgscore._take_rest_sql(profile regclass, queue text, later text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    numbers integer[];
    targets name[];
    keys name[];
begin
    -- Deltas that add up make one of many rows of a profile.
    select array_agg(distinct b.number), array_agg(distinct r.target)
    into numbers, targets
    from pgscore._bindings_of(profile) b, pgscore._reducers_of(b) r
    where not exists (select from pgscore._reducers_of(b) o where o.kind <> 'add');
    keys := array(
        select distinct k from pgscore._bindings_of(profile) b, unnest(b.profile_key) k where b.number = any (numbers) order by k
    );
    return pgscore._fill(pgscore._take_rest_template(), jsonb_build_object(
        'queue', queue, 'later', later,
        'sums', case when numbers is not null then format(
            e',\n    bool_and((t.work).pgscore_binding = here.one.pgscore_binding and (t.work).pgscore_task = ''move'' and here.one.pgscore_task = ''move''\n'
            '        and here.one.pgscore_binding in (%s)%s)%s',
            array_to_string(numbers, ', '),
            (select string_agg(format(' and (t.work).%1$I is not distinct from here.one.%1$I', k), '') from unnest(keys) k),
            (select string_agg(format(e',\n    sum((t.work).%I)', t), '') from unnest(targets) t)
        ) end,
        'rest', case when numbers is null then 'rest' else
            'rest, same' || (select string_agg(format(', more.%I', t), '') from unnest(targets) t) end,
        'merge', case when numbers is not null then pgscore._fill(pgscore._merge_rest_template(), jsonb_build_object('added', (
            select string_agg(format('one.%1$I := coalesce(one.%1$I + more.%1$I, one.%1$I, more.%1$I);', t), e'\n') from unnest(targets) t
        ))) end
    ));
end
$$;

comment on function pgscore._take_rest_sql(regclass, text, text) is 'What the function of a queue does to take what other statements of the transaction queued';
grant execute on function pgscore._take_rest_sql(regclass, text, text) to pgscore_reader;

create function pgscore._sequence(queue regclass) returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Unlike pg_get_serial_sequence it wants no right on the schema.
    select d.objid::regclass
    from pg_catalog.pg_depend d join pg_catalog.pg_class c on c.oid = d.objid and c.relkind = 'S'
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = queue and d.deptype = 'i'
        and d.refobjsubid = (pgscore._column(queue, 'pgscore_id')).attnum
$$;

comment on function pgscore._sequence(regclass) is 'The sequence that numbers the rows of a queue';
grant execute on function pgscore._sequence(regclass) to pgscore_reader;

create function pgscore._commit_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    queue constant text := pgscore._profile_object(b, 'queue');
    later constant text := 'q.pgscore_id > case new.pgscore_task when ''rekeyed'' then 0 else new.pgscore_id end';
    updates constant text := (
        select string_agg(pgscore._alone_sql(o), e'\n' order by o.number) from pgscore._bindings_of(b.profile) o
    );
    -- The same text, whichever of the bindings it is made for.
    first constant pgscore.binding := (select o from pgscore._bindings_of(b.profile) o order by o.number limit 1);
    is_guarded constant boolean := exists (select from pgscore._bindings_of(b.profile) o where pgscore._is_partitioned(o.events));
    alone text;
    others text;
    in_order text;
begin
    -- All profile tables of the owner, in one order for all transactions.
    select
        string_agg(
            format(' and not exists (select from %s q where q.pgscore_transaction = new.pgscore_transaction)', pgscore._profile_object(o, 'queue')), ''
            order by o.profile::oid
        ) filter (where o.profile <> b.profile),
        string_agg(
            case when o.profile = b.profile then format('perform %s(one || rest);', pgscore._profile_object(o, 'apply'))
            else format(
                e'if exists (select from %s q where q.pgscore_transaction = new.pgscore_transaction) then\n    perform %s(null);\nend if;',
                pgscore._profile_object(o, 'queue'), pgscore._profile_object(o, 'apply')
            ) end, e'\n' order by o.profile::oid
        )
    into others, in_order
    from (
        select distinct on (o.profile) o.* from pgscore.binding o
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.profile)
        order by o.profile, o.number
    ) o;
    if updates is not null then
        alone := pgscore._fill(pgscore._alone_template(), jsonb_build_object('and_no_other', others, 'updates', updates));
    end if;
    return query select * from pgscore._function_sql(
        pgscore._profile_object(b, 'commit') || '()', 'trigger', 'plpgsql volatile',
        pgscore._fill(pgscore._commit_template(), jsonb_build_object(
            'profile', b.profile, 'queue', queue, 'later', later, 'number', first.number, 'events', quote_literal(first.events),
            'and_others', case when others is not null then format(', and for the other tables of %s, in one order of tables', b.owner) end,
            'declared', case when exists (
                select from pgscore._bindings_of(b.profile) o
                where not exists (select from pgscore._reducers_of(o) r where r.kind <> 'add')
            ) then format(e'more %s;\nsame boolean;', queue) end,
            -- Where constraints are immediate the row is not stored yet.
            'not_yet', e'if new.pgscore_task = ''rekey'' and pg_trigger_depth() > 1 then\n    return null;\nend if;',
            'take_rest', pgscore._take_rest_sql(b.profile, queue, replace(later, 'q.', 'pgscore_row.')),
            'sequence', format('%L::regclass', pgscore._sequence(pgscore._profile_relation(b, 'queue'))),
            -- What is wrong with the columns of the profile has been found when the event was queued, but for partitions.
            'alone', case when not is_guarded then alone end, 'alone_guarded', case when is_guarded then alone end,
            'in_order', in_order
        )),
        format('does at commit what is queued for %s', b.profile), b.owner
    );
end
$$;

comment on function pgscore._commit_sql(pgscore.binding) is 'What makes the function of a queue that does at commit what a transaction queued';
grant execute on function pgscore._commit_sql(pgscore.binding) to pgscore_reader;

create function pgscore._run_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from (select o.number, o.events from pgscore._bindings_of(b.profile) o order by o.number limit 1) first,
        pgscore._function_sql(
            pgscore._profile_object(b, 'run') || '()', 'trigger', 'plpgsql volatile',
            pgscore._fill(pgscore._run_template(), jsonb_build_object(
                'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'), 'apply', pgscore._profile_object(b, 'apply'),
                'number', first.number, 'events', quote_literal(first.events)
            )),
            format('does what a statement brings to %s by many bindings', b.profile), b.owner
        ) s
    where pgscore._is_wanted(b, 'run')
$$;

comment on function pgscore._run_sql(pgscore.binding) is 'What makes the function that does what a statement brings by many bindings';
grant execute on function pgscore._run_sql(pgscore.binding) to pgscore_reader;
