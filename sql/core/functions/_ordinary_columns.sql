create function pgscore._ordinary_columns(profile regclass, inputs jsonb) returns boolean[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        coalesce(a.atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'boolean'::regtype, 'real'::regtype), false)
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    left join pg_catalog.pg_attribute a
        on a.attrelid = profile and a.attname = i.input ->> 'name' and a.attnum > 0 and not a.attisdropped
$$;

comment on function pgscore._ordinary_columns(regclass, jsonb) is
    'For each input of a contract, whether its column in a profile table can hold neither a huge nor a tiny number';
