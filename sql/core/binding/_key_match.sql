create function pgscore._key_match(relation regclass, columns name[], source text, key text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        format('%s.%I = %s', source, k.name, pgscore._key_part(key, pgscore._key_types(relation, columns), k.ordinal::integer)),
        ' and ' order by k.ordinal
    )
    from unnest(columns) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._key_match(regclass, name[], text, text) is
    'SQL that finds rows by a key, which stands as text in the SQL key; an index of the columns serves it';
