create function pgscore._note_binding(b pgscore.binding, former pgscore.binding) returns pgscore.binding
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if former.number is not null then
        update pgscore.binding o
        set timing = b.timing, on_error = b.on_error, on_missing = b.on_missing, max_scoring_ms = b.max_scoring_ms,
            log = b.log, events_owner = b.events_owner, profile_owner = b.profile_owner
        where o.number = former.number
        returning o.* into b;
        return b;
    end if;
    select p.number into b.profile_number from pgscore.bound_profile p where p.profile = b.profile;
    if not found then
        insert into pgscore.bound_profile (number, profile, owner)
        select coalesce(max(p.number), 0) + 1, b.profile, b.profile_owner from pgscore.bound_profile p
        returning number into b.profile_number;
        perform pgscore._create_queue(b.profile_number);
    end if;
    execute format(
        'grant select, insert, delete on %s to %s, %s', pgscore._queue_name(b.profile_number), b.events_owner, b.profile_owner
    );
    execute format('grant select, update on %s to %s', pgscore._arrival_name(b.profile_number), b.profile_owner);
    -- The event table's name, where that is enough.
    b.name := (
        select n.name
        from (values
            (1, b.events::text), (2, format('%s to %s', b.events, b.profile)), (3, format('%s to %s for %s', b.events, b.profile, b.model))
        ) as n (step, name)
        where not exists (select from pgscore.binding o where o.name = n.name)
        order by n.step limit 1
    );
    b.number := (select coalesce(max(o.number), 0) + 1 from pgscore.binding o);
    insert into pgscore.binding (
        number, name, events, profile, profile_number, model, event_key, profile_key, reducers, score, version, scored_at, timing,
        on_error, on_missing, max_scoring_ms, log, events_owner, profile_owner
    ) values (
        b.number, b.name, b.events, b.profile, b.profile_number, b.model, b.event_key, b.profile_key, b.reducers, b.score, b.version,
        b.scored_at, b.timing, b.on_error, b.on_missing, b.max_scoring_ms, b.log, b.events_owner, b.profile_owner
    );
    return b;
end
$$;

comment on function pgscore._note_binding(pgscore.binding, pgscore.binding) is
    'Stores a new binding, or the policies of a former one, with what it shares with others of its profile table';
