create function pgscore._event_triggers(b pgscore.binding) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.events_owner, s.statement
    from pgscore._partitions(b.events) as p (relation),
        (values
            ('insert', 'referencing new table as pgscore_new'),
            ('update', 'referencing new table as pgscore_new old table as pgscore_old'),
            ('delete', 'referencing old table as pgscore_old'),
            ('truncate', '')
        ) as o (operation, tables),
        lateral pgscore._trigger_statements(
            format('pgscore_%s_%s', b.number, o.operation), 'after ' || o.operation, p.relation,
            o.tables || ' for each statement', pgscore._generated_name(b.events, 'binding', b.number, o.operation),
            format('Moves counters of %s and scores of model %s', b.profile, b.model)
        ) as s (statement)
$$;

comment on function pgscore._event_triggers(pgscore.binding) is
    'What the owner of an event table runs to have the triggers of a binding, on the table and on its partitions';
