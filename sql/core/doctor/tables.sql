-- Bindings and their tables, as they are now.

create function pgscore._doctor_family(relation regclass) returns table (member regclass, is_partition boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Not by pg_partition_tree, which waits for whoever holds a partition.
    with recursive tree as (
        select relation as member, false as is_partition
        union all
        select i.inhrelid::regclass, true
        from tree t join pg_catalog.pg_inherits i on i.inhparent = t.member
        join pg_catalog.pg_class c on c.oid = i.inhrelid and c.relispartition
    )
    select t.member, t.is_partition from tree t
$$;

comment on function pgscore._doctor_family(regclass) is 'A table and its partitions on all levels, found without a lock';
grant execute on function pgscore._doctor_family(regclass) to pgscore_reader;

create function pgscore._doctor_namesake(schema name, prefix name, former regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select c.oid::regclass::text
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = schema and c.relkind in ('r', 'p') and c.oid <> former and pgscore._short_prefix(c.relname) = prefix
    limit 1
$$;

comment on function pgscore._doctor_namesake(name, name, regclass) is
    'The table that has the name which a dropped one had when it was attached; NULL where there is none';
grant execute on function pgscore._doctor_namesake(name, name, regclass) to pgscore_reader;

create function pgscore._doctor_attach_sql(b pgscore.binding, events text, profile text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'select pgscore.attach(%L, %L, %L, %L::name[], %L::name[], %L::jsonb, %L, %L, %L, %L, %L, %L, %s, %L%s)',
        b.model, events, profile, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing, b.on_error,
        b.on_missing, coalesce(b.max_scoring_ms::text, 'null'), b.log,
        case when b.reasons is not null then format(', reasons => %L, top => %s', b.reasons, b.top) end
    )
$$;

comment on function pgscore._doctor_attach_sql(pgscore.binding, text, text) is 'The call that attaches two tables as a binding says';
grant execute on function pgscore._doctor_attach_sql(pgscore.binding, text, text) to pgscore_reader;

create function pgscore._doctor_bindings() returns table (
    number integer, name text, model text, serving integer, owner text, events text, profile text,
    events_once text, profile_once text, events_anew text, profile_anew text, attach_again text,
    events_owner text, profile_owner text, has_functions_of_others boolean,
    is_events_renamed boolean, is_profile_renamed boolean, is_events_moved boolean, is_profile_moved boolean,
    has_score_column boolean, version_column text, score_column text, row_key text, checked bigint, started timestamptz
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.number, b.name, b.model, m.serving, b.owner::text,
        case when e.oid is not null then b.events::text end, case when p.oid is not null then b.profile::text end,
        -- What stands beside a table is called as the table was, after "_pgscore_": so it has a name when it has gone.
        format('%I.%I', b.event_schema, substr(b.event_prefix, 10)), format('%I.%I', b.profile_schema, substr(b.profile_prefix, 10)),
        case when e.oid is null then pgscore._doctor_namesake(b.event_schema, b.event_prefix, b.events) end,
        case when p.oid is null then pgscore._doctor_namesake(b.profile_schema, b.profile_prefix, b.profile) end,
        pgscore._doctor_attach_sql(
            b,
            case when e.oid is null then pgscore._doctor_namesake(b.event_schema, b.event_prefix, b.events) else b.events::text end,
            case when p.oid is null then pgscore._doctor_namesake(b.profile_schema, b.profile_prefix, b.profile) else b.profile::text end
        ),
        e.relowner::regrole::text, p.relowner::regrole::text,
        coalesce(f.recount <> p.relowner or f.apply <> p.relowner, false),
        -- What is generated names tables with their schemas.
        coalesce(position(format(' %s e ', b.events) in f.recount_source) = 0, false),
        coalesce(position(b.profile::text in f.apply_source) = 0, false),
        coalesce(en.nspname <> b.event_schema, false), coalesce(pn.nspname <> b.profile_schema, false),
        (pgscore._column(b.profile, b.score)).attname is not null,
        (select quote_ident(c.attname) from pgscore._column(b.profile, b.version) c where c.attname is not null),
        quote_ident(b.score), pgscore._key_text_sql(b.profile_key, 'p'), r.checked, r.started
    from pgscore.binding b
    left join pg_catalog.pg_class e on e.oid = b.events
    left join pg_catalog.pg_namespace en on en.oid = e.relnamespace
    left join pg_catalog.pg_class p on p.oid = b.profile
    left join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
    left join pgscore.model m on m.name = b.model
    left join pgscore.reconciliation r on r.binding = b.number and r.finished is null
    left join lateral (
        select max(f.proowner::bigint) filter (where f.is_recount)::oid as recount,
            max(f.prosrc) filter (where f.is_recount and f.is_untouched) as recount_source,
            max(f.proowner::bigint) filter (where not f.is_recount)::oid as apply,
            max(f.prosrc) filter (where not f.is_recount and f.is_untouched) as apply_source
        from (
            select o.proowner, o.prosrc, n.nspname = b.event_schema and o.proname = b.event_prefix || '_recount' as is_recount,
                position(md5(o.prosrc) in coalesce(obj_description(o.oid, 'pg_proc'), '')) > 0 as is_untouched
            from pg_catalog.pg_proc o join pg_catalog.pg_namespace n on n.oid = o.pronamespace
            where o.proname in (b.event_prefix || '_recount', b.profile_prefix || '_apply') and (
                n.nspname = b.event_schema and o.proname = b.event_prefix || '_recount'
                or n.nspname = b.profile_schema and o.proname = b.profile_prefix || '_apply'
            )
        ) f
    ) f on true
    order by b.name, b.number
$$;

comment on function pgscore._doctor_bindings() is
    'Bindings with their tables as they are now: names are NULL of what was dropped, and those that end in _anew are those of the table that has the name now';
grant execute on function pgscore._doctor_bindings() to pgscore_reader;
