create function pgscore._filter_problem(reducer jsonb, events regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    filtered record;
begin
    if jsonb_typeof(coalesce(reducer -> 'where', '{}')) <> 'object' then
        return 'the field "where" of a reducer is an object of columns and values';
    end if;
    for filtered in
        select w.key as name, w.value, c.attname, c.atttypid
        from jsonb_each(reducer -> 'where') as w left join lateral pgscore._column(events, w.key) as c on true
    loop
        if filtered.attname is null then
            return format('table %s has no column "%s" to filter by', events, filtered.name);
        elsif jsonb_typeof(filtered.value) in ('object', 'array') then
            return format('column "%s" is filtered by one value: a text, a number, true, false or null', filtered.name);
        elsif not exists (
            select from pg_catalog.pg_type t
            where t.oid = filtered.atttypid and (t.typnamespace = 'pg_catalog'::regnamespace or t.typtype = 'e')
                and t.typcategory <> 'A' and t.typname not in ('json', 'xml', 'point')
        ) then
            return format('column "%s" of type %s cannot be filtered by', filtered.name, filtered.atttypid::regtype);
        end if;
    end loop;
    return null;
end
$$;

comment on function pgscore._filter_problem(jsonb, regclass) is 'What is wrong with the equality filters of a reducer, in a sentence; NULL where nothing is';
