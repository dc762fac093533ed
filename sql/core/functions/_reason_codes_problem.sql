create function pgscore._characteristic_problem(place text, value jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := coalesce(
        replace(
            pgscore._fields_problem(place, value, array['partial', 'baseline', 'by', 'keys', 'codes'], '{}'),
            'which programs do not have', 'which reason codes do not have'
        ),
        pgscore._keys_problem(place || '.keys', value -> 'keys', 'number'),
        pgscore._list_problem(place || '.codes', value -> 'codes', 1, 100000)
    );
begin
    if problem is not null then
        return problem;
    end if;
    return coalesce(
        (
            select format(
                '%s.codes[%s] is %s, and a text of at most 1,000 bytes without control characters is wanted',
                place, c.ordinal - 1, pgscore._shown(c.code)
            )
            from jsonb_array_elements(value -> 'codes') with ordinality as c (code, ordinal)
            where not pgscore._is_text(c.code) or c.code #>> '{}' ~ E'[\\x01-\\x1f\\x7f]'
            order by c.ordinal limit 1
        ),
        case
            when not pgscore._is_integer(value -> 'partial', 0, 2147483647) then
                format('%s.partial is %s, and a register is wanted', place, pgscore._shown(value -> 'partial'))
            when not pgscore._is_number(value -> 'baseline') then
                format('%s.baseline is %s, and a finite number is wanted', place, pgscore._shown(value -> 'baseline'))
            when value -> 'by' <> 'null' and not pgscore._is_integer(value -> 'by', 0, 2147483647) then
                format('%s.by is %s, and a register or null is wanted', place, pgscore._shown(value -> 'by'))
            when value -> 'by' = 'null' and jsonb_array_length(value -> 'keys') <> 0 then
                format('%s.keys has members, and there is no register that they are of', place)
            when jsonb_array_length(value -> 'codes')
                <> case value -> 'by' when 'null' then 1 else jsonb_array_length(value -> 'keys') end
            then format('%s.codes has %s members, and is to have one for each key, or one in all', place, jsonb_array_length(value -> 'codes'))
        end
    );
end
$$;

comment on function pgscore._characteristic_problem(text, jsonb) is
    'What is wrong with a characteristic of reason codes in itself; NULL where nothing is';

create function pgscore._reason_codes_problem(codes jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text;
    listed record;
begin
    if octet_length(codes::text) > 2000000 then
        return 'reason_codes is larger than 2 MB';
    end if;
    problem := coalesce(
        replace(
            pgscore._fields_problem('reason_codes', codes, array['algorithm', 'characteristics'], '{}'),
            'which programs do not have', 'which reason codes do not have'
        ),
        case when codes -> 'algorithm' not in ('"pointsAbove"', '"pointsBelow"') then format(
            'reason_codes.algorithm is %s, and "pointsAbove" or "pointsBelow" is wanted', pgscore._shown(codes -> 'algorithm')
        ) end,
        pgscore._list_problem('reason_codes.characteristics', codes -> 'characteristics', 1, 1000)
    );
    if problem is not null then
        return problem;
    end if;
    for listed in
        select c.value, c.ordinal - 1 as number
        from jsonb_array_elements(codes -> 'characteristics') with ordinality as c (value, ordinal) order by c.ordinal
    loop
        problem := pgscore._characteristic_problem(format('reason_codes.characteristics[%s]', listed.number), listed.value);
        exit when problem is not null;
    end loop;
    return problem;
end
$$;

comment on function pgscore._reason_codes_problem(jsonb) is
    'Why JSON is no valid reason_codes of a contract, in one sentence that names the place; NULL where it is. It trusts nothing and raises nothing';
