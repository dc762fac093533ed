create function pgscore._inputs_differ(profile regclass, inputs jsonb, former text, present text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Texts by their bytes: a model tells apart what a collation may hold for equal.
    select string_agg(
        format(
            '%1$s%3$s is distinct from %2$s%3$s', pgscore._profile_expression(profile, i.input, former),
            pgscore._profile_expression(profile, i.input, present),
            case i.input ->> 'type' when 'text' then ' collate "C"' else '' end
        ), ' or ' order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
$$;

comment on function pgscore._inputs_differ(regclass, jsonb, text, text) is
    'SQL that says whether two rows of a profile table differ in what a model reads of them';
