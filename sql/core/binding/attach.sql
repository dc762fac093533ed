create function pgscore._forget_gone(b pgscore.binding) returns setof text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    with gone as (
        delete from pgscore.binding o
        where o.owner = b.owner and (
            o.events = b.events and not exists (select from pg_catalog.pg_class c where c.oid = o.profile)
            or o.profile = b.profile and not exists (select from pg_catalog.pg_class c where c.oid = o.events)
        )
        returning o as binding
    )
    select d.statement from gone g, pgscore._drop_binding_sql(g.binding) as d (statement);
end
$$;

comment on function pgscore._forget_gone(pgscore.binding) is
    'Takes away the bindings of either table to one that was dropped, and says what drops their functions and triggers: these would count each event once more';
grant execute on function pgscore._forget_gone(pgscore.binding) to pgscore_reader;

create function pgscore._note_binding(b pgscore.binding, former pgscore.binding) returns pgscore.binding
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
            notify_above = b.notify_above, notify_below = b.notify_below, changes = b.changes, reasons = b.reasons, top = b.top,
            event_schema = b.event_schema, event_prefix = b.event_prefix, profile_schema = b.profile_schema, profile_prefix = b.profile_prefix,
            columns = pgscore._column_numbers(b)
        where o.number = former.number
        returning o.* into b;
        update pgscore.binding o set reasons = b.reasons, top = b.top
        where o.profile = b.profile and o.model = b.model and (o.reasons, o.top) is distinct from (b.reasons, b.top);
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
        max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix, columns, notify_above, notify_below, changes,
        reasons, top
    ) values (
        b.name, b.owner, b.events, b.profile, b.model, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing,
        b.on_error, b.on_missing, b.max_scoring_ms, b.log, b.event_schema, b.event_prefix, b.profile_schema, b.profile_prefix,
        pgscore._column_numbers(b), b.notify_above, b.notify_below, b.changes, b.reasons, b.top
    )
    returning number into b.number;
    return b;
end
$$;

comment on function pgscore._note_binding(pgscore.binding, pgscore.binding) is 'Stores a new binding, or what may change of a former one';
grant execute on function pgscore._note_binding(pgscore.binding, pgscore.binding) to pgscore_reader;

create function pgscore._list_uncounted(b pgscore.binding, condition text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format(
        'insert into pgscore.stale_row (binding, key, cause, reason) select %s, %s, ''backfill'', %L from %s p where %s%s on conflict do nothing',
        b.number, pgscore._key_text_sql(b.profile_key, 'p'),
        format('events from before the tables were attached are not counted yet; call pgscore.reconcile(%L, %L)', b.events, b.profile),
        b.profile, pgscore._present_sql(b.profile_key, 'p'), condition
    );
end
$$;

comment on function pgscore._list_uncounted(pgscore.binding, text) is 'Lists profiles as stale until reconcile has counted their events from before';
grant execute on function pgscore._list_uncounted(pgscore.binding, text) to pgscore_reader;

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null, without_index boolean default false,
    notify_above double precision default null, notify_below double precision default null, changes boolean default false,
    reasons name default null, top integer default 3
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
    b.notify_above := notify_above;
    b.notify_below := notify_below;
    b.changes := changes;
    b.reasons := reasons;
    b.top := case when reasons is not null then top end;
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
    perform pgscore._check_reasons(b);
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
    execute format('select from %s(%s, true%s)', pgscore._event_object(b, 'recount'), (
        select string_agg('null', ', ') from generate_subscripts(b.event_key, 1)
    ), case when pgscore._due_column(b) is not null then ', now()' end);
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

comment on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean, name, integer) is
    'Attaches an event table to a profile table by keys of several columns; see the function for keys of one column';
grant execute on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean, name, integer)
    to pgscore_reader;

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null, without_index boolean default false,
    notify_above double precision default null, notify_below double precision default null, changes boolean default false,
    reasons name default null, top integer default 3
) returns text
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore.attach(
        model, events, profile, array[event_key], array[profile_key], reducers, score, version, scored_at, timing, on_error,
        on_missing, max_scoring_ms, log, backfill, without_index, notify_above, notify_below, changes, reasons, top
    )
$$;

comment on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean, name, integer) is
    'Attaches an event table to a profile table of the same owner, who calls it, or a member: from now on its events move columns of the profile and the score of a model. Called again, it changes timing, policies, log and what is told, and mends triggers. backfill: count in this transaction what the tables hold (true), later by pgscore.reconcile (false), or as their size says (NULL). without_index: whether a large table is attached although no index finds the events of a profile. notify_above, notify_below: NOTIFY pgscore tells of scores that cross them. changes: whether changes of the score are written to pgscore.score_change. reasons: a column, jsonb or text[], for the inputs that add most to the score, top of them';
grant execute on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean, name, integer)
    to pgscore_reader;

create function pgscore.reattach(events regclass, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pgscore._check_owner(events, profile);
    perform pgscore._lock_owner((select c.relowner::regrole from pg_catalog.pg_class c where c.oid = profile));
    perform pgscore._follow_columns(profile);
    perform pgscore.attach(
        b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing,
        b.on_error, b.on_missing, b.max_scoring_ms, b.log, notify_above => b.notify_above, notify_below => b.notify_below,
        changes => b.changes, reasons => b.reasons, top => coalesce(b.top, 3)
    )
    from pgscore.binding b where b.events = reattach.events and b.profile = reattach.profile;
    if not found then
        raise exception 'table % is not attached to %', events, profile using errcode = 'undefined_object';
    end if;
end
$$;

comment on function pgscore.reattach(regclass, regclass) is
    'Attaches tables again as they are attached: gives partitions that were added later their triggers, and mends what is missing, disabled or outdated';
grant execute on function pgscore.reattach(regclass, regclass) to pgscore_reader;

create function pgscore.reattach() returns table (binding text, state text, reasons text[])
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    listed record;
    pairs text[] := '{}';
begin
    -- A transaction, and so a wait of the applications, for all of them: a program had better call the other one for each pair.
    for listed in select o.* from pgscore._outdated_bindings() o where o.mine loop
        if listed.state <> 'unfit' and format('%s to %s', listed.events, listed.profile) <> all (pairs) then
            pairs := pairs || format('%s to %s', listed.events, listed.profile);
            perform pgscore.reattach(listed.events::regclass, listed.profile::regclass);
        end if;
        binding := listed.name;
        state := case listed.state when 'unfit' then 'unfit' else 'reattached' end;
        reasons := listed.reasons;
        return next;
    end loop;
end
$$;

comment on function pgscore.reattach() is
    'Attaches again what of the caller''s bindings stands otherwise than this release would generate it, and says why; those whose tables do not fit any more (unfit) are left as they are';
grant execute on function pgscore.reattach() to pgscore_reader;
