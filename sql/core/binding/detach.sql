create function pgscore._drop_functions_sql(b pgscore.binding, is_shared boolean) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Triggers go with them.
    select format('drop function if exists %s cascade', f.oid::regprocedure)
    from pgscore._generated_functions(b) f
    where f.owner = b.owner and f.is_shared = _drop_functions_sql.is_shared
$$;

comment on function pgscore._drop_functions_sql(pgscore.binding, boolean) is
    'What drops generated functions, with their triggers: a binding''s own ones, or those that it shares';
grant execute on function pgscore._drop_functions_sql(pgscore.binding, boolean) to pgscore_reader;

create function pgscore._drop_binding_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._drop_functions_sql(b, false)
    union all
    -- The last of them takes along what they shared on the event table.
    select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass)
    from pg_catalog.pg_trigger t
    where t.tgrelid = b.events and t.tgfoid = pgscore._procedure(b.profile_schema, b.profile_prefix || '_run')
        and not exists (select from pgscore.binding o where o.events = b.events and o.profile = b.profile)
$$;

comment on function pgscore._drop_binding_sql(pgscore.binding) is 'What drops the functions and triggers of an event table';
grant execute on function pgscore._drop_binding_sql(pgscore.binding) to pgscore_reader;

create function pgscore._drop_profile_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._drop_functions_sql(b, true)
    union all
    select format('drop table %s', t.object) from pgscore._generated_tables(b) t where t.owner = b.owner and t.kind = 'r'
$$;

comment on function pgscore._drop_profile_sql(pgscore.binding) is 'What drops the functions, triggers and tables that the bindings of a profile table shared';
grant execute on function pgscore._drop_profile_sql(pgscore.binding) to pgscore_reader;

create function pgscore._generated_objects(b pgscore.binding) returns table (kind text, object text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with functions as (
        select f.oid from pgscore._generated_functions(b) f where f.owner = b.owner
    )
    select 'trigger', format('%I on %s', t.tgname, t.tgrelid::regclass)
    from pg_catalog.pg_trigger t where t.tgfoid in (select f.oid from functions f) and t.tgparentid = 0
    union
    select 'function', f.oid::regprocedure::text from functions f
    union
    select 'table', t.oid::regclass::text from pgscore._generated_tables(b) t
$$;

comment on function pgscore._generated_objects(pgscore.binding) is 'What is there of what was generated for a binding, and for its profile table';
grant execute on function pgscore._generated_objects(pgscore.binding) to pgscore_reader;

create function pgscore._check_rest(profile regclass, gone pgscore.binding[]) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    broken record;
begin
    select o.name, p.problem into broken
    from pgscore._bindings_of(_check_rest.profile) o, lateral (select pgscore._binding_problem(pgscore._followed(o)) as problem) p
    where o.number not in (select g.number from unnest(gone) g) and p.problem is not null
        and exists (select from pg_catalog.pg_class c where c.oid = _check_rest.profile)
    order by o.number limit 1;
    if found then
        raise exception 'what the bindings of table % share cannot be made anew, because the binding % does not fit its tables any more: %',
            profile, broken.name, broken.problem using errcode = 'object_not_in_prerequisite_state', hint = format(
                'Mend that, or detach it too: select * from pgscore.detach(array[%s])',
                (select string_agg(quote_literal(g.name), ', ') from unnest(gone) g) || ', ' || quote_literal(broken.name)
            );
    end if;
end
$$;

comment on function pgscore._check_rest(regclass, pgscore.binding[]) is
    'Refuses to detach some bindings of a profile table where another one stands in the way of generating what is left';
grant execute on function pgscore._check_rest(regclass, pgscore.binding[]) to pgscore_reader;

create function pgscore._detach(gone pgscore.binding[]) returns table (kind text, object text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    one constant pgscore.binding := gone[1];
    rest pgscore.binding;
    is_left boolean := false;
    queues regclass[];
    former text[];
begin
    -- All of one profile table.
    perform pgscore._lock_owner(one.owner) where exists (select from pg_catalog.pg_roles r where r.oid = one.owner);
    perform pgscore._follow_columns(one.profile);
    perform pgscore._check_rest(one.profile, gone);
    queues := pgscore._queues_of(one.owner);
    perform pgscore._settle(q) from unnest(queues) q;
    -- Transactions that have queued work for a table of the owner's are over then: at commit each looks into all queues.
    perform pgscore._lock_tables((select array_agg(distinct g.events) from unnest(gone) g) || one.profile, 'access exclusive', queues);
    former := array(select distinct o.kind || ' ' || o.object from unnest(gone) g, pgscore._generated_objects(g) o);
    delete from pgscore.binding b where b.number in (select g.number from unnest(gone) g);
    if exists (select from pgscore.binding b where b.number in (select g.number from unnest(gone) g)) then
        raise exception '% owned table % when it was attached, and % is no member of it', one.owner, one.profile, current_user
            using errcode = 'insufficient_privilege', hint = format('Connect as a member of %s.', one.owner);
    end if;
    perform pgscore._run_all(array(select distinct s from unnest(gone) g, pgscore._drop_binding_sql(g) s));
    -- Another one of each event table, whose triggers may be others now; or any, for what all of them share.
    for rest in
        select distinct on (t.events) b.*
        from pgscore._bindings_of(one.profile) b,
            lateral (select case when b.events in (select g.events from unnest(gone) g) then b.events::oid end as events) t
        order by t.events, b.number
    loop
        exit when is_left and rest.events not in (select g.events from unnest(gone) g)
            or not exists (select from pg_catalog.pg_class c where c.oid = one.profile);
        perform pgscore._generate(rest);
        is_left := true;
    end loop;
    if not exists (select from pgscore._bindings_of(one.profile)) then
        perform pgscore._run_all(array(select pgscore._drop_profile_sql(one)));
        perform pgscore._run_all(array(select pgscore._other_commits_sql(one)));
    end if;
    return query
        select 'binding', g.name from unnest(gone) g
        union all
        (
            select split_part(f, ' ', 1), substr(f, strpos(f, ' ') + 1) from unnest(former) f
            except
            select o.kind, o.object from unnest(gone) g, pgscore._generated_objects(g) o
            order by 1, 2
        );
end
$$;

comment on function pgscore._detach(pgscore.binding[]) is 'Detaches bindings of one profile table, and says what went';
grant execute on function pgscore._detach(pgscore.binding[]) to pgscore_reader;

create function pgscore.detach(events regclass, profile regclass, model text default null) returns table (kind text, object text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    gone pgscore.binding[];
begin
    perform pgscore._check_owner(events, profile);
    if not exists (
        select from pgscore.binding b
        where (b.events, b.profile) = (detach.events, detach.profile) and b.model = coalesce(detach.model, b.model)
    ) then
        raise exception 'table % is not attached to %', events, profile || coalesce(' for model "' || model || '"', '') using errcode = 'undefined_object';
    end if;
    -- Bindings whose event tables were dropped go along: nothing can be generated for them any more.
    select array_agg(b order by b.number) into gone
    from pgscore.binding b
    where b.profile = detach.profile
        and (
            (b.events = detach.events and b.model = coalesce(detach.model, b.model))
            or not exists (select from pg_catalog.pg_class c where c.oid = b.events)
        );
    return query select * from pgscore._detach(gone);
end
$$;

comment on function pgscore.detach(regclass, regclass, text) is
    'Detaches an event table from a profile table, for one model or for all: triggers and generated functions go, the data stays as it is; says what went';
grant execute on function pgscore.detach(regclass, regclass, text) to pgscore_reader;

create function pgscore.detach(bindings text[]) returns table (kind text, object text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    chosen pgscore.binding[];
    wrong text;
    each record;
begin
    -- Names are unique for each owner.
    select array_agg(b order by b.number) into chosen
    from pgscore.binding b
    where b.name = any (bindings) and (
        pg_has_role(current_user, b.owner::oid, 'usage') or not exists (
            select from pgscore.binding o where o.name = b.name and pg_has_role(current_user, o.owner::oid, 'usage')
        )
    );
    select n into wrong from unnest(bindings) n
    where n is null or not exists (select from unnest(chosen) c where c.name = n) order by n limit 1;
    if found then
        raise exception 'there is no binding %', wrong using errcode = 'undefined_object', hint = 'select name from pgscore.binding lists them.';
    end if;
    select c.name into wrong from unnest(chosen) c group by c.name having count(*) > 1 limit 1;
    if found then
        raise exception 'several owners have a binding %', wrong
            using errcode = 'ambiguous_parameter', hint = 'Name its tables: select * from pgscore.detach(events, profile).';
    end if;
    perform pgscore._check_owner(c.events, c.profile) from unnest(chosen) c;
    for each in
        select array_agg(c order by c.number) as bindings from unnest(chosen) c group by c.profile order by c.profile::oid
    loop
        return query select * from pgscore._detach(each.bindings);
    end loop;
end
$$;

comment on function pgscore.detach(text[]) is 'Detaches bindings by their names, together; says what went';
grant execute on function pgscore.detach(text[]) to pgscore_reader;

create function pgscore.detach(binding text) returns table (kind text, object text)
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select * from pgscore.detach(array[binding])
$$;

comment on function pgscore.detach(text) is 'Detaches a binding by its name; says what went';
grant execute on function pgscore.detach(text) to pgscore_reader;
