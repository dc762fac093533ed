create function pgscore._payload_value(payload jsonb, name text, type text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    value constant jsonb := payload -> name;
    kind constant text := jsonb_typeof(value);
    plain constant text := value #>> '{}';
begin
    if value is null then
        raise exception 'the row has no input "%"', name
            using errcode = 'undefined_column',
                  hint = 'Give it as null where it is not known.';
    end if;
    -- No number as short as 300 characters is beyond what a double holds.
    if kind = 'number' and type = 'double precision' and length(plain) > 300 then
        return case pgscore._number(plain::numeric)
            when 'Infinity' then 'Infinity' when '-Infinity' then '-Infinity' when 0 then '0' else plain
        end;
    elsif kind = 'null'
        or (type = 'text' and kind = 'string')
        or (type = 'boolean' and kind = 'boolean')
        or (type = 'double precision' and (kind = 'number' or plain in ('NaN', 'Infinity', '-Infinity')))
    then
        return plain;
    end if;
    raise exception 'input "%" is the % %, and the model wants %', name, kind, value, type
        using errcode = 'datatype_mismatch';
end
$$;

comment on function pgscore._payload_value(jsonb, text, text) is
    'One input out of a JSON object, refused where it is missing or of another type than the contract''s';
grant execute on function pgscore._payload_value(jsonb, text, text) to pgscore_reader;
