create function pgscore._prediction(version integer, output jsonb, outputs double precision[]) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
    select case
        when outputs is null or array_position(outputs, null) is not null then null
        when output ->> 'kind' = 'value' then jsonb_build_object('version', version, 'value', outputs[1])
        else
            jsonb_build_object(
                'version', version, 'label', output -> 'classes' -> outputs[cardinality(outputs)]::integer
            )
            || case output ->> 'kind'
                when 'probability' then jsonb_build_object(
                    'probabilities',
                    (
                        select jsonb_object_agg(c.label, outputs[c.position])
                        from jsonb_array_elements_text(output -> 'classes') with ordinality as c (label, position)
                    )
                )
                else '{}'
            end
    end
$$;

comment on function pgscore._prediction(integer, jsonb, double precision[]) is
    'What pgscore.predict answers: version, label and class probabilities, or version and value, out of all outputs of a row';
grant execute on function pgscore._prediction(integer, jsonb, double precision[]) to pgscore_reader;
