create function pgscore._array_literal(members jsonb, type text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
    select case type
        when 'text' then
            quote_literal(array(
                select m.value from jsonb_array_elements_text(members) with ordinality as m (value, ordinal) order by m.ordinal
            )::text) || '::text[]'
        else
            quote_literal(array(
                select m.value::double precision
                from jsonb_array_elements(members) with ordinality as m (value, ordinal) order by m.ordinal
            )::text) || '::double precision[]'
    end
$$;

comment on function pgscore._array_literal(jsonb, text) is
    'SQL for the array of a list of texts (type text) or of finite numbers (any other)';
