create function pgscore._key_present(key name[], source text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%s.%I is not null', source, k), ' and ') from unnest(key) k
$$;

comment on function pgscore._key_present(name[], text) is 'SQL that says whether a row names a key at all';
