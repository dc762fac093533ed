create function pgscore._unbind(events regclass, profile regclass) returns table (role regrole, statement text)
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    gone pgscore.binding[];
    gone_number integer;
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
    gone_number := gone[1].profile_number;
    -- An event table that was dropped while it was tied can be named no more.
    with deleted as (
        delete from pgscore.binding b
        where b.profile = _unbind.profile and not exists (select from pg_catalog.pg_class c where c.oid = b.events) returning b
    )
    select gone || array_agg(d.b) into gone from deleted d;
    -- The triggers go with the functions.
    return query
    select f.role, format('drop function if exists %s%s cascade', f.name, f.arguments)
    from unnest(gone) g,
        lateral (
            select g.events_owner, pgscore._generated_name(g.events, 'binding', g.number, o.operation), '()'
            from unnest(array['insert', 'update', 'delete', 'truncate']) as o (operation)
            union all
            select g.events_owner, pgscore._generated_name(g.events, 'binding', g.number, 'recount'), ''
            union all
            select g.profile_owner, pgscore._generated_name(g.profile, 'binding', g.number, o.operation), ''
            from unnest(array['reconcile', 'rekey']) as o (operation)
        ) as f (role, name, arguments)
    where f.name is not null;
    if exists (select from pgscore._bindings_of(profile)) then
        return query select * from pgscore._profile_statements(profile);
        return query select * from pgscore._profile_triggers(profile);
        return;
    end if;
    return query
    select gone[1].profile_owner, format('drop function if exists %s cascade', pgscore._generated_name(profile, 'profile', gone_number, f))
    from unnest(array['apply', 'drain', 'score', 'arrive', 'forget']) f;
    delete from pgscore.bound_profile p where p.number = gone_number;
    perform pgscore._drop_queue(gone_number);
    perform pgscore._generate_apply_queue();
end
$$;

comment on function pgscore._unbind(regclass, regclass) is
    'Forgets the bindings of two tables, and says what the owners of the tables have to run; the part of detach that needs pgscore''s rights';
grant execute on function pgscore._unbind(regclass, regclass) to pgscore_reader;
