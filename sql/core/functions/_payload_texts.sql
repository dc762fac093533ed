create function pgscore._payload_texts(inputs jsonb, payload jsonb) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        array_agg(pgscore._payload_value(payload, i.input ->> 'name', 'text') order by i.ordinal), '{}'
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    where i.input ->> 'type' = 'text'
$$;

comment on function pgscore._payload_texts(jsonb, jsonb) is
    'The text inputs of a contract out of a JSON object, in the contract''s order';
grant execute on function pgscore._payload_texts(jsonb, jsonb) to pgscore_reader;
