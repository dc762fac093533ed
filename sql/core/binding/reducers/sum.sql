create function pgscore._sum_reducer(r pgscore.reducer_sql, source pg_catalog.pg_attribute, target pg_catalog.pg_attribute, filter text, chosen text)
returns pgscore.reducer_sql
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    filtered constant text := coalesce(' filter (where ' || filter || ')', '');
    -- PostgreSQL adds up real in real: seven digits, other ones for each order of the terms.
    value constant text := format(case source.atttypid when 'real'::regtype then 'e.%I::double precision' else 'e.%I' end, source.attname);
    -- A sum of floats cannot be undone: (0.1 + 1e16) - 1e16 = 0.
    is_exact constant boolean := source.atttypid not in ('real'::regtype, 'double precision'::regtype);
begin
    r.problem := case
        when not is_exact and target.atttypid <> 'double precision'::regtype
            then format('column "%1$s" must be double precision for a sum of "%2$s"; run: alter table %3$s alter column %1$I type double precision', target.attname, source.attname, target.attrelid::regclass)
        when not is_exact then null
        when source.atttypid not in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype)
            then format('column "%s" of type %s cannot be summed', source.attname, source.atttypid::regtype)
        when source.atttypid = 'numeric'::regtype and (target.atttypid <> 'numeric'::regtype or target.atttypmod <> -1)
            then format('column "%1$s" must be numeric, without a precision, for a sum of numeric "%2$s"; run: alter table %3$s alter column %1$I type numeric', target.attname, source.attname, target.attrelid::regclass)
        else pgscore._counter_problem(r, target)
    end;
    r.kind := case when is_exact then 'add' else 'grow' end;
    r.event_fits := case when is_exact then array[pgscore._fits_number_sql(source)] end;
    r.profile_fits := array[case when is_exact and source.atttypid <> 'numeric'::regtype then pgscore._fits_number_sql(target) else pgscore._fits_sql(target, false) end];
    r.delta := case when is_exact then 'numeric' else 'double precision' end;
    r.is_finite := source.atttypid <> 'numeric'::regtype;
    r.one := coalesce('case when ' || filter || ' then ' || value || ' end', value);
    r.folded := format('sum(%s)%s', value, filtered);
    r.signed := case when is_exact then format('sum(e.pgscore_sign * %s::numeric)%s', value, filtered) end;
    r.merged := format('sum(w.%I)', r.target);
    r.grown := 'coalesce({{present}}, 0) + coalesce({{delta}}, 0)';
    r.recounted := format('select coalesce(sum(%s), 0) %s', value, chosen);
    r.differs := case
        when is_exact then '{{present}} is distinct from {{recounted}}'
        -- The order of the terms decides about the last digits.
        else '({{present}} is null or ({{present}} is distinct from {{recounted}} and not abs({{present}} - {{recounted}}) <= 1e-9 * abs({{recounted}})))'
    end;
    return r;
end
$$;

comment on function pgscore._sum_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text) is
    'sum: the sum of a column, 0 for no events; of integers and numeric it adds up, of floats it is recounted when events change';
grant execute on function pgscore._sum_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute, text, text) to pgscore_reader;
