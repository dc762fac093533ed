create function pgscore._row_match(profile regclass, one text, other text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%1$s.%3$I = %2$s.%3$I', one, other, k.name), ' and ' order by k.ordinal)
    from unnest(pgscore._row_key(profile)) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._row_match(regclass, text, text) is 'SQL that says whether two rows are the same row of a profile table';
