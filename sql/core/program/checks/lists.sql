create function pgscore._fields_problem(place text, value jsonb, required text[], optional text[]) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when jsonb_typeof(value) is distinct from 'object' then
            format('%s is %s, and an object is wanted', place, pgscore._shown(value))
        else coalesce(
            (
                select format('%s has no field "%s"', place, f.name)
                from unnest(required) with ordinality as f (name, ordinal)
                where value -> f.name is null
                order by f.ordinal limit 1
            ),
            (
                select format('%s has a field %s, which programs do not have', place, pgscore._shown(to_jsonb(k.name)))
                from jsonb_object_keys(value) as k (name)
                where k.name <> all (required || optional)
                order by k.name collate "C" limit 1
            )
        )
    end
$$;

comment on function pgscore._fields_problem(text, jsonb, text[], text[]) is
    'What is wrong with the fields of an object: one is missing, or one is not known; NULL where nothing is';

create function pgscore._list_problem(place text, value jsonb, low integer, high integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when jsonb_typeof(value) is distinct from 'array' then
            format('%s is %s, and a list is wanted', place, pgscore._shown(value))
        when jsonb_array_length(value) not between low and high then
            format('%s has %s members, and may have %s to %s', place, jsonb_array_length(value), low, high)
    end
$$;

comment on function pgscore._list_problem(text, jsonb, integer, integer) is
    'What is wrong with a list as a whole: it is none, or has too few or too many members; NULL where nothing is';

create function pgscore._keys_problem(place text, value jsonb, type text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := pgscore._list_problem(place, value, 0, 1000000);
    ordinal bigint;
begin
    if problem is not null then
        return problem;
    end if;
    -- Never compared before all are of the type.
    if type in ('text', 'string') then
        select format('%s[%s] is %s, and a text of at most 1,000 bytes is wanted', place, k.ordinal - 1, pgscore._shown(k.key))
        into problem
        from jsonb_array_elements(value) with ordinality as k (key, ordinal)
        where not pgscore._is_text(k.key)
        order by k.ordinal limit 1;
        if problem is null then
            select k.ordinal into ordinal
            from (
                select e.ordinal, e.key, lag(e.key) over (order by e.ordinal) as former
                from jsonb_array_elements_text(value) with ordinality as e (key, ordinal)
            ) k
            where k.key collate "C" <= k.former
            order by k.ordinal limit 1;
        end if;
    else
        select format('%s[%s] is %s, and a finite number is wanted', place, k.ordinal - 1, pgscore._shown(k.key))
        into problem
        from jsonb_array_elements(value) with ordinality as k (key, ordinal)
        where not pgscore._is_number(k.key)
        order by k.ordinal limit 1;
        if problem is null then
            select k.ordinal into ordinal
            from (
                select e.ordinal, e.key, lag(e.key) over (order by e.ordinal) as former
                from (
                    select m.ordinal, m.key::double precision as key
                    from jsonb_array_elements(value) with ordinality as m (key, ordinal)
                ) e
            ) k
            where k.key <= k.former
            order by k.ordinal limit 1;
        end if;
    end if;
    if ordinal is not null then
        problem := format('%s[%s] is not behind the member before it: they are sorted and unique', place, ordinal - 1);
    end if;
    return problem;
end
$$;

comment on function pgscore._keys_problem(text, jsonb, text) is
    'What is wrong with a sorted, unique list of texts (type text, or string as JSON says) or of numbers (any other); NULL where nothing is';

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
