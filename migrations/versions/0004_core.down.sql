-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

create or replace function pgscore._taken_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format('%s stands where pgscore would make a table of its own, and is none of pgscore''s: rename it', o.name)
    from (values (pgscore._profile_object(b, 'queue'), pgscore._profile_relation(b, 'queue')), (pgscore._profile_object(b, 'arrival'), pgscore._profile_relation(b, 'arrival'))) as o (name, relation)
    join pg_catalog.pg_class c on c.oid = o.relation
    where c.relowner <> b.owner or c.relkind <> 'r' or coalesce(obj_description(c.oid, 'pg_class'), '') !~ '^pgscore: '
    union all
    select format('function %s stands where pgscore would make one, and belongs to %s: drop it', p.oid::regprocedure, p.proowner::regrole)
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where p.proowner <> b.owner and (
        (n.nspname = b.event_schema and p.proname in (select b.event_prefix || '_' || w from unnest(array['insert', 'update', 'delete', 'row', 'truncate', 'recount', 'reconcile']) w))
        or (n.nspname = b.profile_schema and p.proname in (select b.profile_prefix || '_' || w from unnest(array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey']) w))
    )
    limit 1
$$;

create or replace function pgscore._former_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Their arguments follow keys, reducers and columns: one with others would stay beside the new one.
    select format('drop function if exists %s', p.oid::regprocedure)
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where p.proowner = b.owner and (
        (n.nspname = b.event_schema and p.proname in (b.event_prefix || '_recount', b.event_prefix || '_reconcile'))
        or (n.nspname = b.profile_schema and p.proname = b.profile_prefix || '_apply')
    )
$$;

-- core/binding/compare.sql
create or replace function pgscore._function_states(b pgscore.binding) returns table (object text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with statements as (
        select s from pgscore._event_functions_sql(b) s
        union all select s from pgscore._reconcile_sql(b) s
        union all select s from pgscore._profile_functions_sql(b) s
    ),
    wanted as (
        select n.schema, n.name, c.s as makes, substring(m.s from '[(]([0-9a-f]{32})[)]''$') as hash, split_part(c.s, e'\n', 2) as posture
        from (
            select b.event_schema as schema, b.event_prefix || '_' || w as name
            from unnest(case when pgscore._is_partitioned(b.events) then array['row'] else array['insert', 'update', 'delete'] end
                || array['truncate', 'recount', 'reconcile']) w
            union all
            select b.profile_schema, b.profile_prefix || '_' || w from unnest(array['apply', 'commit', 'score', 'arrive', 'forget', 'rekey']) w
        ) n
        join statements c on starts_with(c.s, format('create or replace function %I.%I(', n.schema, n.name))
        join statements m on starts_with(m.s, format('comment on function %I.%I(', n.schema, n.name))
    )
    select coalesce(p.oid::regprocedure::text, format('%I.%I', w.schema, w.name)), case
            when p.oid is null then 'missing'
            when md5(p.prosrc) is distinct from o.hash then 'edited'
            when p.proowner <> b.owner or not p.prosecdef or has_function_privilege('public', p.oid, 'execute')
                or (p.provolatile = 's') <> (w.posture ~ ' stable')
                or array(select c from unnest(p.proconfig) c order by c collate "C") <> array(
                    select m[1] || '=' || m[2] from regexp_matches(w.posture, ' set ([a-z_]+) = (pg_catalog, pg_temp|[^ ]+)', 'g') m
                    order by (m[1] || '=' || m[2]) collate "C"
                )
            then 'altered'
            when o.hash <> w.hash
                -- Arguments follow the types of columns, and have no length of their own.
                or not starts_with(
                    regexp_replace(w.makes, E'[(]\\d+(,\\d+)?[)]', '', 'g'),
                    format('create or replace function %I.%I(%s)', w.schema, w.name, replace(pg_get_function_arguments(p.oid), 'OUT ', 'out '))
                )
            then 'outdated'
            else 'ok'
        end
    from wanted w
    left join pg_catalog.pg_namespace n on n.nspname = w.schema
    left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = w.name,
        lateral (select substring(obj_description(p.oid, 'pg_proc') from '[(]([0-9a-f]{32})[)]$') as hash) o
$$;

create or replace function pgscore._drop_profile_sql(b pgscore.binding) returns setof text
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

create or replace function pgscore._generated_objects(b pgscore.binding) returns table (kind text, object text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with functions as (
        select p.oid
        from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where p.proowner = b.owner and (
            (n.nspname = b.event_schema and p.proname in (
                select b.event_prefix || '_' || e from unnest(array['insert', 'update', 'delete', 'row', 'truncate', 'recount', 'reconcile']) e
            ))
            or (n.nspname = b.profile_schema and p.proname in (
                select b.profile_prefix || '_' || e from unnest(array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey']) e
            ))
        )
    )
    select 'trigger', format('%I on %s', t.tgname, t.tgrelid::regclass)
    from pg_catalog.pg_trigger t where t.tgfoid in (select f.oid from functions f) and t.tgparentid = 0
    union
    select 'function', f.oid::regprocedure::text from functions f
    union
    select 'table', q.relation::text
    from unnest(array['queue', 'arrival']) as w (what), lateral (select pgscore._profile_relation(b, w.what) as relation) q
    where q.relation is not null
$$;

-- core/doctor/functions.sql
-- The functions that attach generates: whether they are there, are what it would make now, and have their guards.

create or replace function pgscore._doctor_generated() returns table (
    number integer, owner oid, name text, function oid, is_shared boolean, wanted_owner oid
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.number, p.proowner, format('%I.%I', w.schema, w.prefix || '_' || w.what), p.oid, w.is_shared, b.owner::oid
    from pgscore.binding b
    join pg_catalog.pg_class c on c.oid = b.events
    join pg_catalog.pg_class o on o.oid = b.profile,
        lateral (
            select b.event_schema as schema, b.event_prefix as prefix, e as what, false as is_shared
            from unnest(case c.relkind when 'p' then array['row'] else array['insert', 'update', 'delete'] end
                || array['truncate', 'recount', 'reconcile']) e
            union all
            -- What the bindings of a profile table share is told of the first of them.
            select b.profile_schema, b.profile_prefix, e, true
            from unnest(array['apply', 'commit', 'score', 'arrive', 'forget', 'rekey']) e
            where b.number = (
                select min(f.number) from pgscore.binding f join pg_catalog.pg_class x on x.oid = f.events where f.profile = b.profile
            )
        ) w
    left join pg_catalog.pg_namespace n on n.nspname = w.schema
    left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = w.prefix || '_' || w.what
$$;

create or replace function pgscore._doctor_made(b pgscore.binding) returns setof text
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
        -- No binding stands in what all of them share, so one is as good as another.
        select s from pgscore._profile_functions_sql(b) s
        where b.number = (select min(f.number) from pgscore._bindings_of(b.profile) f)
    ) g
    where s like 'comment on function %'
$$;

drop function pgscore._rescore_template();

drop function pgscore._rescore_target_template();

drop function pgscore._rescore_work_template();

drop function pgscore._rescore_ask_template();

drop function pgscore._rescore_write_template();

drop function pgscore._rescore_log_template();

drop function pgscore._has_rescore(b pgscore.binding);

drop function pgscore._page_key(profile regclass);

drop function pgscore._bound_keys_sql(key name[], types text[], variable text);

drop function pgscore._places_sql(key name[], source text);

drop function pgscore._wanted_sql(b pgscore.binding);

drop function pgscore._rescore_write_sql(b pgscore.binding, parts jsonb);

drop function pgscore._rescore_target_sql(b pgscore.binding);

drop function pgscore._rescore_sql(b pgscore.binding);

drop function pgscore._into_problem(profile regclass, target regclass, out problem text, out hint text);

drop function pgscore._into_columns_sql(profile regclass);

drop function pgscore._check_into(profile regclass, target regclass);

drop function pgscore._into_page(j pgscore.job, out page_first text[], out page_last text[], out checked bigint);

drop function pgscore._into_work(j pgscore.job, part pgscore.job_part, out changed bigint, out refused bigint);

drop function pgscore._fill_new(model text, profile regclass, schema_name name, table_name name);

drop function pgscore._serving_version(model text);

drop function pgscore._promotions(model text);

drop function pgscore._rescored_binding(model text, profile regclass);

drop function pgscore._make_rescore(b pgscore.binding);

drop function pgscore._start_job(model text, profile regclass, whole boolean, target regclass, batch integer);

drop function pgscore._rows_to_rescore(j pgscore.job);

drop function pgscore._run_rescore(j pgscore.job, task text, part pgscore.job_part, out page_first text[], out page_last text[], out checked bigint, out changed bigint, out refused bigint, out skipped text[]);

drop function pgscore._hand_out(job pgscore.job);

drop function pgscore._end_pass(job pgscore.job, out ends text, out waits double precision);

drop function pgscore._do_part(j pgscore.job, part pgscore.job_part);

drop function pgscore._rescore_step(job bigint, out state text, out waits double precision, out total bigint, out done bigint, out changed bigint, out refused bigint, out left_out bigint);

drop function pgscore._report_rescore(job bigint);

drop procedure pgscore.rescore(model text, profile regclass, whole boolean, target regclass, batch integer);

drop table pgscore.job_part;
drop table pgscore.job;

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- core/become_oneself.sql
reset search_path;

reset role;
