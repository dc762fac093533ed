create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null
) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    b pgscore.binding;
    known constant boolean := exists (
        select from pgscore.binding o
        where o.events = attach.events and o.profile = attach.profile and o.model = attach.model
    );
    at_once boolean;
    locked boolean := false;
    step record;
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
    perform pgscore._check_owner(events), pgscore._check_owner(profile);
    at_once := known or coalesce(backfill, pgscore._is_small(profile, 10000) and pgscore._is_small(events, 100000));
    for step in select s.* from pgscore._bind(b, at_once) s loop
        b.name := step.binding_name;
        if step.locked and not locked then
            perform pgscore._lock_tables(events, profile, 'share row exclusive');
            locked := true;
        end if;
        perform pgscore._as_role(step.role, step.statement);
    end loop;
    perform pgscore._advise(b, at_once);
    return b.name;
end
$$;

comment on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean) is
    'Ties an event table to a profile table by keys of several columns; see the function for keys of one column';
grant execute on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean)
    to pgscore_reader;

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null
) returns text
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore.attach(
        model, events, profile, array[event_key], array[profile_key], reducers, score, version, scored_at, timing, on_error,
        on_missing, max_scoring_ms, log, backfill
    )
$$;

comment on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean) is
    'Ties an event table to a profile table: from now on its events move columns of the profile and the score of a model. Called by a member of the owners of both. Called again, it changes timing, policies and log, and mends triggers. backfill: count in this transaction what the tables hold (true), later by pgscore.reconcile (false), or as their size says (NULL)';
grant execute on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean)
    to pgscore_reader;
