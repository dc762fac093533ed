create function pgscore._extreme_reducer(r pgscore.reducer_sql, source pg_catalog.pg_attribute, target pg_catalog.pg_attribute, filter text, chosen text)
returns pgscore.reducer_sql
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    is_least constant boolean := r.reducer ->> 'aggregate' = 'min';
    direction constant text := case when is_least then 'asc' else 'desc' end;
    value constant text := format('e.%I', source.attname);
    -- There are types without min() and max().
    first constant text := '(array_agg(%1$s order by %1$s %2$s) filter (where %1$s is not null%3$s))[1]';
begin
    r.problem := coalesce(pgscore._order_problem(r, source), pgscore._same_type_problem(r, source, target));
    r.kind := 'grow';
    r.looks_by := source.attname;
    r.event_fits := array[pgscore._fits_sql(source, target.atttypid in ('bigint'::regtype, 'numeric'::regtype))];
    r.profile_fits := array[pgscore._fits_sql(target, true)];
    r.delta := pgscore._column_type(target);
    r.one := coalesce('case when ' || filter || ' then ' || value || ' end', value);
    r.folded := format(first, value, direction, coalesce(' and ' || filter, ''));
    r.merged := format(first, format('w.%I', r.target), direction, '');
    r.grown := case when is_least then 'least({{present}}, {{delta}})' else 'greatest({{present}}, {{delta}})' end;
    r.recounted := format('select %1$s %2$s and %1$s is not null order by %1$s %3$s limit 1', value, chosen, direction);
    r.differs := '{{present}} is distinct from {{recounted}}';
    return r;
end
$$;

comment on function pgscore._extreme_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text) is
    'min and max: the smallest or largest value that is not NULL; NULL for no events';
grant execute on function pgscore._extreme_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text) to pgscore_reader;
