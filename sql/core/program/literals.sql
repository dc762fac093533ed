create function pgscore._literal_sql(number double precision) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
    select coalesce(quote_literal(number::text), 'null') || '::pg_catalog.float8'
$$;

comment on function pgscore._literal_sql(double precision) is 'SQL for exactly this double; never a bare number, which would be numeric';

create function pgscore._text_literal_sql(value text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select quote_literal(value) || '::pg_catalog.text'
$$;

comment on function pgscore._text_literal_sql(text) is 'SQL for exactly this text';

create function pgscore._array_literal_sql(members jsonb, type text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
    select case type
        when 'text' then
            pgscore._text_literal_sql(array(
                select m.value from jsonb_array_elements_text(members) with ordinality as m (value, ordinal) order by m.ordinal
            )::text) || '[]'
        else
            quote_literal(array(
                select m.value::double precision
                from jsonb_array_elements(members) with ordinality as m (value, ordinal) order by m.ordinal
            )::text) || '::pg_catalog.float8[]'
    end
$$;

comment on function pgscore._array_literal_sql(jsonb, text) is
    'SQL for the array of a list of texts (type text) or of finite numbers (any other)';

create function pgscore._tested_sql(expression text, kind text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case kind when 't' then '(' || expression || ' collate pg_catalog."C")' else expression end
$$;

comment on function pgscore._tested_sql(text, text) is 'SQL for a register of a kind (n: number, t: text) that is compared: texts by code points';
