create function pgscore._key_part(key text, types text[], part integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when cardinality(types) = 1 then format('(%s)::%s', key, types[1])
        else format('((%s)::text[])[%s]::%s', key, part, types[part])
    end
$$;

comment on function pgscore._key_part(text, text[], integer) is 'SQL for one column of a key that stands as text in the SQL key';
