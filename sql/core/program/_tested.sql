create function pgscore._tested(expression text, kind text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case kind when 't' then '(' || expression || ' collate "C")' else expression end
$$;

comment on function pgscore._tested(text, text) is 'SQL for a register of a kind (n: number, t: text) that is compared: texts by code points';
