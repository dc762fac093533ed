create function pgscore._unbind(events regclass, profile regclass) returns table (role regrole, statement text)
language plpgsql volatile security definer
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    gone pgscore.binding[];
    rest pgscore.binding;
begin
    perform pgscore._check_owner(events);
    perform pgscore._check_owner(profile);
    perform pgscore._lock_generated();
    with deleted as (
        delete from pgscore.binding b where b.events = _unbind.events and b.profile = _unbind.profile returning b
    )
    select array_agg(d.b) into gone from deleted d;
    if gone is null then
        raise exception 'table % is not tied to %', events, profile using errcode = 'undefined_object';
    end if;
    -- The triggers go with the functions.
    return query
    select g.events_owner, format('drop function if exists %s%s cascade', pgscore._generated_name(g.events, g.number, f.name), f.arguments)
    from unnest(gone) g, (values ('insert', '()'), ('update', '()'), ('delete', '()'), ('truncate', '()'), ('recount', '')) f (name, arguments);
    select o.* into rest from pgscore._bindings_of(profile) o limit 1;
    if found then
        return query select * from pgscore._profile_statements(rest);
        return query select * from pgscore._profile_triggers(rest);
    else
        return query
        select gone[1].profile_owner, format('drop function if exists %s cascade', pgscore._generated_name(profile, gone[1].profile_number, f))
        from unnest(array['apply', 'arrive', 'rekey', 'refresh']) f;
    end if;
end
$$;

comment on function pgscore._unbind(regclass, regclass) is
    'Forgets the bindings of two tables, and says what the owners of the tables have to run; the part of detach that needs pgscore''s rights';
grant execute on function pgscore._unbind(regclass, regclass) to pgscore_reader;
