create function pgscore._key_of_parts(key name[]) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case cardinality(key)
        when 1 then 'here.k1::text'
        else format(
            'array[%s]::text', (select string_agg(format('here.k%s::text', n), ', ' order by n) from generate_subscripts(key, 1) n)
        )
    end
$$;

comment on function pgscore._key_of_parts(name[]) is 'SQL for a key as text, from the variables k1, k2, … of a generated function';
