create function pgscore._primary_key(relation regclass) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(a.attname order by k.ordinal)
    from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
    join pg_catalog.pg_attribute a on a.attnum = k.number
    where i.indrelid = relation and i.indisprimary and a.attrelid = relation and k.ordinal <= i.indnkeyatts
$$;

comment on function pgscore._primary_key(regclass) is 'The columns of a table''s primary key; NULL where it has none';
