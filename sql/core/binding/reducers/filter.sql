create function pgscore._filter_sql(reducer jsonb, events regclass, source text default 'e') returns text
language plpgsql stable
-- A value with a date or a time is read and written the same way whoever attaches: without a zone it is UTC.
set search_path = pg_catalog, pg_temp set datestyle = 'ISO' set intervalstyle = 'postgres' set timezone = 'UTC'
as $$
declare
    filtered record;
    value text;
    conditions text[];
begin
    if not reducer ? 'where' then
        return null;
    end if;
    for filtered in
        select w.value, a.attname, format_type(a.atttypid, a.atttypmod) as type, t.typcategory in ('D', 'T', 'R') as has_time
        from jsonb_each(reducer -> 'where') as w
        join pg_catalog.pg_attribute a on a.attrelid = events and a.attname = w.key and a.attnum > 0 and not a.attisdropped
        join pg_catalog.pg_type t on t.oid = a.atttypid
        order by w.key
    loop
        value := filtered.value #>> '{}';
        if value is null then
            conditions := conditions || format('%s.%I is null', source, filtered.attname);
            continue;
        elsif filtered.has_time then
            execute format('select %L::%s::text', value, filtered.type) into value;
        end if;
        conditions := conditions || format('%s.%I = %s::%s', source, filtered.attname, replace(quote_literal(value), chr(10), chr(2)), filtered.type);
    end loop;
    return array_to_string(conditions, ' and ');
end
$$;

comment on function pgscore._filter_sql(jsonb, regclass, text) is 'SQL for the equality filters of a reducer, on events; NULL where it has none';
grant execute on function pgscore._filter_sql(jsonb, regclass, text) to pgscore_reader;

create function pgscore._filter_problem(reducer jsonb, events regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp set datestyle = 'ISO' set intervalstyle = 'postgres' set timezone = 'UTC'
as $$
declare
    filtered record;
begin
    if not reducer ? 'where' then
        return null;
    elsif jsonb_typeof(reducer -> 'where') <> 'object' then
        return 'the field "where" of a reducer is an object of columns and values';
    end if;
    for filtered in
        select w.key as name, w.value, c.attname, c.atttypid, c.atttypmod
        from jsonb_each(reducer -> 'where') as w left join lateral pgscore._column(events, w.key) as c on true
    loop
        if filtered.attname is null then
            return format('table %s has no column "%s" to filter by', events, filtered.name);
        elsif jsonb_typeof(filtered.value) in ('object', 'array') then
            return format('column "%s" is filtered by one value: a text, a number, true, false or null', filtered.name);
        elsif not exists (
            select from pg_catalog.pg_type t
            where t.oid = filtered.atttypid and (t.typnamespace = 'pg_catalog'::regnamespace or t.typtype = 'e')
                and t.typcategory <> 'A' and t.typname not in ('json', 'xml', 'point', 'money')
        ) then
            return format('column "%s" of type %s cannot be filtered by', filtered.name, filtered.atttypid::regtype);
        end if;
        begin
            -- Of PostgreSQL's own types, and of enums.
            execute format('select %L::%s', filtered.value #>> '{}', format_type(filtered.atttypid, filtered.atttypmod));
        exception when data_exception then
            return format(
                'column "%s" of table %s is %s and is filtered by %s, which is no value of that type', filtered.name, events,
                format_type(filtered.atttypid, filtered.atttypmod), filtered.value
            );
        end;
    end loop;
    return null;
end
$$;

comment on function pgscore._filter_problem(jsonb, regclass) is 'What is wrong with the equality filters of a reducer, in a sentence; NULL where nothing is';
grant execute on function pgscore._filter_problem(jsonb, regclass) to pgscore_reader;
