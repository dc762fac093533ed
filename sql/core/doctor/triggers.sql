-- The triggers that attach makes, on a table and on each of its partitions.

create function pgscore._doctor_function(schema name, prefix name, what text) returns oid
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- to_regprocedure would ask for rights on the schema.
    select f.oid from pg_catalog.pg_proc f join pg_catalog.pg_namespace n on n.oid = f.pronamespace
    where f.pronargs = 0 and n.nspname = schema and f.proname = prefix || '_' || what
$$;

comment on function pgscore._doctor_function(name, name, text) is 'A trigger function of a binding; NULL where there is none';
grant execute on function pgscore._doctor_function(name, name, text) to pgscore_reader;

create function pgscore._doctor_wanted() returns table (
    number integer, relation regclass, is_partition boolean, name text, function oid, called text, purpose text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Of partitioned events the parent hands on a trigger for rows, and none for statements.
    select b.number, r.member, r.is_partition, substr(b.event_prefix || '_' || w.what, 2),
        pgscore._doctor_function(b.event_schema, b.event_prefix, w.what), b.event_prefix || '_' || w.what, case w.what when 'truncate' then 'truncate' else 'count' end
    from pgscore.binding b
    join pg_catalog.pg_class c on c.oid = b.events,
        (values ('insert', false), ('update', false), ('delete', false), ('row', true), ('truncate', null)) as w (what, partitioned),
        pgscore._doctor_family(b.events) r
    where coalesce(w.partitioned = (c.relkind = 'p'), true)
    union all
    select b.number, b.events, false, pgscore._run_trigger(b),
        pgscore._doctor_function(b.profile_schema, b.profile_prefix, 'run'), b.profile_prefix || '_run', 'run'
    from (
        select distinct on (o.events, o.profile) o.* from pgscore.binding o where o.timing = 'statement' order by o.events, o.profile, o.number
    ) b
    join pg_catalog.pg_class c on c.oid = b.events
    join pg_catalog.pg_class o on o.oid = b.profile
    where pgscore._is_together(b)
    union all
    select b.number, r.member, r.is_partition, w.name, pgscore._doctor_function(b.profile_schema, b.profile_prefix, w.what),
        b.profile_prefix || '_' || w.what, w.what
    from (select distinct on (o.profile) o.* from pgscore.binding o order by o.profile, o.number) b
    join pg_catalog.pg_class c on c.oid = b.profile,
        (values
            ('~pgscore_score', 'score'), ('pgscore_arrive', 'arrive'), ('pgscore_forget', 'forget'), ('pgscore_forget_all', 'forget'),
            ('pgscore_rekey', 'rekey')
        ) as w (name, what),
        pgscore._doctor_family(b.profile) r
    union all
    select b.number, r.member, r.is_partition, t.name, pgscore._doctor_function(b.profile_schema, b.profile_prefix, t.function),
        b.profile_prefix || '_' || t.function, t.function
    from (select distinct on (o.profile) o.* from pgscore.binding o order by o.profile, o.number) b
    join pg_catalog.pg_class c on c.oid = b.profile,
        pgscore._tell_triggers(b.profile) t, pgscore._doctor_family(b.profile) r
    union all
    select b.number, c.oid::regclass, false, w.name, pgscore._doctor_function(b.profile_schema, b.profile_prefix, 'commit'),
        b.profile_prefix || '_commit', 'commit'
    from (select distinct on (o.profile) o.* from pgscore.binding o order by o.profile, o.number) b
    join pg_catalog.pg_namespace n on n.nspname = b.profile_schema
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = b.profile_prefix || '_queue',
        (values ('pgscore_commit'), ('pgscore_statement')) as w (name)
$$;

comment on function pgscore._doctor_wanted() is
    'The triggers that bindings have; those of a profile table, which its bindings share, under the first of them';
grant execute on function pgscore._doctor_wanted() to pgscore_reader;

create function pgscore._doctor_triggers() returns table (
    number integer, relation text, is_partition boolean, purpose text, name text, state text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select w.number, w.relation::text, w.is_partition, w.purpose, quote_ident(w.name), s.state
    from pgscore._doctor_wanted() w
    left join pg_catalog.pg_trigger t on t.tgrelid = w.relation and t.tgname = w.name
    left join pg_catalog.pg_proc p on p.oid = t.tgfoid
    cross join lateral (
        select case
            when t.oid is null then 'missing'
            -- Where a schema was renamed no function is found under its former name.
            when t.tgfoid <> coalesce(w.function, t.tgfoid) or p.proname <> w.called then 'replaced'
            when t.tgenabled = 'D' then 'disabled'
            when t.tgenabled = 'R' then 'replica'
        end as state
    ) s
    where s.state is not null
    order by w.number, w.purpose, w.is_partition, w.relation::text, w.name
$$;

comment on function pgscore._doctor_triggers() is
    'Triggers of bindings that do not fire: missing, replaced by one that calls another function, disabled, or enabled for replicas only';
grant execute on function pgscore._doctor_triggers() to pgscore_reader;

create function pgscore._doctor_left_over() returns table (
    relation text, owner text, names text[], events text, profile text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema brings triggers along, and a partition that was detached keeps those that stand on each partition.
    select t.tgrelid::regclass::text, c.relowner::regrole::text, array_agg(quote_ident(t.tgname) order by t.tgname),
        min(b.events), min(b.profile)
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_proc p on p.oid = t.tgfoid
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    left join lateral (
        select o.events::text as events, o.profile::text as profile
        from pgscore.binding o join pg_catalog.pg_class e on e.oid = o.events and e.relkind = 'p'
        where n.nspname = o.event_schema and p.proname = o.event_prefix || '_truncate'
    ) b on true
    where t.tgname ~ '^[~!]?pgscore_' and p.proname ~ '^_pgscore_' and t.tgparentid = 0 and not t.tgisinternal
        and coalesce(obj_description(t.tgrelid, 'pg_class'), '') !~ '^pgscore: '
        and not exists (select from pgscore._doctor_wanted() w where w.relation = t.tgrelid and w.name = t.tgname)
        -- What is left of a binding whose table was dropped goes with the binding.
        and not exists (
            select from pgscore.binding o
            where (o.events = t.tgrelid or o.profile = t.tgrelid)
                and (select count(*) from pg_catalog.pg_class x where x.oid in (o.events, o.profile)) < 2
        )
    group by t.tgrelid, c.relowner
    order by 1
$$;

comment on function pgscore._doctor_left_over() is
    'Triggers that no binding accounts for, by table; events and profile: those of which it was a partition';
grant execute on function pgscore._doctor_left_over() to pgscore_reader;
