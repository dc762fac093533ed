create function pgscore._distinct_reducer(r pgscore.reducer_sql, source pg_catalog.pg_attribute, target pg_catalog.pg_attribute, filter text, chosen text)
returns pgscore.reducer_sql
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    r.problem := coalesce(pgscore._order_problem(r, source), pgscore._counter_problem(r, target));
    r.kind := 'look';
    r.profile_fits := array[pgscore._fits_number_sql(target)];
    r.recounted := format('select count(distinct e.%I) %s', source.attname, chosen);
    r.differs := '{{present}} is distinct from {{recounted}}';
    return r;
end
$$;

comment on function pgscore._distinct_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text) is
    'distinct: how many different values that are not NULL a column has; 0 for no events';
grant execute on function pgscore._distinct_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text)
    to pgscore_reader;
