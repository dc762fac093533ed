create function pgscore._bind(b pgscore.binding, at_once boolean) returns table (binding_name text, locked boolean, role regrole, statement text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    former pgscore.binding;
begin
    perform pgscore._refuse(pgscore._options_problem(b));
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'tables are tied in READ COMMITTED only: an older snapshot misses events that were committed meanwhile'
            using errcode = 'feature_not_supported';
    end if;
    b.events_owner := pgscore._check_owner(b.events);
    b.profile_owner := pgscore._check_owner(b.profile);
    perform pgscore._lock_generated();
    select o.* into former from pgscore.binding o where o.events = b.events and o.profile = b.profile and o.model = b.model;
    b.number := former.number;
    if (former.event_key, former.profile_key, former.reducers, former.score, former.version, former.scored_at)
        is distinct from (b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at) and former.number is not null
    then
        raise exception 'table % is tied to % for model "%" with other keys, reducers or columns', b.events, b.profile, b.model
            using errcode = 'duplicate_object', hint = format('select pgscore.detach(%L, %L) unties them.', b.events, b.profile);
    end if;
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._table_keys_problem(b));
    perform pgscore._refuse(pgscore._reducers_problem(b));
    perform pgscore._refuse(pgscore._columns_problem(b));
    perform pgscore._check_rights(b);
    b := pgscore._note_binding(b, former);
    perform pgscore._generate_binding(b);
    return query
    select b.name, s.step > 0, s.role, s.statement
    from (
        select case when f.at_the_end then 7 else 0 end as step, f.role, f.statement, 1::bigint as ordinal
        from pgscore._backfill_statements(b, at_once) f
        where former.number is null
        union all
        select 1, e.* from pgscore._event_statements(b) with ordinality e
        union all
        select 2, e.* from pgscore._profile_statements(b.profile) with ordinality e
        union all
        select 3, e.* from pgscore._reconcile_statements(b) with ordinality e
        union all
        select 5, e.* from pgscore._rekey_statements(b) with ordinality e
        union all
        select 4, e.* from pgscore._event_triggers(b) with ordinality e
        union all
        select 5, e.* from pgscore._profile_triggers(b.profile) with ordinality e
        union all
        -- What is wrong with the reducers' SQL, such as a value that is none of its column's type, is to be wrong now.
        select 6, b.events_owner, format(
            'select from %s(null, true)', pgscore._generated_name(b.events, 'binding', b.number, 'recount')
        ), 1
    ) s
    order by s.step, s.ordinal;
end
$$;

comment on function pgscore._bind(pgscore.binding, boolean) is
    'Checks and notes a binding, and says what the owners of its tables have to run; the part of attach that needs pgscore''s rights';
grant execute on function pgscore._bind(pgscore.binding, boolean) to pgscore_reader;
