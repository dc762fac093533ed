create function pgscore._bindings_to_tick(events regclass, profile regclass) returns integer[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    attached integer[];
    numbers integer[];
begin
    if num_nulls(events, profile) = 1 then
        raise exception 'name the event table and the profile table, or neither' using errcode = 'invalid_parameter_value';
    elsif events is null then
        return array(
            select b.number from pgscore.binding b
            where pgscore._due_column(b) is not null and (select p.problem from pgscore._owner_problem(b.events, b.profile) p) is null
                -- One whose table was dropped has nothing that could be due.
                and 2 = (select count(*) from pg_catalog.pg_class c where c.oid in (b.events, b.profile))
            order by b.number
        );
    end if;
    attached := pgscore._bindings_to_reconcile(events, profile);
    numbers := array(
        select b.number from pgscore.binding b
        where b.number = any (attached) and pgscore._due_column(b) is not null
        order by b.number
    );
    if cardinality(numbers) = 0 then
        raise exception 'no reducer of % has a window, so time alone changes nothing of %', events, profile using errcode = 'invalid_parameter_value';
    end if;
    return numbers;
end
$$;

comment on function pgscore._bindings_to_tick(regclass, regclass) is
    'The bindings of two tables that have windows, or all that are the caller''s; fails where the tables have none';
grant execute on function pgscore._bindings_to_tick(regclass, regclass) to pgscore_reader;

create function pgscore._tick_step(
    binding integer, until timestamptz, after_due timestamptz default null, after_key text[] default null, rows integer default 200,
    out ticked bigint, out locked bigint, out last_due timestamptz, out last_key text[], out finished boolean
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    b pgscore.binding;
begin
    -- One at a time, and none while the tables are attached or detached. Who lists a row as stale does not wait.
    select o.* into b from pgscore.binding o where o.number = binding for no key update;
    if not found then
        raise exception 'the tables were detached meanwhile' using errcode = 'undefined_object';
    end if;
    perform pgscore._check_owner(b.events, b.profile);
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._taken_problem(b));
    perform pgscore._make_sure(b, 'tick', array(select pgscore._tick_sql(b)));
    execute format('select f.* from %s($1, $2, $3, $4) f', pgscore._event_object(b, 'tick'))
        into ticked, locked, last_due, last_key, finished using rows, until, after_due, after_key;
end
$$;

comment on function pgscore._tick_step(integer, timestamptz, timestamptz, text[], integer) is
    'Brings up the next profiles of a binding that are due, after the last one of an earlier step; what it did stands when the caller commits';
grant execute on function pgscore._tick_step(integer, timestamptz, timestamptz, text[], integer) to pgscore_reader;

create procedure pgscore.tick(events regclass default null, profile regclass default null)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, every name here is
    -- qualified, and all that is called is pinned itself.
    pinned pg_catalog.text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    bindings pg_catalog.int4[] := pgscore._bindings_to_tick(events, profile);
    until pg_catalog.timestamptz := pg_catalog.clock_timestamp();
    next pg_catalog.int4;
    events_name pg_catalog.text;
    step pg_catalog.record;
    last_due pg_catalog.timestamptz;
    last_key pg_catalog.text[];
    ticked pg_catalog.int8;
    locked pg_catalog.int8;
    finished pg_catalog.bool;
    failed pg_catalog.text;
begin
    if pg_catalog.cardinality(bindings) = 0 then
        raise notice 'no binding of yours has a window, so nothing is due';
    end if;
    foreach next in array bindings loop
        select b.name into events_name from pgscore.binding b where b.number operator(pg_catalog.=) next;
        last_due := null;
        last_key := null;
        ticked := 0;
        locked := 0;
        finished := false;
        while not finished loop
            -- The first thing of a transaction: whatever the session's default is.
            commit;
            set transaction isolation level read committed;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            -- One that fails does not keep the others from being brought up.
            begin
                select s.* into step from pgscore._tick_step(next, until, last_due, last_key) s;
                ticked := ticked operator(pg_catalog.+) step.ticked;
                locked := locked operator(pg_catalog.+) step.locked;
                last_due := step.last_due;
                last_key := step.last_key;
                finished := step.finished;
            exception when others then
                failed := pg_catalog.concat_ws('; ', failed, pg_catalog.format('%s: %s', events_name, sqlerrm));
                finished := true;
            end;
        end loop;
        commit;
        pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        raise info '%: % profiles brought up%', events_name, ticked, case when locked operator(pg_catalog.>) 0
            then pg_catalog.format('; %s were locked by others and are due until the next tick', locked) else '' end;
    end loop;
    if failed is not null then
        raise exception '%', failed using hint = 'What was brought up before stays so.';
    end if;
end
$$;

comment on procedure pgscore.tick(regclass, regclass) is
    'Brings up profiles that are due, because events have left their windows, and their scores: of two tables, or of all bindings that are the caller''s. Some hundred at a time, each in a transaction; rows that others have locked are left to the next call, and counted';
grant execute on procedure pgscore.tick(regclass, regclass) to pgscore_reader;
