create function pgscore._payload_arguments(inputs jsonb, source text) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        format(
            'pgscore._payload_value(%s, %L, %L)%s', source, i.input ->> 'name', i.input ->> 'type',
            case i.input ->> 'type'
                when 'text' then ''
                when 'boolean' then '::pg_catalog.bool::pg_catalog.int4::pg_catalog.float8'
                else '::pg_catalog.float8'
            end
        )
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
$$;

comment on function pgscore._payload_arguments(jsonb, text) is
    'SQL for each input of a contract, out of the JSON object that stands under the name in source';
