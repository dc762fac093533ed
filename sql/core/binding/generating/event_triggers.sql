create function pgscore._event_triggers(b pgscore.binding)
returns table (step integer, name text, fires text, relation regclass, details text, function text, says text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select t.step, n.name, t.fires, t.relation, t.details, n.function, n.says,
        pgscore._trigger_state(n.name, t.fires, t.relation, t.details, n.procedure)
    from (
        select 1 as step, b.events as relation, o.operation, 'after ' || o.operation as fires, o.tables || ' for each statement' as details
        from (values
            ('insert', 'referencing new table as pgscore_new'),
            ('update', 'referencing new table as pgscore_new old table as pgscore_old'),
            ('delete', 'referencing old table as pgscore_old')
        ) as o (operation, tables)
        where not pgscore._is_partitioned(b.events)
        union all
        -- Partitions get it from their parent, also those that are attached later.
        select 2, b.events, 'row', 'after insert or update or delete', 'for each row' where pgscore._is_partitioned(b.events)
        union all
        select 3, p.relation, 'truncate', 'after truncate', 'for each statement' from pgscore._partitions(b.events) as p (relation)
        union all
        select 4, b.events, 'run', 'after insert or update or delete or truncate', 'for each statement' where pgscore._is_together(b)
    ) t,
        lateral (
            select
                substr(b.event_prefix::text || '_' || t.operation, 2) as name, pgscore._event_object(b, t.operation) as function,
                pgscore._procedure(b.event_schema, b.event_prefix || '_' || t.operation) as procedure,
                format('moves counters of %s and scores of model %s', b.profile, b.model) as says
            where t.operation <> 'run'
            union all
            select
                pgscore._run_trigger(b), pgscore._profile_object(b, 'run'), pgscore._procedure(b.profile_schema, b.profile_prefix || '_run'),
                format('does what a statement brings to %s by all of its bindings', b.profile)
            where t.operation = 'run'
        ) n
$$;

comment on function pgscore._event_triggers(pgscore.binding) is 'The triggers of an event table and of its partitions, as generated, and how those that are there compare';
grant execute on function pgscore._event_triggers(pgscore.binding) to pgscore_reader;

create function pgscore._event_triggers_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A trigger that stands as it should is left alone: to replace it would lock the table.
    select s.statement
    from pgscore._event_triggers(b) t,
        lateral pgscore._trigger_sql(t.name, t.fires, t.relation, t.details, t.function, t.says) with ordinality as s (statement, ordinal)
    where t.state <> 'ok'
    order by t.step, t.relation::oid, t.name, s.ordinal
$$;

comment on function pgscore._event_triggers_sql(pgscore.binding) is 'What makes the triggers of an event table and of its partitions';
grant execute on function pgscore._event_triggers_sql(pgscore.binding) to pgscore_reader;
