create function pgscore._arrays(
    profile regclass, inputs jsonb, source text, out numbers text, out texts text
)
language sql stable
set search_path = ''
as $$
    select
        'array[' || string_agg(e.expression, ', ' order by e.ordinal) filter (where not e.is_text)
            || ']::double precision[]',
        'array[' || string_agg(e.expression, ', ' order by e.ordinal) filter (where e.is_text) || ']::text[]'
    from (
        select
            i.ordinal,
            i.input ->> 'type' = 'text' as is_text,
            pgscore._profile_expression(profile, i.input, source) as expression
        from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    ) e
$$;

comment on function pgscore._arrays(regclass, jsonb, text) is
    'SQL for the two arrays, of numbers and of texts, that a contract''s inputs travel in; NULL for one without elements';
