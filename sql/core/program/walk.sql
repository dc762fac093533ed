-- Trees as arrays, and one function that walks them: slower than an expression, and nothing to plan. It serves sessions that
-- score a few rows only, and rows that are out of the ordinary.

create function pgscore._walk_trees(
    total double precision, tested double precision[], feature integer[], value double precision[],
    lefts integer[], rights integer[], roots integer[]
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    node integer;
    at integer;
begin
    foreach node in array roots loop
        at := feature[node];
        while at > 0 loop
            -- What is missing goes right.
            if tested[at] <= value[node] then
                node := lefts[node];
            else
                node := rights[node];
            end if;
            at := feature[node];
        end loop;
        total := total + value[node];
    end loop;
    return total;
end
$$;

comment on function pgscore._walk_trees(
    double precision, double precision[], integer[], double precision[], integer[], integer[], integer[]
) is 'total and the leaves that trees lead to, added from left to right. A node tests the value of that number, from 1, against its value, and goes left where it is no more; or it is a leaf, with 0, and its value is added';
grant execute on function pgscore._walk_trees(
    double precision, double precision[], integer[], double precision[], integer[], integer[], integer[]
) to pgscore_reader;

create function pgscore._walk_sql(
    step jsonb, tests text[], may_miss boolean[], output integer, total text, most_sets integer default 100
) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
    with arrays as (
        select
            translate((step -> 'feature')::text, '[]', '{}')::integer[] as feature,
            translate((step -> 'left')::text, '[]', '{}')::integer[] as lefts,
            translate((step -> 'right')::text, '[]', '{}')::integer[] as rights,
            translate((step -> 'roots')::text, '[]', '{}')::integer[] as roots,
            translate((step -> 'target')::text, '[]', '{}')::integer[] as targets,
            translate((step -> 'values')::text, '[]', '{}')::double precision[] as leaves,
            pgscore._sets_sql(step -> 'sets') as members
    ),
    nodes as (
        select
            n.ordinal, n.feature, n.threshold, n.set, n.missing_left = 1 and may_miss[n.feature + 1] as missing_left,
            n.lefts, n.rights, n.place, row_number() over (order by n.ordinal) as number
        from arrays a, unnest(
            a.feature, translate((step -> 'threshold')::text, '[]', '{}')::double precision[],
            translate((step -> 'set')::text, '[]', '{}')::integer[],
            translate((step -> 'missing_left')::text, '[]', '{}')::integer[], a.lefts, a.rights,
            pgscore._leaf_places(a.feature, a.lefts, a.rights, a.roots, a.targets, output)
        ) with ordinality as n (feature, threshold, set, missing_left, lefts, rights, place, ordinal)
        -- Of the trees of other outputs there is none.
        where n.place is not null
    ),
    tested as (
        select t.*, row_number() over (order by t.feature, t.set, t.missing_left) as number
        from (select distinct n.feature, n.set, n.missing_left from nodes n where n.feature <> -1) t
    ),
    conditions as (
        select
            t.number, t.set,
            case
                -- Below every threshold, so it goes left.
                when t.set = -1 and t.missing_left then format('coalesce(%s, ''-Infinity'')', tests[t.feature + 1])
                when t.set = -1 then tests[t.feature + 1]
                else format(
                    'case when %s then 0 else 1 end',
                    pgscore._in_set_sql(tests[t.feature + 1], a.members[t.set + 1], t.missing_left)
                )
            end as value
        from tested t, arrays a
    ),
    walked as (
        select
            n.number, coalesce(t.number, 0) as feature,
            case
                when n.feature = -1 then a.leaves[n.lefts + 1 + n.place]
                when n.set = -1 then n.threshold
                else 0.5
            end as value,
            coalesce(l.number, 0) as lefts, coalesce(r.number, 0) as rights
        from arrays a, nodes n
        left join tested t on t.feature = n.feature and t.set = n.set and t.missing_left = n.missing_left
        left join nodes l on n.feature <> -1 and l.ordinal = n.lefts + 1
        left join nodes r on n.feature <> -1 and r.ordinal = n.rights + 1
    ),
    started as (
        select array_agg(n.number order by r.ordinal) as roots
        from arrays a, unnest(a.roots) with ordinality as r (root, ordinal)
        join nodes n on n.ordinal = r.root + 1
    )
    select format(
        'pgscore._walk_trees(%s, array[%s]::pg_catalog.float8[], %L, %L, %L, %L, %L)', total,
        (select string_agg(c.value, ', ' order by c.number) from conditions c),
        array_agg(w.feature order by w.number), array_agg(w.value order by w.number),
        array_agg(w.lefts order by w.number), array_agg(w.rights order by w.number), (select s.roots from started s)
    )
    from walked w
    having count(*) > 0 and (select count(*) from conditions c where c.set <> -1) <= most_sets
$$;

comment on function pgscore._walk_sql(jsonb, text[], boolean[], integer, text, integer) is
    'SQL that adds the trees of a trees step that belong to an output to a total; NULL where there are none, or where they test so many sets that to look into all of them would take long';

create function pgscore._walked(program jsonb) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select program || jsonb_build_object('steps', (
        select jsonb_agg(
            case s.step ->> 'step' when 'trees' then s.step || '{"walked": true}'::jsonb else s.step end order by s.ordinal
        )
        from jsonb_array_elements(program -> 'steps') with ordinality as s (step, ordinal)
    ))
    where program -> 'steps' @> '[{"step": "trees"}]'
$$;

comment on function pgscore._walked(jsonb) is 'A program whose trees are to be walked, for the compiler; NULL where it has none';
