create function pgscore._split_arguments(inputs jsonb, arguments text[], out numbers text, out texts text)
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- Arrays without elements cannot be put together.
    select
        coalesce('array[' || string_agg(a.argument, ', ' order by a.ordinal) filter (where not a.is_text)
            || ']::pg_catalog.float8[]', 'null'),
        coalesce('array[' || string_agg(a.argument, ', ' order by a.ordinal) filter (where a.is_text) || ']::pg_catalog.text[]', 'null')
    from (
        select i.ordinal, i.input ->> 'type' = 'text' as is_text, arguments[i.ordinal] as argument
        from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    ) a
$$;

comment on function pgscore._split_arguments(jsonb, text[]) is
    'SQL for the two arrays, of numbers and of texts, that the inputs of a contract travel in, out of SQL for each input';

create function pgscore._present_arguments(inputs jsonb, arguments text[]) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        case i.input ->> 'type' when 'text' then a.argument else format('coalesce(%s, ''NaN''::pg_catalog.float8)', a.argument) end
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    join unnest(arguments) with ordinality as a (argument, ordinal) using (ordinal)
$$;

comment on function pgscore._present_arguments(jsonb, text[]) is
    'SQL for each input of a contract, with NaN in the place of a number that is NULL: arrays without NULL travel faster';
