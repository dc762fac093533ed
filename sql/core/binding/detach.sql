create function pgscore._drop_functions_sql(schema name, prefix name, endings text[], owner regrole) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Triggers go with them.
    select format('drop function if exists %s cascade', p.oid::regprocedure)
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = schema and p.proowner = owner and p.proname in (select prefix || '_' || e from unnest(endings) e)
$$;

comment on function pgscore._drop_functions_sql(name, name, text[], regrole) is 'What drops generated functions, with their triggers';
grant execute on function pgscore._drop_functions_sql(name, name, text[], regrole) to pgscore_reader;

create function pgscore._drop_binding_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._drop_functions_sql(
        b.event_schema, b.event_prefix, array['insert', 'update', 'delete', 'row', 'truncate', 'recount', 'reconcile'], b.owner
    )
$$;

comment on function pgscore._drop_binding_sql(pgscore.binding) is 'What drops the functions and triggers of an event table';
grant execute on function pgscore._drop_binding_sql(pgscore.binding) to pgscore_reader;

create function pgscore._drop_profile_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._drop_functions_sql(
        b.profile_schema, b.profile_prefix, array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey'], b.owner
    )
    union all
    select format('drop table %s', pgscore._profile_object(b, w.what))
    from unnest(array['queue', 'arrival']) as w (what)
    join pg_catalog.pg_class c on c.oid = pgscore._profile_relation(b, w.what)
    where c.relowner = b.owner and c.relkind = 'r'
$$;

comment on function pgscore._drop_profile_sql(pgscore.binding) is 'What drops the functions, triggers and tables that the bindings of a profile table shared';
grant execute on function pgscore._drop_profile_sql(pgscore.binding) to pgscore_reader;

create function pgscore.detach(events regclass, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    gone pgscore.binding[];
    one pgscore.binding;
    rest pgscore.binding;
    queues regclass[];
begin
    perform pgscore._check_owner(events, profile);
    -- Bindings whose event tables were dropped go along: nothing can be generated for them any more.
    select array_agg(b order by b.number) into gone
    from pgscore.binding b
    where b.profile = detach.profile
        and (b.events = detach.events or not exists (select from pg_catalog.pg_class c where c.oid = b.events));
    if gone is null then
        raise exception 'table % is not attached to %', events, profile using errcode = 'undefined_object';
    end if;
    one := gone[1];
    perform pgscore._lock_owner(one.owner) where exists (select from pg_catalog.pg_roles r where r.oid = one.owner);
    queues := pgscore._queues_of(one.owner);
    perform pgscore._settle(q) from unnest(queues) q;
    -- Transactions that have queued work for a table of the owner's are over then: at commit each looks into all queues.
    perform pgscore._lock_tables(array[events, profile], 'access exclusive', queues);
    delete from pgscore.binding b where b.number in (select g.number from unnest(gone) g);
    if exists (select from pgscore.binding b where b.number in (select g.number from unnest(gone) g)) then
        raise exception '% owned table % when it was attached, and % is no member of it', one.owner, profile, current_user
            using errcode = 'insufficient_privilege', hint = format('Connect as a member of %s.', one.owner);
    end if;
    perform pgscore._run_all(array(select pgscore._drop_binding_sql(g) from unnest(gone) g));
    select b.* into rest from pgscore._bindings_of(profile) b order by b.number limit 1;
    if rest.number is not null and exists (select from pg_catalog.pg_class c where c.oid = profile) then
        perform pgscore._generate(rest);
    elsif rest.number is null then
        perform pgscore._run_all(array(select pgscore._drop_profile_sql(one)));
        perform pgscore._run_all(array(select pgscore._other_commits_sql(one)));
    end if;
end
$$;

comment on function pgscore.detach(regclass, regclass) is
    'Detaches an event table from a profile table: triggers and generated functions go, the data stays as it is';
grant execute on function pgscore.detach(regclass, regclass) to pgscore_reader;
