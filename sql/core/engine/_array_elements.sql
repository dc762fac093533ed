create function pgscore._array_elements(inputs jsonb, source text) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        format(case when c.is_text then '%s.texts[%s]' else 'nullif(%s.numbers[%s], ''NaN'')' end, source, c.position)
        order by c.ordinal
    )
    from (
        select
            i.ordinal, i.input ->> 'type' = 'text' as is_text,
            row_number() over (partition by i.input ->> 'type' = 'text' order by i.ordinal) as position
        from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    ) c
$$;

comment on function pgscore._array_elements(jsonb, text) is
    'SQL for each input of a contract, out of the arrays numbers, with NaN for NULL, and texts of the row that stands under the name in source';
