create function pgscore._registers_problem(place text, value jsonb, kinds text, wanted text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- Cases, because PostgreSQL keeps no order in conditions.
    select case
        when not pgscore._is_integer(e.value, 0, length(kinds) - 1) then
            format(
                '%s is %s, and only registers 0 to %s come before it',
                place || e.position, pgscore._shown(e.value), length(kinds) - 1
            )
        else
            format(
                '%s is %s, a register that holds a %s, and a %s is wanted',
                place || e.position, pgscore._shown(e.value),
                case wanted when 'n' then 'text' else 'number' end, case wanted when 'n' then 'number' else 'text' end
            )
    end
    from (
        select m.value, '[' || m.ordinal - 1 || ']' as position, m.ordinal
        from jsonb_array_elements(case jsonb_typeof(value) when 'array' then value else '[]' end)
            with ordinality as m (value, ordinal)
        union all
        select value, '', 1 where jsonb_typeof(value) <> 'array'
    ) e
    where case
        when pgscore._is_integer(e.value, 0, length(kinds) - 1) then
            wanted <> '*' and substr(kinds, e.value::integer + 1, 1) <> wanted
        else true
    end
    order by e.ordinal limit 1
$$;

comment on function pgscore._registers_problem(text, jsonb, text, text) is
    'What is wrong with a register, or a list of registers, that is read where registers of these kinds (n: number, t: text) exist; wanted is n, t, or * for either';
