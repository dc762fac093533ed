create function pgscore._payload_numbers(inputs jsonb, payload jsonb) returns double precision[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        array_agg(
            case i.input ->> 'type'
                when 'boolean' then pgscore._payload_value(payload, i.input ->> 'name', 'boolean')::boolean::integer
                else pgscore._payload_value(payload, i.input ->> 'name', 'double precision')::double precision
            end
            order by i.ordinal
        ),
        '{}'
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    where i.input ->> 'type' <> 'text'
$$;

comment on function pgscore._payload_numbers(jsonb, jsonb) is
    'The number inputs of a contract out of a JSON object, booleans as 0 and 1, in the contract''s order';
grant execute on function pgscore._payload_numbers(jsonb, jsonb) to pgscore_reader;
