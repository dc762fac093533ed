create function pgscore._lookup(step jsonb, tested text, is_text boolean, may_miss boolean) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    compared constant text := case when is_text then '(' || tested || ' collate "C")' else tested end;
    found text;
begin
    found := pgscore._lookup_expression(
        compared,
        array(
            select case when is_text then quote_literal(k.key #>> '{}') || '::text' else pgscore._literal(k.key::double precision) end
            from jsonb_array_elements(step -> 'keys') with ordinality as k (key, ordinal) order by k.ordinal
        ),
        array(
            select pgscore._literal(v.value::double precision)
            from (
                select nullif(e.value, 'null') as value, e.ordinal
                from jsonb_array_elements(step -> 'values') with ordinality as e (value, ordinal)
            ) v
            order by v.ordinal
        ),
        pgscore._literal((nullif(step -> 'unknown', 'null'))::double precision)
    );
    if may_miss then
        found := format(
            'case when %s is null then %s else %s end',
            tested, pgscore._literal((nullif(step -> 'missing', 'null'))::double precision), found
        );
    end if;
    return found;
end
$$;

comment on function pgscore._lookup(jsonb, text, boolean, boolean) is
    'SQL for a lookup step of what is given as SQL, NULL where it is missing';
