create function pgscore._run_all(statements text[]) returns void
language plpgsql volatile
-- Without a notice for each trigger that goes with a function.
set search_path = pg_catalog, pg_temp set client_min_messages = warning
as $$
declare
    statement text;
begin
    foreach statement in array statements loop
        execute statement;
    end loop;
end
$$;

comment on function pgscore._run_all(text[]) is 'Runs statements, as its caller';
grant execute on function pgscore._run_all(text[]) to pgscore_reader;

create function pgscore._lock_tables(relations regclass[], mode text, queues regclass[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '500ms'
as $$
declare
    relation regclass;
begin
    -- Half a second is less than deadlock_timeout: whoever waits for us is freed before anybody looks for a deadlock.
    for attempt in 1 .. 10 loop
        begin
            foreach relation in array relations loop
                -- What was dropped can be detached all the same.
                continue when not exists (select from pg_catalog.pg_class c where c.oid = relation);
                execute format('lock table %s in %s mode', relation, mode);
            end loop;
            foreach relation in array queues loop
                execute format('lock table %s in access exclusive mode', relation);
            end loop;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'tables % are in use: in ten attempts of half a second no lock was to be had', array_to_string(relations, ', ')
        using errcode = 'lock_not_available', hint = 'Nothing was changed. Try again when no long transaction uses them.';
end
$$;

comment on function pgscore._lock_tables(regclass[], text, regclass[]) is
    'Locks tables, and queues entirely, without making applications wait longer than half a second at a time';
grant execute on function pgscore._lock_tables(regclass[], text, regclass[]) to pgscore_reader;

create function pgscore._lock_owner(owner regrole) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
begin
    insert into pgscore.bound_owner (owner) values (_lock_owner.owner) on conflict do nothing;
    perform from pgscore.bound_owner o where o.owner = _lock_owner.owner for update;
exception when lock_not_available then
    raise exception 'tables of % are being attached or detached by another session', owner
        using errcode = 'lock_not_available', hint = 'Nothing was changed. Try again when it has committed.';
end
$$;

comment on function pgscore._lock_owner(regrole) is
    'Until the transaction ends no other one attaches or detaches tables of this owner; it waits five seconds at most';
grant execute on function pgscore._lock_owner(regrole) to pgscore_reader;

create function pgscore._queues_of(owner regrole) returns regclass[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(distinct q.queue order by q.queue) filter (where q.queue is not null), '{}')
    from pgscore.binding b, lateral (select pgscore._profile_relation(b, 'queue') as queue) q
    where b.owner = _queues_of.owner
$$;

comment on function pgscore._queues_of(regrole) is 'The queues of all profile tables of an owner';
grant execute on function pgscore._queues_of(regrole) to pgscore_reader;

create function pgscore._settle(queue regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    waits boolean;
    space constant text := (select n.nspname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = queue);
begin
    if queue is null then
        return;
    end if;
    -- A table for which a trigger is still to fire cannot be changed.
    execute format('select exists (select from %s q where q.pgscore_transaction = pg_current_xact_id_if_assigned())', queue) into waits;
    if waits and exists (select from pg_catalog.pg_trigger t where t.tgrelid = queue and t.tgname = 'pgscore_commit') then
        execute format('set constraints %I.pgscore_commit immediate', space);
        execute format('set constraints %I.pgscore_commit deferred', space);
    end if;
end
$$;

comment on function pgscore._settle(regclass) is 'Has done now what this transaction has queued for commit';
grant execute on function pgscore._settle(regclass) to pgscore_reader;
