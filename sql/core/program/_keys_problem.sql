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
