create function pgscore._avg_reducer(r pgscore.reducer_sql, source pg_catalog.pg_attribute, target pg_catalog.pg_attribute, filter text, chosen text)
returns pgscore.reducer_sql
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    is_exact constant boolean := source.atttypid not in ('real'::regtype, 'double precision'::regtype);
    wanted constant text := case when is_exact then 'numeric' else 'double precision' end;
begin
    r.problem := case
        when is_exact and source.atttypid not in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype)
            then format('column "%s" of type %s has no average', source.attname, source.atttypid::regtype)
        when target.atttypid <> wanted::regtype or target.atttypmod <> -1
            then format('column "%1$s" must be %2$s, without a precision, for an average of "%3$s"; run: alter table %4$s alter column %1$I type %2$s', target.attname, wanted, source.attname, target.attrelid::regclass)
    end;
    r.kind := 'look';
    r.event_fits := case when is_exact then array[pgscore._fits_number_sql(source)] end;
    r.profile_fits := array[pgscore._fits_sql(target, false)];
    -- PostgreSQL's avg of floats squares them, and so overflows past 1e154.
    r.recounted := case
        when is_exact then format('select avg(e.%I) %s', source.attname, chosen)
        else format('select sum(e.%1$I::double precision) / nullif(count(e.%1$I), 0) %2$s', source.attname, chosen)
    end;
    r.differs := case
        when is_exact then '{{present}} is distinct from {{recounted}}'
        -- The order of the terms decides about the last digits.
        else '({{present}} is distinct from {{recounted}} and abs({{present}} - {{recounted}}) <= 1e-9 * abs({{recounted}}) is not true)'
    end;
    return r;
end
$$;

comment on function pgscore._avg_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text) is
    'avg: the average of a column; NULL for no events';
grant execute on function pgscore._avg_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text) to pgscore_reader;
