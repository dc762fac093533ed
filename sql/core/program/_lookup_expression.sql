create function pgscore._lookup_expression(tested text, keys text[], branches text[], unknown text) returns text
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
            select string_agg(format('when %s = %s then %s', tested, k.key, k.branch), ' ' order by k.ordinal)
            from unnest(keys, branches) with ordinality as k (key, branch, ordinal)
        ) || format(' else %s end', unknown);
    end if;
    -- Keys are sorted.
    return format(
        'case when %s <= %s then %s else %s end',
        tested, keys[middle],
        pgscore._lookup_expression(tested, keys[:middle], branches[:middle], unknown),
        pgscore._lookup_expression(tested, keys[middle + 1:], branches[middle + 1:], unknown)
    );
end
$$;

comment on function pgscore._lookup_expression(text, text[], text[], text) is
    'SQL that looks a value up among sorted keys, all given as SQL; halves them while they are more than eight';
