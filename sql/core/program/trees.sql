create function pgscore._has_bounded_leaves(step jsonb) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(max(abs(v.value::double precision)), 0) < '1e300'::double precision
    from (
        select l.value from jsonb_array_elements(step -> 'values') as l (value)
        union all
        select b.value from jsonb_array_elements(step -> 'base') as b (value)
    ) v
$$;

comment on function pgscore._has_bounded_leaves(jsonb) is
    'Whether no sum of a trees step can overflow: 4,000,000 leaves below 1e300 stay below 1e307';

create function pgscore._sets_sql(sets jsonb) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        case
            when jsonb_array_length(s.value) > 0 then
                pgscore._array_literal_sql(s.value, case jsonb_typeof(s.value -> 0) when 'string' then 'text' else 'number' end)
        end
        order by s.ordinal
    )
    from jsonb_array_elements(sets) with ordinality as s (value, ordinal)
$$;

comment on function pgscore._sets_sql(jsonb) is 'SQL for the array of each set that trees test; NULL for one without members';

create function pgscore._leaf_places(
    feature integer[], lefts integer[], rights integer[], roots integer[], targets integer[], output integer
) returns integer[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    place integer[] := array_fill(null::integer, array[cardinality(feature)]);
begin
    for number in 1 .. cardinality(roots) loop
        if targets[number] in (-1, output) then
            place[roots[number] + 1] := case targets[number] when -1 then output else 0 end;
        end if;
    end loop;
    -- Children stand behind their parent: it tells them.
    for node in 1 .. cardinality(feature) loop
        if feature[node] <> -1 and place[node] is not null then
            place[lefts[node] + 1] := place[node];
            place[rights[node] + 1] := place[node];
        end if;
    end loop;
    return place;
end
$$;

comment on function pgscore._leaf_places(integer[], integer[], integer[], integer[], integer[], integer) is
    'For each node of a tree that adds to an output which of the leaf''s values it adds, from 0; NULL for other nodes';

create function pgscore._in_set_sql(tested text, members text, missing_is_in boolean) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when members is null then case when missing_is_in then tested || ' is null' else 'false' end
        when missing_is_in then '(' || tested || ' operator(pg_catalog.=) any (' || members || ')) is not false'
        else tested || ' operator(pg_catalog.=) any (' || members || ')'
    end
$$;

comment on function pgscore._in_set_sql(text, text, boolean) is
    'SQL that says whether a value is a member of a set, given as SQL for its array, or missing; members is NULL for a set without any';

create function pgscore._trees_sql(step jsonb, tests text[], may_miss boolean[], output integer) returns text[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
    feature constant integer[] := translate((step -> 'feature')::text, '[]', '{}')::integer[];
    thresholds constant double precision[] := translate((step -> 'threshold')::text, '[]', '{}')::double precision[];
    sets constant integer[] := translate((step -> 'set')::text, '[]', '{}')::integer[];
    missing_left constant integer[] := translate((step -> 'missing_left')::text, '[]', '{}')::integer[];
    lefts constant integer[] := translate((step -> 'left')::text, '[]', '{}')::integer[];
    rights constant integer[] := translate((step -> 'right')::text, '[]', '{}')::integer[];
    leaves constant double precision[] := translate((step -> 'values')::text, '[]', '{}')::double precision[];
    roots constant integer[] := translate((step -> 'roots')::text, '[]', '{}')::integer[];
    targets constant integer[] := translate((step -> 'target')::text, '[]', '{}')::integer[];
    members constant text[] := pgscore._sets_sql(step -> 'sets');
    nodes text[] := array_fill(null::text, array[cardinality(feature)]);
    place constant integer[] := pgscore._leaf_places(feature, lefts, rights, roots, targets, output);
    answers text[] := '{}';
    tested text;
    condition text;
begin
    -- Children stand behind their parent: they are there when it wants them.
    for node in reverse cardinality(feature) .. 1 loop
        if place[node] is null then
            continue;
        elsif feature[node] = -1 then
            nodes[node] := quote_literal(leaves[lefts[node] + 1 + place[node]]::text) || '::pg_catalog.float8';
            continue;
        end if;
        tested := tests[feature[node] + 1];
        if sets[node] = -1 then
            condition := tested || ' operator(pg_catalog.<=) ' || quote_literal(thresholds[node]::text) || '::pg_catalog.float8';
        else
            condition := pgscore._in_set_sql(tested, members[sets[node] + 1], missing_left[node] = 1 and may_miss[feature[node] + 1]);
        end if;
        if sets[node] = -1 and missing_left[node] = 1 and may_miss[feature[node] + 1] then
            -- NULL for a missing value.
            condition := '(' || condition || ') is not false';
        end if;
        nodes[node] := 'case when ' || condition || ' then ' || nodes[lefts[node] + 1]
            || ' else ' || nodes[rights[node] + 1] || ' end';
        nodes[lefts[node] + 1] := null;
        nodes[rights[node] + 1] := null;
    end loop;
    for number in 1 .. cardinality(roots) loop
        if targets[number] in (-1, output) then
            answers := answers || nodes[roots[number] + 1];
        end if;
    end loop;
    return answers;
end
$$;

comment on function pgscore._trees_sql(jsonb, text[], boolean[], integer) is
    'SQL for each tree of a trees step that adds to an output; tests is SQL for what nodes test, NULL where it is missing and may_miss';
