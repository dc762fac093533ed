-- What is to be scored: the columns of a table or of a query.

create function pgscore._table_columns(source regclass) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        jsonb_agg(jsonb_build_object('name', a.attname, 'type', a.atttypid, 'modifier', a.atttypmod) order by a.attnum)
            filter (where a.attnum is not null),
        '[]'
    )
    from pg_catalog.pg_class c
    left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.oid = source
    group by c.oid
$$;

comment on function pgscore._table_columns(regclass) is 'The columns of a table, in its order: name, type and the type''s modifier of each; NULL where there is no such table';

create function pgscore._described_columns(columns jsonb) returns table (place bigint, name text, type oid, modifier integer)
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select c.ordinal, c.described ->> 'name', (c.described ->> 'type')::oid, (c.described ->> 'modifier')::integer
    from jsonb_array_elements(columns) with ordinality as c (described, ordinal)
$$;

comment on function pgscore._described_columns(jsonb) is 'What is known of each column: its position, name, type and the type''s modifier';

create function pgscore._aliases_sql(columns integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- By position: a query may give two columns one name.
    select string_agg('c' || i, ', ' order by i) from generate_series(1, columns) i
$$;

comment on function pgscore._aliases_sql(integer) is 'What statements call so many columns of what is to be scored';

create function pgscore._names_sql(query text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- One row of NULLs, whatever the query gives: it is planned, and not run. A comment may end it. With the star it is
    -- the row, also where one of its columns has that name.
    select format(
        E'select pg_catalog.row_to_json(pgscore_row.*) from (select pgscore_query.* from (values (1)) as pgscore_one (one)'
            ' left join (select * from (%s\n) as pgscore_given limit 0) as pgscore_query on true) as pgscore_row',
        query
    )
$$;

comment on function pgscore._names_sql(text) is 'SQL for the names of a query''s columns, as an object in JSON';

create function pgscore._types_sql(query text, names json) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        E'select array[%1$s]::pg_catalog.oid[] from (values (1)) as pgscore_one (one)'
            ' left join (select * from (%2$s\n) as pgscore_given limit 0) as pgscore_query%3$s on true',
        string_agg(format('pg_catalog.pg_typeof(c%s)', k.ordinal), ', ' order by k.ordinal), query,
        ' (' || pgscore._aliases_sql(count(*)::integer) || ')'
    )
    from json_object_keys(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._types_sql(text, json) is
    'SQL for the types of a query''s columns, whose names stand in an object in JSON';

create function pgscore._query_columns(names json, types oid[]) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_agg(jsonb_build_object('name', k.name, 'type', types[k.ordinal], 'modifier', -1) order by k.ordinal)
    from json_object_keys(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._query_columns(json, oid[]) is 'The columns of a query, in its order: name, type and the type''s modifier of each';

create function pgscore._is_name(query text) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select query ~ E'^\\s*("([^"]|"")+"|[^][\\s"(),;.:*/+-]+)(\\s*\\.\\s*("([^"]|"")+"|[^][\\s"(),;.:*/+-]+)){0,2}\\s*$'
$$;

comment on function pgscore._is_name(text) is 'Whether a text is the name of a table rather than a query';

create function pgscore._json_value(value anyelement, name text, type text) returns text
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return pgscore._payload_value(jsonb_build_object(name, value), name, type);
end
$$;

comment on function pgscore._json_value(anyelement, text, text) is
    'One input out of a column of any type, as pgscore.score reads it of a row: by way of JSON, refused where it is of another type than the contract''s';

grant execute on function
    pgscore._table_columns(regclass), pgscore._names_sql(text), pgscore._types_sql(text, json),
    pgscore._aliases_sql(integer), pgscore._query_columns(json, oid[]), pgscore._is_name(text), pgscore._json_value(anyelement, text, text)
    to pgscore_reader;
