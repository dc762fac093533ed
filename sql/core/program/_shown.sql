create function pgscore._shown(value jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when value is null then 'absent'
        when jsonb_typeof(value) in ('array', 'object') then
            case jsonb_typeof(value) when 'array' then 'a list' else 'an object' end
        when length(value::text) > 60 then left(value::text, 60) || '…'
        else value::text
    end
$$;

comment on function pgscore._shown(jsonb) is 'A value as messages show it: short, on one line';
