create function pgscore._column(relation regclass, name text) returns pg_catalog.pg_attribute
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select a.* from pg_catalog.pg_attribute a
    where a.attrelid = relation and a.attname = _column.name and a.attnum > 0 and not a.attisdropped
$$;

comment on function pgscore._column(regclass, text) is 'A column of a table; NULL where it has none of this name';
