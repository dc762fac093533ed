create function pgscore._key_text(key name[], source text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when cardinality(key) = 1 then format('%s.%I::text', source, key[1])
        else (
            select 'array[' || string_agg(format('%s.%I::text', source, k), ', ' order by ordinal) || ']::text'
            from unnest(key) with ordinality as e (k, ordinal)
        )
    end
$$;

comment on function pgscore._key_text(name[], text) is
    'SQL for a key as text, which is how keys of all types are queued: of several columns, as the text of an array';
