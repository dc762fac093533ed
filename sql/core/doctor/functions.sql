-- The functions that attach generates: whether they are there, are what it would make now, and have their guards.

create function pgscore._doctor_generated() returns table (
    number integer, owner oid, name text, function oid, is_shared boolean, wanted_owner oid
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.number, p.proowner, format('%I.%I', g.schema, g.name), p.oid, g.is_shared, b.owner::oid
    from pgscore.binding b
    join pg_catalog.pg_class c on c.oid = b.events
    join pg_catalog.pg_class o on o.oid = b.profile
    cross join pgscore._generated_names(b) g
    left join pg_catalog.pg_namespace n on n.nspname = g.schema
    left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = g.name
    where g.kind = 'function' and pgscore._is_wanted(b, g.what) and (
        not g.is_shared
        -- What the bindings of a profile table share is told of the first of them.
        or b.number = (select min(f.number) from pgscore.binding f join pg_catalog.pg_class x on x.oid = f.events where f.profile = b.profile)
    )
$$;

comment on function pgscore._doctor_generated() is 'The functions that the bindings have, with NULL for one that is not there';
grant execute on function pgscore._doctor_generated() to pgscore_reader;

create function pgscore._doctor_made(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A generator says the hash of a function's text in its comment.
    select substring(s from E'\\(([0-9a-f]{32})\\)''$')
    from (
        select s from pgscore._event_functions_sql(b) s
        union all
        select s from pgscore._reconcile_sql(b) s
        union all
        select s from pgscore._tick_sql(b) s
        union all
        -- No binding stands in what all of them share, so one is as good as another.
        select s from pgscore._profile_functions_sql(b) s
        where b.number = (select min(f.number) from pgscore._bindings_of(b.profile) f)
        union all
        select s from pgscore._rescore_sql(b) s
        where pgscore._has_rescore(b) and b.number = (select min(f.number) from pgscore._bindings_of(b.profile) f)
    ) g
    where s like 'comment on function %'
$$;

comment on function pgscore._doctor_made(pgscore.binding) is
    'The hashes of what attach would generate for a binding now; for the first of a profile table with what they share';
grant execute on function pgscore._doctor_made(pgscore.binding) to pgscore_reader;

create function pgscore._doctor_functions() returns table (number integer, name text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select g.number, g.name, s.state
    from pgscore._doctor_generated() g
    left join pg_catalog.pg_proc p on p.oid = g.function
    cross join lateral (
        select case
            when p.oid is null then 'missing'
            when p.proowner <> g.wanted_owner then 'owner'
            when position(md5(p.prosrc) in coalesce(obj_description(p.oid, 'pg_proc'), '')) = 0 then 'edited'
            -- The condition of a trigger is evaluated by whoever writes to the table, with their rights: it qualifies each name.
            when g.name ~ '_is_marked"?$' then case when p.prosecdef then 'loose' end
            when not p.prosecdef or not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)
                or has_function_privilege('public', p.oid, 'execute') and g.name !~ '_has_mark"?$' then 'loose'
        end as state
    ) s
    where s.state is not null
    order by g.number, g.is_shared, g.name
$$;

comment on function pgscore._doctor_functions() is
    'Generated functions that are missing, belong to another role, were edited (their text is not that of the hash in their comment), or are loose: without SECURITY DEFINER, pinned path or revoked EXECUTE';
grant execute on function pgscore._doctor_functions() to pgscore_reader;

create function pgscore._doctor_outdated(max_seconds double precision) returns table (number integer, name text, state text)
language plpgsql stable
-- Compiling the generators' queries would take longer than all the rest.
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    began constant timestamptz := clock_timestamp();
    b pgscore.binding;
    made text[];
begin
    for b in
        select o.* from pgscore.binding o
        where (select count(*) from pg_catalog.pg_class c where c.oid in (o.events, o.profile)) = 2
            and not exists (
                select from pg_catalog.pg_namespace n
                where n.nspname in (o.event_schema, o.profile_schema) and not has_schema_privilege(n.oid, 'usage')
            )
        -- Another turn takes others first.
        order by random()
    loop
        if clock_timestamp() > began + make_interval(secs => max_seconds) then
            return query select b.number, null::text, 'unlooked'::text;
            continue;
        end if;
        begin
            made := array(select m from pgscore._doctor_made(b) m);
            return query
            select b.number, g.name, 'outdated'::text
            from pgscore._doctor_generated() g join pg_catalog.pg_proc p on p.oid = g.function
            where g.number = b.number and md5(p.prosrc) <> all (made)
                -- Edited ones are told already.
                and position(md5(p.prosrc) in coalesce(obj_description(p.oid, 'pg_proc'), '')) > 0
            order by g.is_shared, g.name;
            return query
            select b.number, pgscore._profile_object(b, 'queue'), 'queue'::text
            where exists (select from pgscore._queue_sql(b) s where s ~ '^create (unlogged )?table');
        exception when others then
            -- What does not fit its tables cannot be generated, and is told as a misfit.
            null;
        end;
    end loop;
end
$$;

comment on function pgscore._doctor_outdated(double precision) is
    'Generated functions that attach would write otherwise now, and queues that it would make anew; unlooked: bindings for which there was no time';
grant execute on function pgscore._doctor_outdated(double precision) to pgscore_reader;
