create function pgscore._bind(
    model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name,
    version name, scored_at name, timing text, on_error text, on_missing text
) returns table (binding_name text, role regrole, statement text)
language plpgsql volatile security definer
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    b pgscore.binding;
begin
    if num_nulls(model, events, profile, event_key, profile_key, reducers, score, timing, on_error, on_missing) > 0 then
        raise exception 'of the arguments only version and scored_at may be NULL' using errcode = 'null_value_not_allowed';
    elsif model !~ '^[a-z_][a-z0-9_]*$' or octet_length(model) > 50 then
        raise exception '"%" is no name of a model', model using errcode = 'invalid_parameter_value';
    elsif timing not in ('commit', 'statement') then
        raise exception 'timing is commit or statement, not "%"', timing using errcode = 'invalid_parameter_value';
    elsif on_error not in ('keep', 'abort') then
        raise exception 'on_error is keep or abort, not "%"', on_error using errcode = 'invalid_parameter_value';
    elsif on_missing not in ('ignore', 'insert', 'error') then
        raise exception 'on_missing is ignore, insert or error, not "%"', on_missing using errcode = 'invalid_parameter_value';
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'tables are tied in READ COMMITTED only: an older snapshot misses events that were committed meanwhile'
            using errcode = 'feature_not_supported';
    end if;
    b.events_owner := pgscore._check_owner(events);
    b.profile_owner := pgscore._check_owner(profile);
    perform pgscore._lock_generated();
    if exists (
        select from pgscore.binding o where o.events = _bind.events and o.profile = _bind.profile and o.model = _bind.model
    ) then
        raise exception 'table % is already tied to % for model "%"', events, profile, model
            using errcode = 'duplicate_object', hint = format('select pgscore.detach(%L, %L) unties them.', events, profile);
    end if;
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
    b.log := true;
    perform pgscore._check_tables(b);
    perform pgscore._check_reducers(b);
    b.key_type := pgscore._key_type((pgscore._column(profile, profile_key)).atttypid);
    b.number := (select coalesce(max(o.number), 0) + 1 from pgscore.binding o);
    b.profile_number := coalesce((select min(o.profile_number) from pgscore.binding o where o.profile = _bind.profile), b.number);
    -- The event table's name, where that is enough.
    b.name := (
        select n.name
        from (values
            (1, events::text), (2, format('%s to %s', events, profile)), (3, format('%s to %s for %s', events, profile, model))
        ) as n (step, name)
        where not exists (select from pgscore.binding o where o.name = n.name)
        order by n.step limit 1
    );
    insert into pgscore.binding select b.*;
    execute format('grant insert (binding, task, keys, deltas) on pgscore.queue to %s, %s', b.events_owner, b.profile_owner);
    if exists (select from pgscore.model m where m.name = _bind.model) then
        insert into pgscore.model_profile (model, profile) values (_bind.model, _bind.profile) on conflict do nothing;
        if exists (select from pgscore.model m where m.name = _bind.model and m.serving is not null) then
            perform pgscore._generate_model(model);
        end if;
    end if;
    perform pgscore._generate_dispatch(profile);
    return query
    select b.name, s.role, s.statement
    from (
        select 1 as step, e.* from pgscore._event_statements(b) with ordinality e
        union all
        select 2, e.* from pgscore._profile_statements(b) with ordinality e
        union all
        select 3, e.* from pgscore._event_triggers(b) with ordinality e
        union all
        select 4, e.* from pgscore._profile_triggers(b) with ordinality e
        union all
        -- What is wrong with the reducers' SQL, such as a value that is none of its column's type, is to be wrong now.
        select 5, b.profile_owner, format(
            'select from %s(null, true)', pgscore._generated_name(b.events, b.number, 'recount')
        ), 1
        union all
        -- What stands there already is counted when this transaction commits; nobody adds to it meanwhile.
        select 6, b.events_owner, format(
            'insert into pgscore.queue (binding, task, keys) values (%s, ''recount all'', array[null])', b.number
        ), 1
    ) s (step, role, statement, ordinal)
    order by s.step, s.ordinal;
end
$$;

comment on function pgscore._bind(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text) is
    'Checks and notes a binding, and says what the owners of its tables have to run; the part of attach that needs pgscore''s rights';
grant execute on function pgscore._bind(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text)
    to pgscore_reader;
