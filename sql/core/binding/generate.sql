create function pgscore._leftover_triggers(b pgscore.binding) returns table (name name, relation regclass)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema brings triggers along, a renamed table keeps them, and so does a partition that was detached:
    -- what no binding accounts for would count a second time.
    with wanted as materialized (
        select r.relation, t.name
        from pgscore.binding o, pgscore._partitions(o.events) as r (relation),
            unnest(array['insert', 'update', 'delete', 'row', 'truncate']) as w (what),
            lateral (select substr(o.event_prefix::text || '_' || w.what, 2) as name) t
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.events)
        union all
        select r.relation, t.name
        from (select distinct o.owner, o.profile from pgscore.binding o) o, pgscore._partitions(o.profile) as r (relation),
            unnest(array['~pgscore_score', 'pgscore_arrive', 'pgscore_forget', 'pgscore_forget_all', 'pgscore_rekey']) as t (name)
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.profile)
        union all
        select o.events, pgscore._run_trigger(o) from pgscore.binding o where o.owner = b.owner and pgscore._is_together(o)
        union all
        select r.relation, t.name
        from (
            select distinct o.profile from pgscore.binding o join pg_catalog.pg_class c on c.oid = o.profile
            where o.owner = b.owner and (o.changes or num_nonnulls(o.notify_above, o.notify_below) > 0)
        ) o, pgscore._partitions(o.profile) as r (relation), pgscore._tell_triggers(o.profile) t
    )
    select t.tgname, t.tgrelid::regclass
    from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
    where c.relowner = b.owner and t.tgname ~ '^[~!]?pgscore_' and not t.tgisinternal
        -- By its number: a join would look at all functions of that name for each trigger.
        and (select p.proname ~ '^_pgscore_' from pg_catalog.pg_proc p where p.oid = t.tgfoid)
        -- Of other tables only such as were partitions of these.
        and (
            c.oid in (b.events, b.profile)
            or t.tgfoid in (select g.tgfoid from pg_catalog.pg_trigger g where g.tgrelid in (b.events, b.profile))
        )
        and (t.tgrelid, t.tgname::text) not in (select w.relation::oid, w.name from wanted w)
$$;

comment on function pgscore._leftover_triggers(pgscore.binding) is 'Triggers of pgscore that no binding accounts for, on the tables of a binding and on former partitions of them';
grant execute on function pgscore._leftover_triggers(pgscore.binding) to pgscore_reader;

create function pgscore._taken_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format('%s stands where pgscore would make a table of its own, and is none of pgscore''s: rename it', t.object)
    from pgscore._generated_tables(b) t
    where t.owner <> b.owner or t.kind <> 'r' or coalesce(obj_description(t.oid, 'pg_class'), '') !~ '^pgscore: '
    union all
    select format('function %s stands where pgscore would make one, and belongs to %s: drop it', f.oid::regprocedure, f.owner::regrole)
    from pgscore._generated_functions(b) f where f.owner <> b.owner
    limit 1
$$;

comment on function pgscore._taken_problem(pgscore.binding) is 'What stands in the way of what a binding generates, in a sentence; NULL where nothing does';
grant execute on function pgscore._taken_problem(pgscore.binding) to pgscore_reader;

create function pgscore._former_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Their arguments follow keys, reducers and columns: one with others would stay beside the new one.
    select format('drop function if exists %s', f.oid::regprocedure)
    from pgscore._generated_functions(b) f
    where f.owner = b.owner and (
        f.what in ('recount', 'reconcile', 'apply', 'rescore')
        -- No binding wants it any more; its triggers are gone.
        or f.what in ('tell', 'notify', 'run') and not pgscore._is_wanted(b, f.what)
            and not exists (select from pg_catalog.pg_trigger t where t.tgfoid = f.oid and t.tgrelid <> b.profile)
    )
$$;

comment on function pgscore._former_functions_sql(pgscore.binding) is 'What drops functions of a binding that CREATE OR REPLACE could not replace';
grant execute on function pgscore._former_functions_sql(pgscore.binding) to pgscore_reader;

create function pgscore._backfill_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Functions for this once: rows are changed with the owner's rights, whoever calls attach. Deferred triggers of the
    -- tables fire in them where a member calls, or at COMMIT they would have the rights of that member.
    -- It moves the counters of this binding alone: to find those of all others again takes time with their number.
    select pgscore._applying_sql(
        b, pgscore._event_object(b, 'count_all'), array[b], array(select t from pgscore._backfill_targets(b) t),
        'counts what an event table holds when it is attached'
    )
    union all
    select pgscore._function_sql(
        pgscore._event_object(b, 'backfill') || '()', 'void', 'plpgsql volatile',
        format(
            e'begin\n    insert into %s (pgscore_binding, pgscore_task) values (%s, ''recount all'');\n    perform %s(null);\n%send',
            pgscore._profile_object(b, 'queue'), b.number, pgscore._event_object(b, 'count_all'),
            case when pg_get_userbyid(b.owner) <> current_user then e'    set constraints all immediate;\n' else '' end
        ),
        'counts what an event table holds when it is attached', b.owner
    )
    union all
    select format('select %s()', pgscore._event_object(b, 'backfill'))
    union all
    select format('drop function %s()', pgscore._event_object(b, 'backfill'))
    union all
    select format('drop function %s(%s[])', pgscore._event_object(b, 'count_all'), pgscore._profile_object(b, 'queue'))
$$;

comment on function pgscore._backfill_sql(pgscore.binding) is 'What counts the events that an event table holds when it is attached';
grant execute on function pgscore._backfill_sql(pgscore.binding) to pgscore_reader;

create function pgscore._other_commits_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.statement
    from (
        select distinct on (o.profile) o
        from pgscore.binding o
        where o.owner = b.owner and o.profile <> b.profile and exists (select from pg_catalog.pg_class c where c.oid = o.profile)
            and pgscore._procedure(o.profile_schema, o.profile_prefix || '_commit') is not null
        order by o.profile, o.number
    ) other, pgscore._commit_sql(other.o) as s (statement)
$$;

comment on function pgscore._other_commits_sql(pgscore.binding) is 'What makes anew the functions of the queues of an owner''s other profile tables: at commit each does the work of all, in one order';
grant execute on function pgscore._other_commits_sql(pgscore.binding) to pgscore_reader;

create function pgscore._regrouped(b pgscore.binding) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select o.*
    from pgscore._bindings_of(b.profile) o
    where o.events = b.events and o.number <> b.number and o.timing = 'statement' and pgscore._is_together(o) <> exists (
        select from pg_catalog.pg_trigger t
        where t.tgrelid = b.events and t.tgfoid = pgscore._procedure(b.profile_schema, b.profile_prefix || '_run')
    )
$$;

comment on function pgscore._regrouped(pgscore.binding) is
    'The other bindings of two tables whose trigger functions are to be made anew, because they are more, or fewer, than one UPDATE for each of them is good for';
grant execute on function pgscore._regrouped(pgscore.binding) to pgscore_reader;

create function pgscore._generate(b pgscore.binding) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    others constant pgscore.binding[] := array(select o from pgscore._regrouped(b) o);
begin
    -- Also where the row was not written by attach: it is its owner's to write.
    perform pgscore._refuse(pgscore._taken_problem(b));
    perform pgscore._run_all(array(select format('drop trigger %I on %s', t.name, t.relation) from pgscore._leftover_triggers(b) t));
    perform pgscore._run_all(array(select pgscore._former_functions_sql(b)));
    perform pgscore._run_all(array(select pgscore._queue_sql(b)));
    perform pgscore._run_all(array(select pgscore._event_functions_sql(o) from unnest(others || b) o));
    perform pgscore._run_all(array(select pgscore._profile_functions_sql(b)));
    perform pgscore._run_all(array(select pgscore._reconcile_sql(b)));
    perform pgscore._run_all(array(select pgscore._tick_sql(b)));
    perform pgscore._run_all(array(select pgscore._queue_triggers_sql(b)));
    perform pgscore._run_all(array(select pgscore._other_commits_sql(b)));
    perform pgscore._run_all(array(select pgscore._event_triggers_sql(b)));
    perform pgscore._run_all(array(select pgscore._profile_triggers_sql(b)));
end
$$;

comment on function pgscore._generate(pgscore.binding) is 'Makes functions, tables and triggers of a binding, and of what it shares with others';
grant execute on function pgscore._generate(pgscore.binding) to pgscore_reader;
