create function pgscore._program_trees_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most constant integer := 4000000;
    problem text;
    field text;
    outputs integer;
    nodes integer;
    roots integer[];
    feature integer[];
    sets_of integer[];
    lefts integer[];
    rights integer[];
    targets integer[];
    number_of_values integer;
    reads text[];
    set_kinds text[] := '{}';
    member jsonb;
    frontier integer[];
    depth integer := 0;
begin
    problem := pgscore._fields_problem(
        place, step,
        array['step', 'of', 'precision', 'base', 'roots', 'target', 'feature', 'threshold', 'set', 'missing_left', 'left',
            'right', 'values', 'sets'],
        array['divide']
    );
    problem := coalesce(
        problem,
        pgscore._list_problem(place || '.of', step -> 'of', 1, 100000),
        pgscore._list_problem(place || '.base', step -> 'base', 1, 1000),
        pgscore._list_problem(place || '.roots', step -> 'roots', 0, most),
        pgscore._list_problem(place || '.feature', step -> 'feature', 0, most),
        pgscore._list_problem(place || '.values', step -> 'values', 0, most),
        pgscore._list_problem(place || '.sets', step -> 'sets', 0, most)
    );
    if problem is not null then
        return problem;
    end if;
    problem := pgscore._registers_problem(place || '.of', step -> 'of', kinds, '*');
    if problem is not null then
        return problem;
    end if;
    if jsonb_typeof(step -> 'precision') <> 'string' or step ->> 'precision' <> 'float64' then
        return format('%s.precision is %s, and "float64" is wanted', place, pgscore._shown(step -> 'precision'));
    elsif step ? 'divide' and not pgscore._is_number(step -> 'divide') then
        return format('%s.divide is %s, and a finite number is wanted', place, pgscore._shown(step -> 'divide'));
    elsif (step -> 'divide')::double precision = 0 then
        return format('%s.divide is 0', place);
    end if;
    outputs := jsonb_array_length(step -> 'base');
    nodes := jsonb_array_length(step -> 'feature');
    number_of_values := jsonb_array_length(step -> 'values');
    foreach field in array array['threshold', 'set', 'missing_left', 'left', 'right'] loop
        problem := pgscore._list_problem(place || '.' || field, step -> field, nodes, nodes);
        if problem is not null then
            return problem;
        end if;
    end loop;
    problem := pgscore._list_problem(
        place || '.target', step -> 'target', jsonb_array_length(step -> 'roots'), jsonb_array_length(step -> 'roots')
    );
    if problem is not null then
        return problem;
    end if;
    -- First that all are of the right type, each kind of list in one pass.
    foreach field in array array['base', 'values'] loop
        select format('%s.%s[%s] is %s, and a finite number is wanted', place, field, e.ordinal - 1, pgscore._shown(e.value))
        into problem
        from jsonb_array_elements(step -> field) with ordinality as e (value, ordinal)
        where not pgscore._is_number(e.value)
        order by e.ordinal limit 1;
        if problem is not null then
            return problem;
        end if;
    end loop;
    select format('%s.threshold[%s] is %s, and a finite number or null is wanted', place, e.ordinal - 1, pgscore._shown(e.value))
    into problem
    from jsonb_array_elements(step -> 'threshold') with ordinality as e (value, ordinal)
    where jsonb_typeof(e.value) <> 'null' and not pgscore._is_number(e.value)
    order by e.ordinal limit 1;
    if problem is not null then
        return problem;
    end if;
    for field, problem in
        select f.name, p.problem
        from (values
            ('roots', 0, nodes - 1), ('target', -1, outputs - 1), ('feature', -1, jsonb_array_length(step -> 'of') - 1),
            ('set', -1, jsonb_array_length(step -> 'sets') - 1), ('missing_left', 0, 1),
            ('left', 0, greatest(nodes, number_of_values)), ('right', -1, nodes - 1)
        ) as f (name, low, high)
        cross join lateral (
            select format(
                '%s.%s[%s] is %s, and an integer from %s to %s is wanted',
                place, f.name, e.ordinal - 1, pgscore._shown(e.value), f.low, f.high
            )
            from jsonb_array_elements(step -> f.name) with ordinality as e (value, ordinal)
            where not pgscore._is_integer(e.value, f.low, f.high)
            order by e.ordinal limit 1
        ) as p (problem)
    loop
        return problem;
    end loop;
    for member in select s.value from jsonb_array_elements(step -> 'sets') with ordinality as s (value, ordinal) order by s.ordinal loop
        field := format('%s.sets[%s]', place, cardinality(set_kinds));
        problem := pgscore._keys_problem(
            field, member, case when jsonb_typeof(member) = 'array' then jsonb_typeof(member -> 0) end
        );
        if problem is not null then
            return problem;
        end if;
        -- An empty set holds texts as well as numbers.
        set_kinds := set_kinds || case when jsonb_array_length(member) = 0 then '*' when jsonb_typeof(member -> 0) = 'string' then 't' else 'n' end;
    end loop;

    -- Now they are arrays.
    roots := translate((step -> 'roots')::text, '[]', '{}')::integer[];
    targets := translate((step -> 'target')::text, '[]', '{}')::integer[];
    feature := translate((step -> 'feature')::text, '[]', '{}')::integer[];
    sets_of := translate((step -> 'set')::text, '[]', '{}')::integer[];
    lefts := translate((step -> 'left')::text, '[]', '{}')::integer[];
    rights := translate((step -> 'right')::text, '[]', '{}')::integer[];
    select array_agg(substr(kinds, o.value::integer + 1, 1) order by o.ordinal) into reads
    from jsonb_array_elements(step -> 'of') with ordinality as o (value, ordinal);

    select case
        when n.feature = -1 and n.threshold is not null then
            format('%s.threshold[%s] is given for a leaf', place, n.node)
        when n.feature = -1 and n.set_of <> -1 then format('%s.set[%s] is given for a leaf', place, n.node)
        when n.feature = -1 and n.right_child <> -1 then
            format('%s.right[%s] is %s, and -1 is wanted for a leaf', place, n.node, n.right_child)
        when n.feature = -1 then
            format('%s.left[%s] is %s, and there are %s values', place, n.node, n.left_child, number_of_values)
        when n.left_child not between n.node + 1 and nodes - 1 then
            format('%s.left[%s] is %s, and children stand behind their parent', place, n.node, n.left_child)
        when n.right_child not between n.node + 1 and nodes - 1 then
            format('%s.right[%s] is %s, and children stand behind their parent', place, n.node, n.right_child)
        when n.set_of = -1 and n.threshold is null then
            format('%s.threshold[%s] is null for a node that tests no set', place, n.node)
        when n.set_of <> -1 and n.threshold is not null then
            format('%s.threshold[%s] is given for a node that tests a set', place, n.node)
        when n.set_of = -1 then
            format('%s.feature[%s] is %s, which is a text, and its node has a threshold', place, n.node, n.feature)
        else
            format('%s.set[%s] is %s, which is not of the kind of what its node tests', place, n.node, n.set_of)
    end
    into problem
    from (
        select
            u.ordinal::integer - 1 as node, u.feature, u.set_of, u.left_child, u.right_child,
            nullif(jsonb_typeof(u.threshold), 'null') as threshold
        from rows from (
            unnest(feature), unnest(sets_of), unnest(lefts), unnest(rights), jsonb_array_elements(step -> 'threshold')
        ) with ordinality as u (feature, set_of, left_child, right_child, threshold, ordinal)
    ) n
    where case
        when n.feature = -1 then
            n.threshold is not null or n.set_of <> -1 or n.right_child <> -1 or n.left_child >= number_of_values
        else
            n.left_child not between n.node + 1 and nodes - 1
            or n.right_child not between n.node + 1 and nodes - 1
            or (n.set_of = -1) = (n.threshold is null)
            or n.set_of = -1 and reads[n.feature + 1] = 't'
            or n.set_of <> -1 and set_kinds[n.set_of + 1] not in ('*', reads[n.feature + 1])
    end
    order by n.node limit 1;
    if problem is not null then
        return problem;
    end if;

    -- Each node is a root or the child of exactly one.
    select case count(used.node)
        when 0 then format('%s: node %s is neither a root nor a child', place, node.number)
        else format('%s: node %s is the child of several, or a root and a child', place, node.number)
    end
    into problem
    from generate_series(0, nodes - 1) as node (number)
    left join (
        select r.node from unnest(roots) as r (node)
        union all
        select u.child from unnest(feature, lefts) as u (feature, child) where u.feature <> -1
        union all
        select u.child from unnest(feature, rights) as u (feature, child) where u.feature <> -1
    ) as used on used.node = node.number
    group by node.number
    having count(used.node) <> 1
    order by node.number limit 1;
    if problem is not null then
        return problem;
    end if;

    -- Level by level: the depth.
    frontier := roots;
    while cardinality(frontier) > 0 loop
        if depth > 1000 then
            return format('%s: a tree is deeper than 1,000', place);
        end if;
        select array_agg(c.child) into frontier
        from unnest(frontier) as f (node), lateral (values (lefts[f.node + 1]), (rights[f.node + 1])) as c (child)
        where feature[f.node + 1] <> -1;
        depth := depth + 1;
    end loop;
    if -1 = any (targets) then
        with recursive below as (
            select r.root as node from unnest(roots, targets) as r (root, target) where r.target = -1
            union all
            select c.child from below b, lateral (values (lefts[b.node + 1]), (rights[b.node + 1])) as c (child)
            where feature[b.node + 1] <> -1
        )
        select format(
            '%s.left[%s] is %s, and its leaf holds %s of the %s values',
            place, b.node, lefts[b.node + 1], outputs, number_of_values
        )
        into problem
        from below b
        where feature[b.node + 1] = -1 and lefts[b.node + 1] + outputs > number_of_values
        order by b.node limit 1;
    end if;
    return problem;
end
$$;

comment on function pgscore._program_trees_problem(text, jsonb, text) is
    'What is wrong with a trees step where registers of these kinds exist; NULL where nothing is';
