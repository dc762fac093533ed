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
        select b.event_key || (
            select array_agg(r ->> 'order_by') filter (where r ? 'order_by') from jsonb_array_elements(b.reducers) r
        )::name[] as columns
        union
        select b.event_key || (r ->> 'of')::name from jsonb_array_elements(b.reducers) r where r ->> 'aggregate' in ('min', 'max')
        union
        select b.event_key
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
                using hint = format(
                    'create index concurrently on %s (%s)', b.events,
                    (select string_agg(quote_ident(c), ', ' order by o) from unnest(wanted.columns) with ordinality u (c, o))
                );
        end if;
    end loop;
end
$$;

comment on function pgscore._advise(pgscore.binding, boolean) is 'Says what is left to do after tables were tied: to count what they hold, and indexes to make';
grant execute on function pgscore._advise(pgscore.binding, boolean) to pgscore_reader;
