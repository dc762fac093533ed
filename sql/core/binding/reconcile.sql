create function pgscore._bindings_to_reconcile(events regclass, profile regclass) returns integer[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    numbers integer[];
begin
    perform pgscore._check_owner(events, profile);
    numbers := array(
        select b.number from pgscore.binding b
        where b.events = _bindings_to_reconcile.events and b.profile = _bindings_to_reconcile.profile
        order by b.number
    );
    if cardinality(numbers) = 0 then
        raise exception 'table % is not attached to %', events, profile using errcode = 'undefined_object';
    end if;
    return numbers;
end
$$;

comment on function pgscore._bindings_to_reconcile(regclass, regclass) is 'The bindings of two tables; fails where there are none';
grant execute on function pgscore._bindings_to_reconcile(regclass, regclass) to pgscore_reader;

create function pgscore._make_sure(b pgscore.binding, what text, statements text[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if pg_get_userbyid(b.owner) <> current_user or not exists (
        select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where n.nspname = b.event_schema and p.proname = b.event_prefix || '_' || what and p.proowner = b.owner and p.prosecdef
            and position(md5(p.prosrc) in statements[2]) > 0
    ) then
        -- Made anew in this transaction, and so what it was generated as: a member of the owner runs nothing that another one
        -- has put in its place. It works with the owner's rights, and so does all that it calls.
        perform pgscore._run_all(statements);
    end if;
end
$$;

comment on function pgscore._make_sure(pgscore.binding, text, text[]) is
    'Makes a function of a binding that is about to be called, unless it is the caller''s own and as it would be generated';
grant execute on function pgscore._make_sure(pgscore.binding, text, text[]) to pgscore_reader;

create function pgscore._reconcile_step(
    binding integer, repair boolean, rows integer default 500,
    out checked bigint, out differing bigint, out examples text[], out finished boolean
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    b pgscore.binding;
begin
    -- One at a time, and none while the tables are attached or detached.
    select o.* into b from pgscore.binding o where o.number = binding for update;
    if not found then
        raise exception 'the tables were detached meanwhile' using errcode = 'undefined_object';
    end if;
    perform pgscore._check_owner(b.events, b.profile);
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._taken_problem(b));
    perform pgscore._make_sure(b, 'reconcile', array(select pgscore._reconcile_sql(b)));
    execute format('select f.* from %s($1, $2) f', pgscore._event_object(b, 'reconcile'))
        into checked, differing, examples, finished using rows, repair;
end
$$;

comment on function pgscore._reconcile_step(integer, boolean, integer) is
    'Compares the counters of the next profiles of a binding with its events; what it did stands when the caller commits';
grant execute on function pgscore._reconcile_step(integer, boolean, integer) to pgscore_reader;

create function pgscore._report_step(
    binding integer, repair boolean, checked bigint, differing bigint, examples text[], finished boolean
) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := (select b.name from pgscore.binding b where b.number = binding);
begin
    if examples is not null then
        raise notice '% differ: %', name, array_to_string(examples, ' | ');
    end if;
    if finished or checked % 10000 = 0 then
        raise info '%: % profiles compared, % differed%', name, checked, differing,
            case when differing = 0 then '' when repair then ' and were mended' else ' and were left as they are' end;
    end if;
end
$$;

comment on function pgscore._report_step(integer, boolean, bigint, bigint, text[], boolean) is
    'Tells the caller of reconcile what differs, and how far it has come';
grant execute on function pgscore._report_step(integer, boolean, bigint, bigint, text[], boolean) to pgscore_reader;

create procedure pgscore.reconcile(events regclass, profile regclass, repair boolean default true)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, every name here is
    -- qualified, and all that is called is pinned itself.
    pinned pg_catalog.text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    bindings pg_catalog.int4[] := pgscore._bindings_to_reconcile(events, profile);
    next pg_catalog.int4;
    step pg_catalog.record;
begin
    foreach next in array bindings loop
        loop
            -- The first thing of a transaction: whatever the session's default is.
            commit;
            set transaction isolation level read committed;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            select s.* into step from pgscore._reconcile_step(next, repair) s;
            commit;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            perform pgscore._report_step(next, repair, step.checked, step.differing, step.examples, step.finished);
            exit when step.finished;
        end loop;
    end loop;
end
$$;

comment on procedure pgscore.reconcile(regclass, regclass, boolean) is
    'Says where counters of profiles differ from what their events give, and mends them, some hundred at a time, each in a transaction; after an interruption it goes on where it was';
grant execute on procedure pgscore.reconcile(regclass, regclass, boolean) to pgscore_reader;
