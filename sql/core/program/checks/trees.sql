create function pgscore._trees_lists_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most constant integer := 4000000;
    problem text := pgscore._fields_problem(
        place, step,
        array['step', 'of', 'precision', 'base', 'roots', 'target', 'feature', 'threshold', 'set', 'missing_left', 'left',
            'right', 'values', 'sets'],
        array['divide', 'cover']
    );
    field text;
    wanted integer;
    wanted_nodes integer;
begin
    problem := coalesce(
        problem,
        pgscore._list_problem(place || '.of', step -> 'of', 1, 100000),
        pgscore._list_problem(place || '.base', step -> 'base', 1, 1000),
        pgscore._list_problem(place || '.roots', step -> 'roots', 0, most),
        pgscore._list_problem(place || '.feature', step -> 'feature', 0, most),
        pgscore._list_problem(place || '.values', step -> 'values', 0, most),
        pgscore._list_problem(place || '.sets', step -> 'sets', 0, most),
        pgscore._registers_problem(place || '.of', step -> 'of', kinds, '*')
    );
    if problem is not null then
        return problem;
    elsif jsonb_typeof(step -> 'precision') <> 'string' or step ->> 'precision' <> 'float64' then
        return format('%s.precision is %s, and "float64" is wanted', place, pgscore._shown(step -> 'precision'));
    elsif step ? 'divide' and not pgscore._is_number(step -> 'divide') then
        return format('%s.divide is %s, and a finite number is wanted', place, pgscore._shown(step -> 'divide'));
    elsif (step -> 'divide')::double precision = 0 then
        return format('%s.divide is 0', place);
    end if;
    wanted_nodes := jsonb_array_length(step -> 'feature');
    foreach field in array array['threshold', 'set', 'missing_left', 'left', 'right', 'target'] loop
        wanted := jsonb_array_length(step -> case field when 'target' then 'roots' else 'feature' end);
        problem := pgscore._list_problem(place || '.' || field, step -> field, wanted, wanted);
        exit when problem is not null;
    end loop;
    if problem is null and step ? 'cover' then
        problem := pgscore._list_problem(place || '.cover', step -> 'cover', wanted_nodes, wanted_nodes);
    end if;
    return problem;
end
$$;

comment on function pgscore._trees_lists_problem(text, jsonb, text) is
    'What is wrong with the fields of a trees step and the lengths of its lists; NULL where nothing is';

create function pgscore._trees_numbers_problem(place text, step jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    field text;
    problem text;
begin
    -- Each kind of list in one pass.
    foreach field in array array['base', 'values', 'threshold', 'cover'] loop
        select format(
            '%s.%s[%s] is %s, and a finite number%s is wanted', place, field, e.ordinal - 1, pgscore._shown(e.value),
            case field when 'threshold' then ' or null' when 'cover' then ' from 0 on' end
        )
        into problem
        from jsonb_array_elements(step -> field) with ordinality as e (value, ordinal)
        where not pgscore._is_number(e.value) and (field <> 'threshold' or jsonb_typeof(e.value) <> 'null')
            or field = 'cover' and e.value < '0'
        order by e.ordinal limit 1;
        if problem is not null then
            return problem;
        end if;
    end loop;
    select p.problem into problem
    from (values
        (1, 'roots', 0, jsonb_array_length(step -> 'feature') - 1), (2, 'target', -1, jsonb_array_length(step -> 'base') - 1),
        (3, 'feature', -1, jsonb_array_length(step -> 'of') - 1), (4, 'set', -1, jsonb_array_length(step -> 'sets') - 1),
        (5, 'missing_left', 0, 1),
        (6, 'left', 0, greatest(jsonb_array_length(step -> 'feature'), jsonb_array_length(step -> 'values'))),
        (7, 'right', -1, jsonb_array_length(step -> 'feature') - 1)
    ) as f (position, name, low, high)
    cross join lateral (
        select format(
            '%s.%s[%s] is %s, and an integer from %s to %s is wanted',
            place, f.name, e.ordinal - 1, pgscore._shown(e.value), f.low, f.high
        )
        from jsonb_array_elements(step -> f.name) with ordinality as e (value, ordinal)
        where not pgscore._is_integer(e.value, f.low, f.high)
        order by e.ordinal limit 1
    ) as p (problem)
    order by f.position limit 1;
    return problem;
end
$$;

comment on function pgscore._trees_numbers_problem(text, jsonb) is
    'What is wrong with the members of the lists of a trees step, each for itself; NULL where nothing is';

create function pgscore._trees_sets_problem(place text, sets jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    member jsonb;
    number integer := 0;
    problem text;
begin
    for member in select s.value from jsonb_array_elements(sets) with ordinality as s (value, ordinal) order by s.ordinal loop
        problem := pgscore._keys_problem(
            format('%s.sets[%s]', place, number), member,
            case when jsonb_typeof(member) = 'array' then jsonb_typeof(member -> 0) end
        );
        exit when problem is not null;
        number := number + 1;
    end loop;
    return problem;
end
$$;

comment on function pgscore._trees_sets_problem(text, jsonb) is 'What is wrong with the sets of a trees step; NULL where nothing is';

create function pgscore._trees_nodes_problem(
    place text, step jsonb, kinds text, feature integer[], lefts integer[], rights integer[]
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    nodes constant integer := cardinality(feature);
    number_of_values constant integer := jsonb_array_length(step -> 'values');
    reads constant text[] := array(
        select substr(kinds, o.value::integer + 1, 1)
        from jsonb_array_elements(step -> 'of') with ordinality as o (value, ordinal) order by o.ordinal
    );
    -- An empty set holds texts as well as numbers.
    set_kinds constant text[] := array(
        select case when s.value = '[]' then '*' when jsonb_typeof(s.value -> 0) = 'string' then 't' else 'n' end
        from jsonb_array_elements(step -> 'sets') with ordinality as s (value, ordinal) order by s.ordinal
    );
    problem text;
begin
    select n.problem into problem
    from (
        select u.ordinal, case
            when u.feature = -1 and u.threshold <> 'null' then format('%s.threshold[%s] is given for a leaf', place, node)
            when u.feature = -1 and u.set_of <> -1 then format('%s.set[%s] is given for a leaf', place, node)
            when u.feature = -1 and u.right_child <> -1 then
                format('%s.right[%s] is %s, and -1 is wanted for a leaf', place, node, u.right_child)
            when u.feature = -1 and u.left_child >= number_of_values then
                format('%s.left[%s] is %s, and there are %s values', place, node, u.left_child, number_of_values)
            when u.feature = -1 then null
            when u.left_child not between node + 1 and nodes - 1 then
                format('%s.left[%s] is %s, and children stand behind their parent', place, node, u.left_child)
            when u.right_child not between node + 1 and nodes - 1 then
                format('%s.right[%s] is %s, and children stand behind their parent', place, node, u.right_child)
            when u.set_of = -1 and u.threshold = 'null' then
                format('%s.threshold[%s] is null for a node that tests no set', place, node)
            when u.set_of <> -1 and u.threshold <> 'null' then
                format('%s.threshold[%s] is given for a node that tests a set', place, node)
            when u.set_of = -1 and reads[u.feature + 1] = 't' then
                format('%s.feature[%s] is %s, which is a text, and its node has a threshold', place, node, u.feature)
            when u.set_of <> -1 and set_kinds[u.set_of + 1] not in ('*', reads[u.feature + 1]) then
                format('%s.set[%s] is %s, which is not of the kind of what its node tests', place, node, u.set_of)
        end as problem
        from rows from (
            unnest(feature), unnest(translate((step -> 'set')::text, '[]', '{}')::integer[]), unnest(lefts), unnest(rights),
            jsonb_array_elements(step -> 'threshold')
        ) with ordinality as u (feature, set_of, left_child, right_child, threshold, ordinal),
        lateral (select u.ordinal::integer - 1) as o (node)
    ) n
    where n.problem is not null
    order by n.ordinal limit 1;
    return problem;
end
$$;

comment on function pgscore._trees_nodes_problem(text, jsonb, text, integer[], integer[], integer[]) is
    'What is wrong with a node of a trees step: the lists say different things of it; NULL where nothing is';

create function pgscore._trees_parents_problem(
    place text, feature integer[], lefts integer[], rights integer[], roots integer[]
) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case count(used.node)
        when 0 then format('%s: node %s is neither a root nor a child', place, node.number)
        else format('%s: node %s is the child of several, or a root and a child', place, node.number)
    end
    from generate_series(0, cardinality(feature) - 1) as node (number)
    left join (
        select r.node from unnest(roots) as r (node)
        union all
        select u.child from unnest(feature, lefts) as u (feature, child) where u.feature <> -1
        union all
        select u.child from unnest(feature, rights) as u (feature, child) where u.feature <> -1
    ) as used on used.node = node.number
    group by node.number
    having count(used.node) <> 1
    order by node.number limit 1
$$;

comment on function pgscore._trees_parents_problem(text, integer[], integer[], integer[], integer[]) is
    'A node that is not a root or the child of exactly one; NULL where each is';

create function pgscore._trees_depth_problem(
    place text, feature integer[], lefts integer[], rights integer[], roots integer[]
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    frontier integer[] := roots;
    depth integer := 0;
begin
    -- Level by level.
    while cardinality(frontier) > 0 loop
        if depth > 1000 then
            return format('%s: a tree is deeper than 1,000', place);
        end if;
        select array_agg(c.child) into frontier
        from unnest(frontier) as f (node), lateral (values (lefts[f.node + 1]), (rights[f.node + 1])) as c (child)
        where feature[f.node + 1] <> -1;
        depth := depth + 1;
    end loop;
    return null;
end
$$;

comment on function pgscore._trees_depth_problem(text, integer[], integer[], integer[], integer[]) is
    'Whether a tree is too deep; NULL where none is';

create function pgscore._trees_leaves_problem(
    place text, step jsonb, feature integer[], lefts integer[], rights integer[], roots integer[]
) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with recursive targets as (
        select translate((step -> 'target')::text, '[]', '{}')::integer[] as of_roots
    ),
    below as (
        select r.root as node from targets t, unnest(roots, t.of_roots) as r (root, target) where r.target = -1
        union all
        select c.child from below b, lateral (values (lefts[b.node + 1]), (rights[b.node + 1])) as c (child)
        where feature[b.node + 1] <> -1
    )
    select format(
        '%s.left[%s] is %s, and its leaf holds %s of the %s values', place, b.node, lefts[b.node + 1],
        jsonb_array_length(step -> 'base'), jsonb_array_length(step -> 'values')
    )
    from below b
    where feature[b.node + 1] = -1
        and lefts[b.node + 1] + jsonb_array_length(step -> 'base') > jsonb_array_length(step -> 'values')
    order by b.node limit 1
$$;

comment on function pgscore._trees_leaves_problem(text, jsonb, integer[], integer[], integer[], integer[]) is
    'A leaf that has not a value for each output where its tree has target -1; NULL where all have';

create function pgscore._program_trees_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Each of these trusts what those before it looked at.
    problem constant text := coalesce(
        pgscore._trees_lists_problem(place, step, kinds),
        pgscore._trees_numbers_problem(place, step),
        pgscore._trees_sets_problem(place, step -> 'sets')
    );
    feature integer[];
    lefts integer[];
    rights integer[];
    roots integer[];
begin
    if problem is not null then
        return problem;
    end if;
    feature := translate((step -> 'feature')::text, '[]', '{}')::integer[];
    lefts := translate((step -> 'left')::text, '[]', '{}')::integer[];
    rights := translate((step -> 'right')::text, '[]', '{}')::integer[];
    roots := translate((step -> 'roots')::text, '[]', '{}')::integer[];
    return coalesce(
        pgscore._trees_nodes_problem(place, step, kinds, feature, lefts, rights),
        pgscore._trees_parents_problem(place, feature, lefts, rights, roots),
        pgscore._trees_depth_problem(place, feature, lefts, rights, roots),
        pgscore._trees_leaves_problem(place, step, feature, lefts, rights, roots)
    );
end
$$;

comment on function pgscore._program_trees_problem(text, jsonb, text) is
    'What is wrong with a trees step where registers of these kinds exist; NULL where nothing is';
