create function pgscore._advise(b pgscore.binding, counted boolean) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted record;
begin
    if not counted then
        raise notice 'events that % holds already are not counted yet, and its profiles are listed in pgscore.stale until they are', b.events
            using hint = format('call pgscore.reconcile(%L, %L)', b.events, b.profile);
    end if;
    for wanted in
        select distinct b.event_key || array_remove(array[r.looks_by], null) as columns
        from (select null::name as looks_by union all select r.looks_by from pgscore._reducers_of(b) r) r
        order by 1
    loop
        if not exists (
            select from pg_catalog.pg_index i
            where i.indrelid = b.events and i.indisvalid and i.indpred is null
                and (
                    select array_agg(a.attname order by k.ordinal)
                    from unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
                    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
                    where k.ordinal <= cardinality(wanted.columns)
                ) @> wanted.columns
        ) then
            raise notice 'no index of % begins with %: each recount of a profile reads more than its events', b.events, array_to_string(wanted.columns, ', ')
                using hint = case
                    when pgscore._is_partitioned(b.events) then format(
                        'create index on only %s (%s), one concurrently on each partition, and attach them to it', b.events,
                        pgscore._columns_sql(wanted.columns)
                    )
                    else format('create index concurrently on %s (%s)', b.events, pgscore._columns_sql(wanted.columns))
                end;
        end if;
    end loop;
end
$$;

comment on function pgscore._advise(pgscore.binding, boolean) is 'Says what is left to do after tables were attached: to count what they hold, and indexes to make';
grant execute on function pgscore._advise(pgscore.binding, boolean) to pgscore_reader;
