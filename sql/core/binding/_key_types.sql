create function pgscore._key_types(relation regclass, key name[]) returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(pgscore._key_type(c.atttypid) order by k.ordinal)
    from unnest(key) with ordinality as k (name, ordinal), pgscore._column(relation, k.name) as c
$$;

comment on function pgscore._key_types(regclass, name[]) is 'The types in which the columns of a key are compared';
