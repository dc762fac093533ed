create function pgscore._unbind(events regclass, profile regclass) returns table (role regrole, statement text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    gone pgscore.binding[];
    gone_number integer;
begin
    perform pgscore._check_owner(events);
    perform pgscore._check_owner(profile);
    perform pgscore._lock_generated();
    -- Bindings whose event tables were dropped go along: nothing can be generated for them any more.
    with deleted as (
        delete from pgscore.binding b
        where b.profile = _unbind.profile
            and (b.events = _unbind.events or not exists (select from pg_catalog.pg_class c where c.oid = b.events))
        returning b
    )
    select array_agg(d.b) into gone from deleted d;
    if gone is null then
        raise exception 'table % is not tied to %', events, profile using errcode = 'undefined_object';
    end if;
    gone_number := gone[1].profile_number;
    -- The triggers go with the functions, which are found by their names: the schema of a dropped table is not known.
    return query
    select f.role, f.statement
    from unnest(gone) g, unnest(array['insert', 'update', 'delete', 'truncate', 'recount', 'reconcile', 'rekey']) o (what),
        pgscore._drop_statements(format('_pgscore_binding_%s_%s', g.number, o.what), array[g.events_owner, g.profile_owner]) f;
    if not exists (select from pgscore.binding b where b.profile_number = gone_number) then
        return query
        select f.role, f.statement
        from unnest(array['apply', 'drain', 'score', 'arrive', 'forget']) o (what),
            pgscore._drop_statements(format('_pgscore_profile_%s_%s', gone_number, o.what), array[gone[1].profile_owner]) f;
        delete from pgscore.bound_profile p where p.number = gone_number;
        perform pgscore._drop_queue(gone_number);
    elsif exists (select from pg_catalog.pg_class c where c.oid = profile) then
        return query select * from pgscore._profile_statements(profile);
        return query select * from pgscore._profile_triggers(profile);
    end if;
    perform pgscore._generate_apply_queue();
end
$$;

comment on function pgscore._unbind(regclass, regclass) is
    'Forgets the bindings of two tables, and says what the owners of the tables have to run; the part of detach that needs pgscore''s rights';
grant execute on function pgscore._unbind(regclass, regclass) to pgscore_reader;
