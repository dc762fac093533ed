-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

-- What tables tell of their scores calls what goes here, and would fail each change of a score.
do $$
declare
    names text;
begin
    select string_agg(b.name, ', ' order by b.name) into names
    from pgscore.binding b where b.changes or b.notify_above is not null or b.notify_below is not null;
    if names is not null then
        raise exception 'scores of % are told by pgscore.score_change or NOTIFY, which the former release does not have', names
            using errcode = 'object_in_use', hint = 'Attach them again without notify_above, notify_below and changes, or detach them.';
    end if;
end
$$;

alter table pgscore.binding drop column notify_above, drop column notify_below, drop column changes;

-- Before the former ones: a call would find two.
drop function pgscore.attach(model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name, version name, scored_at name, timing text, on_error text, on_missing text, max_scoring_ms integer, log boolean, backfill boolean, without_index boolean, notify_above double precision, notify_below double precision, changes boolean);
drop function pgscore.attach(model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name, version name, scored_at name, timing text, on_error text, on_missing text, max_scoring_ms integer, log boolean, backfill boolean, without_index boolean, notify_above double precision, notify_below double precision, changes boolean);

grant insert (
    name, owner, events, profile, model, event_key, profile_key, reducers, score, version, scored_at, timing, on_error, on_missing,
    max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix, columns
) on pgscore.binding to pgscore_reader;

grant update (
    owner, event_key, profile_key, reducers, score, version, scored_at, columns, timing, on_error, on_missing, max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix
) on pgscore.binding to pgscore_reader;

create or replace function pgscore._trigger_sql(name text, fires text, relation regclass, details text, function text, says text) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.statement
    from (values
        (1, format('create or replace trigger %I %s on %s %s execute function %s()', name, fires, relation, details, function)),
        (2, format(
            'comment on trigger %I on %s is %L', name, relation, format('pgscore: %s (%s)', says, pgscore._trigger_hash(fires, details))
        ))
    ) as s (step, statement)
    order by s.step
$$;

create or replace function pgscore._profile_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select f.statement
    from (
        select 1 as step, 'apply' as what, f.statement, f.ordinal from pgscore._apply_sql(b) with ordinality as f (statement, ordinal)
        union all
        select 2, 'commit', f.statement, f.ordinal from pgscore._commit_sql(b) with ordinality as f (statement, ordinal)
        union all
        select t.step, t.what, s.statement, s.ordinal
        from (
            select
                jsonb_build_object('profile', b.profile, 'queue', pgscore._profile_object(b, 'queue')) as common,
                string_agg(pgscore._rekey_one_sql(o), e'\n' order by o.number) as rekeys,
                string_agg(
                    pgscore._fill(pgscore._arrive_one_template(), jsonb_build_object(
                        'queue', pgscore._profile_object(o, 'queue'), 'number', o.number, 'timing', o.timing,
                        'columns', pgscore._columns_sql(o.profile_key), 'values', pgscore._columns_sql(o.profile_key, 'n'),
                        'fits', (
                            select string_agg(format('n.%1$I = null::%2$s, q.%1$I', k.name, k.type), ', ' order by k.ordinal)
                            from rows from (unnest(o.profile_key), unnest(pgscore._key_types(o.profile, o.profile_key))) with ordinality as k (name, type, ordinal)
                        ), 'unfit', pgscore._unfit_sql(o),
                        'present', pgscore._present_sql(o.profile_key, 'n')
                    )), e'\n' order by o.number
                ) as arrivals,
                string_agg(
                    pgscore._fill(pgscore._forget_one_template(), jsonb_build_object(
                        'number', o.number, 'profile', o.profile, 'key_text', pgscore._key_text_sql(o.profile_key, 'p'), 'unfit', pgscore._unfit_sql(o),
                        'former_text', pgscore._key_text_sql(o.profile_key, 'o')
                    )), e'\n' order by o.number
                ) as deletions
            from pgscore._bindings_of(b.profile) o
        ) c,
            lateral (values
                (3, 'score', pgscore._score_template(), 'scores rows of %s in which what a model reads has changed', jsonb_build_object(
                    'rekeys', c.rekeys,
                    'scores', (select string_agg(pgscore._score_one_sql(t), e'\n' order by t.number) from pgscore._targets_of(b.profile) t)
                )),
                (4, 'arrive', pgscore._arrive_template(), 'has new rows of %s counted', jsonb_build_object('arrivals', c.arrivals)),
                (5, 'forget', pgscore._forget_template(), 'takes deleted rows of %s from the list of stale rows', jsonb_build_object('deletions', c.deletions)),
                (6, 'rekey', pgscore._rekey_template(), 'has rows of %s counted whose key has changed', '{}')
            ) as t (step, what, template, says, parts),
            lateral pgscore._function_sql(
                pgscore._profile_object(b, t.what) || '()', 'trigger', 'plpgsql volatile', pgscore._fill(t.template, c.common || t.parts),
                format(t.says, b.profile), b.owner
            ) with ordinality as s (statement, ordinal)
    ) f
    order by f.step, f.ordinal
$$;

create or replace function pgscore._profile_triggers(b pgscore.binding)
returns table (step integer, name text, fires text, relation regclass, details text, function text, says text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select t.step, t.name, t.fires, t.relation, t.details, pgscore._profile_object(b, t.function),
        format('keeps counters and scores of %s right when its rows themselves change', b.profile),
        pgscore._trigger_state(t.name, t.fires, t.relation, t.details, pgscore._procedure(b.profile_schema, b.profile_prefix || '_' || t.function))
    from (
        -- A parent hands a trigger for each row on to its partitions; statement triggers each table has for itself. Triggers
        -- fire in the order of their names: the one that scores comes last, and sees what the others made of the row.
        select 1 as step, b.profile as relation, '~pgscore_score' as name, 'score' as function, 'before update' as fires, 'for each row' as details
        union all
        select 2, r.relation, t.name, t.function, t.fires, t.details
        from pgscore._partitions(b.profile) as r (relation),
            lateral (values
                ('pgscore_arrive', 'arrive', 'after insert', 'referencing new table as pgscore_new for each statement'),
                ('pgscore_forget', 'forget', 'after delete', 'referencing old table as pgscore_old for each statement'),
                ('pgscore_forget_all', 'forget', 'after truncate', 'for each statement'),
                -- It names no column, or PostgreSQL would refuse to change the type of a key. The trigger that scores has seen
                -- whether a key changes; pgscore's own updates, which are most, do not run it.
                (
                    'pgscore_rekey', 'rekey', 'after update',
                    'for each statement when (current_setting(''pgscore.rekeyed'', true) = ''yes'')'
                )
            ) as t (name, function, fires, details)
    ) t
$$;

-- core/binding/problems/options.sql
create or replace function pgscore._options_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when num_nulls(b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.timing, b.on_error, b.on_missing, b.log) > 0
            then 'of the arguments only version, scored_at, max_scoring_ms and backfill may be NULL'
        -- The names stand in comments of what is generated.
        when b.events::text || b.profile ~ e'[\\n\\r]' then 'tables with a line break in their names cannot be attached'
        when b.model !~ '^[a-z_][a-z0-9_]*$' or octet_length(b.model) > 50 then format('"%s" is no name of a model', b.model)
        when b.timing not in ('commit', 'statement') then format('timing is commit or statement, not "%s"', b.timing)
        when b.on_error not in ('keep', 'abort') then format('on_error is keep or abort, not "%s"', b.on_error)
        when b.on_missing not in ('ignore', 'insert', 'error') then format('on_missing is ignore, insert or error, not "%s"', b.on_missing)
        when b.max_scoring_ms <= 0 then format('max_scoring_ms is a positive number of milliseconds, not %s', b.max_scoring_ms)
        when cardinality(b.event_key) = 0 or cardinality(b.event_key) <> cardinality(b.profile_key)
            or array_position(b.event_key, null) is not null or array_position(b.profile_key, null) is not null
            then 'event_key and profile_key name the same number of columns, at least one'
    end
$$;

-- core/binding/problems/tables.sql
create or replace function pgscore._tables_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wrong record;
    found_column pg_catalog.pg_attribute;
begin
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c
    where c.oid in (b.events, b.profile) and (c.relkind not in ('r', 'p') or c.relpersistence <> 'p');
    if found then
        return format('%s is no ordinary table: views, foreign, temporary and unlogged tables cannot be attached', wrong.relation);
    elsif b.events = b.profile then
        return 'a table cannot be attached to itself';
    elsif exists (select from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile)) then
        return format(
            'table %s is a partition or inherits: attach its parent',
            (select i.inhrelid::regclass from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile) limit 1)
        );
    end if;
    -- The parent's DELETE sees the rows of children, and an INSERT into a child fires no trigger of the parent's.
    select c.oid::regclass as relation, i.inhrelid::regclass as child into wrong
    from pg_catalog.pg_class c join pg_catalog.pg_inherits i on i.inhparent = c.oid
    where c.oid in (b.events, b.profile) and c.relkind = 'r' limit 1;
    if found then
        return format('table %s has a child, %s, that inherits from it, and rows of children cannot be counted right: use partitions', wrong.relation, wrong.child);
    end if;
    -- Rows that are hidden from their owner would be taken for rows that are not there.
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c where c.oid in (b.events, b.profile) and c.relforcerowsecurity limit 1;
    if found then
        return format(
            'row-level security of table %1$s hides rows from its owner, so its events cannot be counted; run: alter table %1$s no force row level security', wrong.relation
        );
    end if;
    select a.attrelid::regclass as relation, a.attname as name into wrong
    from pg_catalog.pg_attribute a
    where a.attrelid in (b.events, b.profile) and a.attnum > 0 and not a.attisdropped
        and (a.attname in ('pgscore_row', 'pgscore_sign', 'pgscore_transaction', 'pgscore_id', 'pgscore_binding', 'pgscore_task', 'pgscore_runs', 'pgscore_state',
            'pgscore_arrived', 'pgscore_undone', 'pgscore_absolute') or a.attname ~ '^pgscore_former_' or a.attname ~ e'[\\n\\r]')
    limit 1;
    if found then
        return format('column "%s" of table %s has a name that pgscore uses itself: rename it', wrong.name, wrong.relation);
    end if;
    for wrong in
        select n.name, n.type
        from (values (b.score, 'double precision'), (b.version, 'integer'), (b.scored_at, 'timestamp with time zone')) n (name, type)
        where n.name is not null
    loop
        found_column := pgscore._column(b.profile, wrong.name);
        if found_column.attname is null then
            return format(
                'table %1$s has no column "%2$s"; run: alter table %1$s add column %2$I %3$s', b.profile, wrong.name, wrong.type
            );
        elsif found_column.atttypid <> wrong.type::regtype or found_column.attgenerated <> '' or found_column.attnotnull then
            return format('column "%s" of table %s must be %s, nullable and not generated', wrong.name, b.profile, wrong.type);
        end if;
    end loop;
    return null;
end
$$;

-- core/binding/generate.sql
create or replace function pgscore._leftover_triggers(b pgscore.binding) returns table (name name, relation regclass)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema brings triggers along, a renamed table keeps them, and so does a partition that was detached:
    -- what no binding accounts for would count a second time.
    with wanted as (
        select r.relation, t.name
        from pgscore.binding o, pgscore._partitions(o.events) as r (relation),
            unnest(array['insert', 'update', 'delete', 'row', 'truncate']) as w (what),
            lateral (select substr(o.event_prefix::text || '_' || w.what, 2) as name) t
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.events)
        union all
        select r.relation, t.name
        from pgscore.binding o, pgscore._partitions(o.profile) as r (relation),
            unnest(array['~pgscore_score', 'pgscore_arrive', 'pgscore_forget', 'pgscore_forget_all', 'pgscore_rekey']) as t (name)
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.profile)
    )
    select t.tgname, t.tgrelid::regclass
    from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid join pg_catalog.pg_class c on c.oid = t.tgrelid
    where c.relowner = b.owner and t.tgname ~ '^~?pgscore_' and p.proname ~ '^_pgscore_' and not t.tgisinternal
        -- Of other tables only such as were partitions of these.
        and (
            c.oid in (b.events, b.profile)
            or p.oid in (select g.tgfoid from pg_catalog.pg_trigger g where g.tgrelid in (b.events, b.profile))
        )
        and not exists (select from wanted w where w.relation = t.tgrelid and w.name = t.tgname)
$$;

create or replace function pgscore._taken_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format('%s stands where pgscore would make a table of its own, and is none of pgscore''s: rename it', o.name)
    from (values (pgscore._profile_object(b, 'queue'), pgscore._profile_relation(b, 'queue')), (pgscore._profile_object(b, 'arrival'), pgscore._profile_relation(b, 'arrival'))) as o (name, relation)
    join pg_catalog.pg_class c on c.oid = o.relation
    where c.relowner <> b.owner or c.relkind <> 'r' or coalesce(obj_description(c.oid, 'pg_class'), '') !~ '^pgscore: '
    union all
    select format('function %s stands where pgscore would make one, and belongs to %s: drop it', p.oid::regprocedure, p.proowner::regrole)
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where p.proowner <> b.owner and (
        (n.nspname = b.event_schema and p.proname in (select b.event_prefix || '_' || w from unnest(array['insert', 'update', 'delete', 'row', 'truncate', 'recount', 'reconcile']) w))
        or (n.nspname = b.profile_schema and p.proname in (select b.profile_prefix || '_' || w from unnest(array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey']) w))
    )
    limit 1
$$;

create or replace function pgscore._former_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Their arguments follow keys, reducers and columns: one with others would stay beside the new one.
    select format('drop function if exists %s', p.oid::regprocedure)
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where p.proowner = b.owner and (
        (n.nspname = b.event_schema and p.proname in (b.event_prefix || '_recount', b.event_prefix || '_reconcile'))
        or (n.nspname = b.profile_schema and p.proname = b.profile_prefix || '_apply')
    )
$$;

-- core/binding/compare.sql
create or replace function pgscore._function_states(b pgscore.binding) returns table (object text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with statements as (
        select s from pgscore._event_functions_sql(b) s
        union all select s from pgscore._reconcile_sql(b) s
        union all select s from pgscore._profile_functions_sql(b) s
    ),
    wanted as (
        select n.schema, n.name, c.s as makes, substring(m.s from '[(]([0-9a-f]{32})[)]''$') as hash, split_part(c.s, e'\n', 2) as posture
        from (
            select b.event_schema as schema, b.event_prefix || '_' || w as name
            from unnest(case when pgscore._is_partitioned(b.events) then array['row'] else array['insert', 'update', 'delete'] end
                || array['truncate', 'recount', 'reconcile']) w
            union all
            select b.profile_schema, b.profile_prefix || '_' || w from unnest(array['apply', 'commit', 'score', 'arrive', 'forget', 'rekey']) w
        ) n
        join statements c on starts_with(c.s, format('create or replace function %I.%I(', n.schema, n.name))
        join statements m on starts_with(m.s, format('comment on function %I.%I(', n.schema, n.name))
    )
    select coalesce(p.oid::regprocedure::text, format('%I.%I', w.schema, w.name)), case
            when p.oid is null then 'missing'
            when md5(p.prosrc) is distinct from o.hash then 'edited'
            when p.proowner <> b.owner or not p.prosecdef or has_function_privilege('public', p.oid, 'execute')
                or (p.provolatile = 's') <> (w.posture ~ ' stable')
                or array(select c from unnest(p.proconfig) c order by c collate "C") <> array(
                    select m[1] || '=' || m[2] from regexp_matches(w.posture, ' set ([a-z_]+) = (pg_catalog, pg_temp|[^ ]+)', 'g') m
                    order by (m[1] || '=' || m[2]) collate "C"
                )
            then 'altered'
            when o.hash <> w.hash
                -- Arguments follow the types of columns, and have no length of their own.
                or not starts_with(
                    regexp_replace(w.makes, E'[(]\\d+(,\\d+)?[)]', '', 'g'),
                    format('create or replace function %I.%I(%s)', w.schema, w.name, replace(pg_get_function_arguments(p.oid), 'OUT ', 'out '))
                )
            then 'outdated'
            else 'ok'
        end
    from wanted w
    left join pg_catalog.pg_namespace n on n.nspname = w.schema
    left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = w.name,
        lateral (select substring(obj_description(p.oid, 'pg_proc') from '[(]([0-9a-f]{32})[)]$') as hash) o
$$;

create or replace function pgscore._note_binding(b pgscore.binding, former pgscore.binding) returns pgscore.binding
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    b.number := former.number;
    select n.nspname into b.event_schema from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = b.events;
    select n.nspname into b.profile_schema from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = b.profile;
    b.event_prefix := coalesce(former.event_prefix, pgscore._event_prefix(b));
    b.profile_prefix := pgscore._profile_prefix(b.profile);
    if former.number is not null then
        update pgscore.binding o
        set owner = b.owner, timing = b.timing, on_error = b.on_error, on_missing = b.on_missing, max_scoring_ms = b.max_scoring_ms, log = b.log,
            event_schema = b.event_schema, event_prefix = b.event_prefix, profile_schema = b.profile_schema, profile_prefix = b.profile_prefix,
            columns = pgscore._column_numbers(b)
        where o.number = former.number
        returning o.* into b;
        -- A table that was moved has its functions and its queue beside it again, for all its bindings.
        update pgscore.binding o set profile_schema = b.profile_schema where o.profile = b.profile and o.profile_schema <> b.profile_schema;
        return b;
    end if;
    -- The event table's name, where that is enough.
    b.name := (
        select n.name
        from (values
            (1, b.events::text), (2, format('%s to %s', b.events, b.profile)), (3, format('%s to %s for %s', b.events, b.profile, b.model)),
            (4, format('%s to %s for %s (%s)', b.events, b.profile, b.model, b.events::oid))
        ) as n (step, name)
        where not exists (select from pgscore.binding o where o.owner = b.owner and o.name = n.name)
        order by n.step limit 1
    );
    insert into pgscore.binding (
        name, owner, events, profile, model, event_key, profile_key, reducers, score, version, scored_at, timing, on_error, on_missing,
        max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix, columns
    ) values (
        b.name, b.owner, b.events, b.profile, b.model, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing,
        b.on_error, b.on_missing, b.max_scoring_ms, b.log, b.event_schema, b.event_prefix, b.profile_schema, b.profile_prefix,
        pgscore._column_numbers(b)
    )
    returning number into b.number;
    return b;
end
$$;

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null, without_index boolean default false
) returns text
language plpgsql volatile
-- Compiling the generators' queries would take longer than all the rest.
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    b pgscore.binding;
    former pgscore.binding;
    queue regclass;
    moved text[];
    at_once boolean := true;
    is_indexed boolean := true;
    profiles bigint;
    held bigint;
    began constant pg_snapshot := pg_current_snapshot();
begin
    b.model := model;
    b.events := events;
    b.profile := profile;
    b.event_key := event_key;
    b.profile_key := profile_key;
    b.reducers := reducers;
    b.score := score;
    b.version := version;
    b.scored_at := scored_at;
    b.timing := timing;
    b.on_error := on_error;
    b.on_missing := on_missing;
    b.max_scoring_ms := max_scoring_ms;
    b.log := log;
    perform pgscore._refuse(pgscore._options_problem(b));
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'tables are attached in READ COMMITTED only: an older snapshot misses events that were committed meanwhile'
            using errcode = 'feature_not_supported';
    end if;
    perform pgscore._check_owner(events, profile);
    b.owner := (select c.relowner from pg_catalog.pg_class c where c.oid = profile);
    perform pgscore._check_rights(b.owner, events, profile);
    perform pgscore._lock_owner(b.owner);
    perform pgscore._follow_columns(profile);
    select o.* into former from pgscore.binding o where o.events = b.events and o.profile = b.profile and o.model = b.model;
    if (former.event_key, former.profile_key, former.reducers, former.score, former.version, former.scored_at)
        is distinct from (b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at) and former.number is not null
    then
        raise exception 'table % is attached to % for model "%" with other keys, reducers or columns', b.events, b.profile, b.model
            using errcode = 'duplicate_object', hint = format('select pgscore.detach(%L, %L) detaches them.', b.events, b.profile);
    end if;
    b.number := former.number;
    perform pgscore._refuse(pgscore._tables_problem(b));
    -- Nobody changes them any more, for instance to hide rows by a policy that would run with the caller's rights.
    perform pgscore._lock_tables(array[events, profile], 'access share', '{}');
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._table_keys_problem(b));
    perform pgscore._refuse(pgscore._reducers_problem(b));
    perform pgscore._refuse(pgscore._columns_problem(b));
    perform pgscore._check_shared(b);
    if former.number is null then
        is_indexed := pgscore._check_index(b, without_index is true);
        if backfill is null then
            profiles := pgscore._rows_up_to(profile, 10000);
            held := pgscore._rows_up_to(events, 100000);
            -- Without an index each profile costs a look at all events.
            at_once := profiles <= 10000 and held <= 100000 and (is_indexed or profiles * held <= 20000000);
        else
            at_once := backfill;
        end if;
    end if;
    moved := array(select pgscore._forget_gone(b));
    b := pgscore._note_binding(b, former);
    moved := moved || array(
        select pgscore._drop_binding_sql(former) where former.event_schema <> b.event_schema
        union all
        select pgscore._drop_profile_sql(former) where former.profile_schema <> b.profile_schema
    );
    perform pgscore._add_profile(model, profile);
    if not at_once then
        -- Before the tables are locked, because it takes its time.
        perform pgscore._list_uncounted(b, '');
    end if;
    queue := pgscore._profile_relation(b, 'queue');
    perform pgscore._settle(queue);
    -- Whoever has queued something for the profile table is over then.
    perform pgscore._lock_tables(array[events, profile], 'share row exclusive', array_remove(array[queue], null));
    perform pgscore._run_all(moved);
    perform pgscore._generate(b);
    -- What is wrong with the reducers' SQL, such as a value that is none of its column's type, is to be wrong now.
    execute format('select from %s(%s, true)', pgscore._event_object(b, 'recount'), (
        select string_agg('null', ', ') from generate_subscripts(b.event_key, 1)
    ));
    if former.number is null and at_once then
        -- The tables are locked, so nobody adds to what is counted until the transaction commits.
        perform pgscore._run_all(array(select pgscore._backfill_sql(b)));
    elsif former.number is null then
        -- Rows that were committed meanwhile: they are as young as the oldest transaction that was open before.
        perform pgscore._list_uncounted(b, format(' and age(p.xmin) <= age(%L::xid)', pg_snapshot_xmin(began)::xid));
    end if;
    perform pgscore._advise(b.number);
    return b.name;
end
$$;

comment on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean) is
    'Attaches an event table to a profile table by keys of several columns; see the function for keys of one column';

grant execute on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean)
    to pgscore_reader;

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null, without_index boolean default false
) returns text
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore.attach(
        model, events, profile, array[event_key], array[profile_key], reducers, score, version, scored_at, timing, on_error,
        on_missing, max_scoring_ms, log, backfill, without_index
    )
$$;

comment on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean) is
    'Attaches an event table to a profile table of the same owner, who calls it, or a member: from now on its events move columns of the profile and the score of a model. Called again, it changes timing, policies and log, and mends triggers. backfill: count in this transaction what the tables hold (true), later by pgscore.reconcile (false), or as their size says (NULL). without_index: whether a large table is attached although no index finds the events of a profile';

grant execute on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean)
    to pgscore_reader;

create or replace function pgscore.reattach(events regclass, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pgscore._check_owner(events, profile);
    perform pgscore._lock_owner((select c.relowner::regrole from pg_catalog.pg_class c where c.oid = profile));
    perform pgscore._follow_columns(profile);
    perform pgscore.attach(
        b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing,
        b.on_error, b.on_missing, b.max_scoring_ms, b.log
    )
    from pgscore.binding b where b.events = reattach.events and b.profile = reattach.profile;
    if not found then
        raise exception 'table % is not attached to %', events, profile using errcode = 'undefined_object';
    end if;
end
$$;

create or replace function pgscore._drop_profile_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._drop_functions_sql(
        b.profile_schema, b.profile_prefix, array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey'], b.owner
    )
    union all
    select format('drop table %s', pgscore._profile_object(b, w.what))
    from unnest(array['queue', 'arrival']) as w (what)
    join pg_catalog.pg_class c on c.oid = pgscore._profile_relation(b, w.what)
    where c.relowner = b.owner and c.relkind = 'r'
$$;

create or replace function pgscore._generated_objects(b pgscore.binding) returns table (kind text, object text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with functions as (
        select p.oid
        from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where p.proowner = b.owner and (
            (n.nspname = b.event_schema and p.proname in (
                select b.event_prefix || '_' || e from unnest(array['insert', 'update', 'delete', 'row', 'truncate', 'recount', 'reconcile']) e
            ))
            or (n.nspname = b.profile_schema and p.proname in (
                select b.profile_prefix || '_' || e from unnest(array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey']) e
            ))
        )
    )
    select 'trigger', format('%I on %s', t.tgname, t.tgrelid::regclass)
    from pg_catalog.pg_trigger t where t.tgfoid in (select f.oid from functions f) and t.tgparentid = 0
    union
    select 'function', f.oid::regprocedure::text from functions f
    union
    select 'table', q.relation::text
    from unnest(array['queue', 'arrival']) as w (what), lateral (select pgscore._profile_relation(b, w.what) as relation) q
    where q.relation is not null
$$;

create or replace function pgscore._doctor_wanted() returns table (
    number integer, relation regclass, is_partition boolean, name text, function oid, called text, purpose text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Of partitioned events the parent hands on a trigger for rows, and none for statements.
    select b.number, r.member, r.is_partition, substr(b.event_prefix || '_' || w.what, 2),
        pgscore._doctor_function(b.event_schema, b.event_prefix, w.what), b.event_prefix || '_' || w.what, case w.what when 'truncate' then 'truncate' else 'count' end
    from pgscore.binding b
    join pg_catalog.pg_class c on c.oid = b.events,
        (values ('insert', false), ('update', false), ('delete', false), ('row', true), ('truncate', null)) as w (what, partitioned),
        pgscore._doctor_family(b.events) r
    where coalesce(w.partitioned = (c.relkind = 'p'), true)
    union all
    select b.number, r.member, r.is_partition, w.name, pgscore._doctor_function(b.profile_schema, b.profile_prefix, w.what),
        b.profile_prefix || '_' || w.what, w.what
    from (select distinct on (o.profile) o.* from pgscore.binding o order by o.profile, o.number) b
    join pg_catalog.pg_class c on c.oid = b.profile,
        (values
            ('~pgscore_score', 'score'), ('pgscore_arrive', 'arrive'), ('pgscore_forget', 'forget'), ('pgscore_forget_all', 'forget'),
            ('pgscore_rekey', 'rekey')
        ) as w (name, what),
        pgscore._doctor_family(b.profile) r
    union all
    select b.number, c.oid::regclass, false, w.name, pgscore._doctor_function(b.profile_schema, b.profile_prefix, 'commit'),
        b.profile_prefix || '_commit', 'commit'
    from (select distinct on (o.profile) o.* from pgscore.binding o order by o.profile, o.number) b
    join pg_catalog.pg_namespace n on n.nspname = b.profile_schema
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = b.profile_prefix || '_queue',
        (values ('pgscore_commit'), ('pgscore_statement')) as w (name)
$$;

create or replace function pgscore._doctor_left_over() returns table (
    relation text, owner text, names text[], events text, profile text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema brings triggers along, and a partition that was detached keeps those that stand on each partition.
    select t.tgrelid::regclass::text, c.relowner::regrole::text, array_agg(quote_ident(t.tgname) order by t.tgname),
        min(b.events), min(b.profile)
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_proc p on p.oid = t.tgfoid
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    left join lateral (
        select o.events::text as events, o.profile::text as profile
        from pgscore.binding o join pg_catalog.pg_class e on e.oid = o.events and e.relkind = 'p'
        where n.nspname = o.event_schema and p.proname = o.event_prefix || '_truncate'
    ) b on true
    where t.tgname ~ '^~?pgscore_' and p.proname ~ '^_pgscore_' and t.tgparentid = 0 and not t.tgisinternal
        and coalesce(obj_description(t.tgrelid, 'pg_class'), '') !~ '^pgscore: '
        and not exists (select from pgscore._doctor_wanted() w where w.relation = t.tgrelid and w.name = t.tgname)
        -- What is left of a binding whose table was dropped goes with the binding.
        and not exists (
            select from pgscore.binding o
            where (o.events = t.tgrelid or o.profile = t.tgrelid)
                and (select count(*) from pg_catalog.pg_class x where x.oid in (o.events, o.profile)) < 2
        )
    group by t.tgrelid, c.relowner
    order by 1
$$;

-- core/doctor/functions.sql
-- The functions that attach generates: whether they are there, are what it would make now, and have their guards.

create or replace function pgscore._doctor_generated() returns table (
    number integer, owner oid, name text, function oid, is_shared boolean, wanted_owner oid
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.number, p.proowner, format('%I.%I', w.schema, w.prefix || '_' || w.what), p.oid, w.is_shared, b.owner::oid
    from pgscore.binding b
    join pg_catalog.pg_class c on c.oid = b.events
    join pg_catalog.pg_class o on o.oid = b.profile,
        lateral (
            select b.event_schema as schema, b.event_prefix as prefix, e as what, false as is_shared
            from unnest(case c.relkind when 'p' then array['row'] else array['insert', 'update', 'delete'] end
                || array['truncate', 'recount', 'reconcile']) e
            union all
            -- What the bindings of a profile table share is told of the first of them.
            select b.profile_schema, b.profile_prefix, e, true
            from unnest(array['apply', 'commit', 'score', 'arrive', 'forget', 'rekey']) e
            where b.number = (
                select min(f.number) from pgscore.binding f join pg_catalog.pg_class x on x.oid = f.events where f.profile = b.profile
            )
        ) w
    left join pg_catalog.pg_namespace n on n.nspname = w.schema
    left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = w.prefix || '_' || w.what
$$;

drop function pgscore._tell_template();

drop function pgscore._fits_one_template();

drop function pgscore._change_one_template();

drop function pgscore._crossing_one_template();

drop function pgscore._notify_template();

drop function pgscore._notify_one_template();

drop function pgscore._threshold_sql(threshold double precision);

drop function pgscore._crosses_sql(b pgscore.binding, has_old boolean, has_new boolean);

drop function pgscore._tell_triggers(profile regclass);

drop function pgscore._known_here_sql(b pgscore.binding);

drop function pgscore._tell_one_sql(b pgscore.binding);

drop function pgscore._notify_one_sql(b pgscore.binding);

drop function pgscore._tell_functions_sql(b pgscore.binding);

drop function pgscore._time_key(parent name);

drop function pgscore._make_partitions(parent name, step interval, ahead integer);

drop function pgscore._drop_partitions(parent name, older_than interval);

drop function pgscore._prepares();

drop function pgscore._notify(model text, key text, score double precision, version integer);

drop function pgscore._change_since(since text, model text, out "position" xid8, out ordinal bigint);

drop function pgscore.score_change_horizon();

drop function pgscore.score_changes(since text, of_model text, up_to integer);

drop function pgscore.prune_score_changes(older_than interval);

drop table pgscore.crossing;

drop table pgscore.score_change;

drop sequence pgscore.score_change_ordinal;

drop table pgscore.pruned_change;

drop table pgscore.change_consumer;

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- core/become_oneself.sql
reset search_path;

reset role;
