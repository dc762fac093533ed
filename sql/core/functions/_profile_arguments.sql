create function pgscore._profile_arguments(profile regclass, inputs jsonb, source text) returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(pgscore._profile_expression(profile, i.input, source) order by i.ordinal)
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
$$;

comment on function pgscore._profile_arguments(regclass, jsonb, text) is
    'SQL for each input of a contract, read from a row of the profile table that stands under the name in source';
