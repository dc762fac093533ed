create function pgscore._take_queue(at_statement boolean) returns table (
    space name, function name, bindings integer[], tasks text[], keys text[], deltas text[]
)
language plpgsql volatile security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    -- plpgsql keeps its plans; each commit comes here.
    return query
    with taken as (
        delete from pgscore.queue q
        where q.transaction = pg_current_xact_id()
            and (not at_statement or exists (
                select from pgscore.binding b where b.number = q.binding and b.timing = 'statement'
            ))
        returning q.*
    )
    select
        n.nspname, format('_pgscore_%s_apply', b.profile_number)::name,
        array_agg(t.binding), array_agg(t.task), array_agg(w.key), array_agg(w.delta)
    from taken t
    join pgscore.binding b on b.number = t.binding
        and t.queued_by in (pg_get_userbyid(b.events_owner), pg_get_userbyid(b.profile_owner))
    join pg_catalog.pg_class c on c.oid = b.profile
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace,
        unnest(t.keys, t.deltas) as w (key, delta)
    group by b.profile, b.profile_number, n.nspname
    order by b.profile::oid;
end
$$;

comment on function pgscore._take_queue(boolean) is
    'Takes what the transaction queued, all or for bindings that work at each statement, by profile table in the order of locks';
grant execute on function pgscore._take_queue(boolean) to pgscore_applier;
