create function pgscore._event_statements(b pgscore.binding) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select f.role, f.statement
    from unnest(array['insert', 'update', 'delete', 'truncate']) as o (operation),
        pgscore._function_statements(
            b.events_owner, pgscore._generated_name(b.events, 'binding', b.number, o.operation) || '()', 'trigger', 'plpgsql volatile',
            case o.operation when 'truncate' then pgscore._truncate_body(b) else pgscore._fold_body(b, o.operation) end,
            format('Tells profiles of %s what a statement did to %s: %s', b.profile, b.events, o.operation)
        ) as f
    union all
    select r.role, r.statement from pgscore._recount_statements(b) r
$$;

comment on function pgscore._event_statements(pgscore.binding) is
    'What the owner of an event table runs to have the functions of a binding';
