-- Chunks of a cursor. Nothing here has a pinned path: what a cursor runs is the caller's, and looks up its names along the
-- caller's path. So every name has its schema.

create function pgscore._fetch(source refcursor, rows integer) returns setof record
language plpgsql volatile parallel unsafe
as $$
begin
    return query execute pg_catalog.format('fetch forward %s from %I', rows, source);
end
$$;

comment on function pgscore._fetch(refcursor, integer) is 'The next rows of a cursor, as a set';
grant execute on function pgscore._fetch(refcursor, integer) to pgscore_reader;

create function pgscore._most_chunk_rows(inputs jsonb) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- An estimator's call costs it milliseconds, whatever it is given; a chunk of the widest model has megabytes.
    select greatest(100, least(32768, 400000 / greatest(jsonb_array_length(inputs), 1)))
$$;

comment on function pgscore._most_chunk_rows(jsonb) is 'How many rows of a model with these inputs are scored together at most';

create function pgscore._next_chunk_rows(rows integer, most integer, texts text[]) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when pg_column_size(texts) > 16000000 then greatest(rows / 4, 1)
        when pg_column_size(texts) > 4000000 then rows
        -- As many as make about that much of texts, which may be longer from here on.
        else least(rows * least(16, greatest(2, 4000000 / greatest(pg_column_size(texts), 1))), most)
    end
$$;

comment on function pgscore._next_chunk_rows(integer, integer, text[]) is
    'How many rows the next chunk is to have, after one of that many with these texts: long texts make short chunks';

grant execute on function
    pgscore._most_chunk_rows(jsonb), pgscore._next_chunk_rows(integer, integer, text[])
    to pgscore_reader;
