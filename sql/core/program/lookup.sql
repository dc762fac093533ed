create function pgscore._lookup_keys_sql(tested text, keys text[], branches text[], unknown text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    many constant integer := cardinality(keys);
    middle constant integer := many / 2;
begin
    if many = 0 then
        return unknown;
    elsif many <= 8 then
        return 'case ' || (
            select string_agg(format('when %s operator(pg_catalog.=) %s then %s', tested, k.key, k.branch), ' ' order by k.ordinal)
            from unnest(keys, branches) with ordinality as k (key, branch, ordinal)
        ) || format(' else %s end', unknown);
    end if;
    -- Keys are sorted.
    return format(
        'case when %s operator(pg_catalog.<=) %s then %s else %s end',
        tested, keys[middle],
        pgscore._lookup_keys_sql(tested, keys[:middle], branches[:middle], unknown),
        pgscore._lookup_keys_sql(tested, keys[middle + 1:], branches[middle + 1:], unknown)
    );
end
$$;

comment on function pgscore._lookup_keys_sql(text, text[], text[], text) is
    'SQL that looks a value up among sorted keys, all given as SQL; halves them while they are more than eight';

create function pgscore._lookup_sql(step jsonb, tested text, is_text boolean, may_miss boolean) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    compared constant text := pgscore._tested_sql(tested, case when is_text then 't' else 'n' end);
    found text;
begin
    found := pgscore._lookup_keys_sql(
        compared,
        array(
            select case
                when is_text then pgscore._text_literal_sql(k.key #>> '{}') else pgscore._literal_sql(k.key::double precision) end
            from jsonb_array_elements(step -> 'keys') with ordinality as k (key, ordinal) order by k.ordinal
        ),
        array(
            select pgscore._literal_sql(v.value::double precision)
            from (
                select nullif(e.value, 'null') as value, e.ordinal
                from jsonb_array_elements(step -> 'values') with ordinality as e (value, ordinal)
            ) v
            order by v.ordinal
        ),
        pgscore._literal_sql((nullif(step -> 'unknown', 'null'))::double precision)
    );
    if may_miss then
        found := format(
            'case when %s is null then %s else %s end',
            tested, pgscore._literal_sql((nullif(step -> 'missing', 'null'))::double precision), found
        );
    end if;
    return found;
end
$$;

comment on function pgscore._lookup_sql(jsonb, text, boolean, boolean) is
    'SQL for a lookup step of what is given as SQL, NULL where it is missing';
