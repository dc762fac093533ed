create function pgscore.reattach(events regclass, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pgscore.attach(
        b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing,
        b.on_error, b.on_missing, b.max_scoring_ms, b.log
    )
    from pgscore.binding b where b.events = reattach.events and b.profile = reattach.profile;
    if not found then
        raise exception 'table % is not tied to %', events, profile using errcode = 'undefined_object';
    end if;
end
$$;

comment on function pgscore.reattach(regclass, regclass) is
    'Ties tables again as they are tied: gives partitions that were added later their triggers, and mends what is missing or disabled';
grant execute on function pgscore.reattach(regclass, regclass) to pgscore_reader;
