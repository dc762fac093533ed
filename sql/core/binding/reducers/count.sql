create function pgscore._count_reducer(r pgscore.reducer_sql, source pg_catalog.pg_attribute, target pg_catalog.pg_attribute, filter text, chosen text)
returns pgscore.reducer_sql
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    filtered constant text := coalesce(' filter (where ' || filter || ')', '');
begin
    r.problem := case when r.reducer ? 'of' then 'count counts events and takes no "of"' else pgscore._counter_problem(r, target) end;
    r.kind := 'add';
    r.delta := 'bigint';
    r.is_whole := filter is null;
    r.profile_fits := array[pgscore._fits_number_sql(target)];
    r.one := coalesce('case when ' || filter || ' then 1 end', '1');
    r.folded := 'count(*)' || filtered;
    r.signed := 'sum(e.pgscore_sign)' || filtered;
    r.merged := format('sum(w.%I)', r.target);
    r.grown := 'coalesce({{present}}, 0) + coalesce({{delta}}, 0)';
    r.recounted := 'select count(*) ' || chosen;
    r.differs := '{{present}} is distinct from {{recounted}}';
    return r;
end
$$;

comment on function pgscore._count_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text) is
    'count: how many events there are';
grant execute on function pgscore._count_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text) to pgscore_reader;
