create function pgscore._rekey_statements(b pgscore.binding) returns table (role regrole, statement text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The trigger that scores a row notes its new key before the row has it, and, on the way to another partition, as the
    -- only one. Where constraints are immediate that is too early to count: this one asks for it when the row is stored.
    with f as (
        select
            pgscore._generated_name(b.profile, 'binding', b.number, 'rekey') as name,
            (select c.relkind = 'p' from pg_catalog.pg_class c where c.oid = b.profile) as partitioned
    )
    select s.role, s.statement
    from f, lateral pgscore._function_statements(
        b.profile_owner, f.name || '()', 'trigger', 'plpgsql volatile',
        format(
            'begin
                insert into %1$s (binding, task, keys, deltas) select %2$s, ''rekeyed'', ''{}'', ''{}''%3$s;
                return null;
            end',
            pgscore._queue_name(b.profile_number), b.number,
            case when f.partitioned then format(
                ' where exists (select from %s q where q.transaction = pg_current_xact_id() and q.task = ''rekey'')',
                pgscore._queue_name(b.profile_number)
            ) end
        ),
        format('Has rows of %s counted whose key has changed', b.profile)
    ) s
    union all
    select b.profile_owner, s.statement
    from f, pgscore._partitions(b.profile) as r (relation), lateral pgscore._trigger_statements(
        -- Of these columns: pgscore's own updates, which are most, do not look at it.
        format('pgscore_%s_rekey', b.number),
        'after update of ' || (select string_agg(quote_ident(k), ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o)),
        r.relation,
        case when f.partitioned then 'for each statement'
        else format(
            'for each row when (%s)',
            (select string_agg(format('old.%1$I is distinct from new.%1$I', k), ' or ') from unnest(b.profile_key) k)
        ) end,
        f.name, 'Keeps counters right when keys of profiles change'
    ) as s (statement)
$$;

comment on function pgscore._rekey_statements(pgscore.binding) is
    'What the owner of a profile table runs to have rows counted whose key has changed';
