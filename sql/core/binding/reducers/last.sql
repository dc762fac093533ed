create function pgscore._last_reducer(
    r pgscore.reducer_sql, source pg_catalog.pg_attribute, target pg_catalog.pg_attribute, filter text, chosen text, events regclass
) returns pgscore.reducer_sql
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    key constant name[] := pgscore._primary_key(events);
begin
    r.problem := case
        when not r.reducer ? 'order_by' then 'last takes an "order_by"'
        when (pgscore._column(events, r.reducer ->> 'order_by')).attname is null
            then format('table %s has no column "%s" to order by', events, r.reducer ->> 'order_by')
        when key is null
            then format('table %s has no primary key, which decides between the last events at one time', events)
        else coalesce(pgscore._order_problem(r, source), pgscore._same_type_problem(r, source, target))
    end;
    if r.problem is not null then
        return r;
    end if;
    r.kind := 'look';
    r.looks_by := r.reducer ->> 'order_by';
    r.looks_down := true;
    r.event_fits := array[pgscore._fits_sql(source, target.atttypid in ('bigint'::regtype, 'numeric'::regtype))];
    r.profile_fits := array[pgscore._fits_sql(target, true)];
    r.recounted := format(
        'select e.%I %s order by e.%I desc nulls last%s limit 1', source.attname, chosen, r.reducer ->> 'order_by',
        (select string_agg(format(', e.%I desc', k.name), '' order by k.ordinal) from unnest(key) with ordinality as k (name, ordinal))
    );
    r.differs := '{{present}} is distinct from {{recounted}}';
    return r;
end
$$;

comment on function pgscore._last_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text, regclass) is
    'last: the value of the event that is last by another column; the primary key decides between equals';
grant execute on function pgscore._last_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text, regclass)
    to pgscore_reader;
