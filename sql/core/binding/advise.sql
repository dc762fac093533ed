create function pgscore._is_implied(predicate text, present name[]) returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    name name;
begin
    -- As pg_get_expr writes it. An index on rows whose key is not NULL has all that a key finds.
    foreach name in array present loop
        predicate := replace(predicate, format('(%I IS NOT NULL)', name), '()');
    end loop;
    return translate(replace(predicate, ' AND ', ''), '()', '') = '';
end
$$;

comment on function pgscore._is_implied(text, name[]) is 'Whether the predicate of a partial index says no more than that columns are not NULL';
grant execute on function pgscore._is_implied(text, name[]) to pgscore_reader;

create function pgscore._is_served(relation regclass, key name[], key_types text[], looks_by name, looks_down boolean) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The planner takes an index for a comparison if its operator class has the operator, and its collation is the column's.
    select exists (
        select from pg_catalog.pg_index i
        join pg_catalog.pg_class x on x.oid = i.indexrelid
        join pg_catalog.pg_am m on m.oid = x.relam
        where i.indrelid = relation and i.indisvalid and i.indisready
            and (m.amname = 'btree' or (m.amname = 'hash' and looks_by is null and cardinality(key) = 1))
            and i.indnkeyatts >= cardinality(key) + case when looks_by is null then 0 else 1 end
            -- NULL is looked up too where the largest is wanted with NULL after all others.
            and (
                i.indpred is null
                or pgscore._is_implied(pg_get_expr(i.indpred, i.indrelid), array_remove(key || case when not looks_down then looks_by end, null))
            )
            and (
                select count(*)
                from unnest(key, key_types) as k (name, type), generate_series(0, cardinality(key) - 1) as p (place)
                join pg_catalog.pg_attribute a on a.attrelid = relation and a.attnum = i.indkey[p.place]
                join pg_catalog.pg_opclass c on c.oid = i.indclass[p.place]
                join pg_catalog.pg_amop o on o.amopfamily = c.opcfamily
                where a.attname = k.name and i.indcollation[p.place] = a.attcollation
                    and o.amopopr = to_regoperator(format(
                        'pg_catalog.=(%s,%s)', case a.atttypid when 'varchar'::regtype then 'text'::regtype else a.atttypid::regtype end, k.type
                    ))
            ) = cardinality(key)
            and (looks_by is null or exists (
                select from pg_catalog.pg_attribute a join pg_catalog.pg_opclass c on c.oid = i.indclass[cardinality(key)]
                where a.attrelid = relation and a.attnum = i.indkey[cardinality(key)] and a.attname = looks_by
                    and c.opcdefault and i.indcollation[cardinality(key)] = a.attcollation
                    -- Read from either end: 1 is desc nulls last, 2 is asc nulls first.
                    and (not looks_down or i.indoption[cardinality(key)] in (1, 2))
            ))
    )
$$;

comment on function pgscore._is_served(regclass, name[], text[], name, boolean) is
    'Whether an index of a table finds the rows of a key, and, where looks_by is given, their values of this column in order';
grant execute on function pgscore._is_served(regclass, name[], text[], name, boolean) to pgscore_reader;

create function pgscore._leaves(relation regclass) returns setof regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select c.oid::regclass from pgscore._partitions(relation) p join pg_catalog.pg_class c on c.oid = p where c.relkind = 'r'
$$;

comment on function pgscore._leaves(regclass) is 'The tables that hold the rows of a table: itself, or its partitions on the last level';
grant execute on function pgscore._leaves(regclass) to pgscore_reader;

create function pgscore._index_needs(b pgscore.binding) returns table (looks_by name, looks_down boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- An index that finds values in order finds the events of a key as well.
    with needs as (
        select r.looks_by, bool_or(coalesce(r.looks_down, false)) as looks_down from pgscore._reducers_of(b) r where r.looks_by is not null group by 1
    )
    select n.looks_by, n.looks_down from needs n
    union all
    select null, false where not exists (select from needs)
    order by 1
$$;

comment on function pgscore._index_needs(pgscore.binding) is 'The indexes that recounts of a binding want, each on the key of the events and on one column to look values up by; NULL: on the key alone';
grant execute on function pgscore._index_needs(pgscore.binding) to pgscore_reader;

create function pgscore._equal_index(relation regclass, columns name[], is_down boolean) returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select i.indexrelid::regclass
    from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid join pg_catalog.pg_am m on m.oid = x.relam
    where i.indrelid = relation and m.amname = 'btree' and i.indpred is null and i.indexprs is null and not i.indisunique
        and (i.indisvalid or x.relkind = 'I') and i.indnatts = cardinality(columns)
        and not exists (
            select from generate_series(0, cardinality(columns) - 1) as p (place)
            where not exists (
                select from pg_catalog.pg_attribute a join pg_catalog.pg_opclass c on c.oid = i.indclass[p.place]
                where a.attrelid = relation and a.attnum = i.indkey[p.place] and a.attname = columns[p.place + 1] and c.opcdefault
                    and i.indcollation[p.place] = a.attcollation
                    and i.indoption[p.place] = case when is_down and p.place = cardinality(columns) - 1 then 1 else 0 end
            )
        )
    order by x.relispartition desc, i.indexrelid limit 1
$$;

comment on function pgscore._equal_index(regclass, name[], boolean) is
    'The index of a table that is as it would be made anew, so that it can be a part of an index of the parent; NULL where there is none';
grant execute on function pgscore._equal_index(regclass, name[], boolean) to pgscore_reader;

create function pgscore._index_name(relation regclass, columns name[]) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    space constant oid := (select c.relnamespace from pg_catalog.pg_class c where c.oid = relation);
    whole constant text := (select c.relname from pg_catalog.pg_class c where c.oid = relation) || '_' || array_to_string(columns, '_');
    start text := whole;
begin
    while octet_length(start) > 48 loop
        start := left(start, -1);
    end loop;
    if start <> whole then
        start := start || '_' || left(md5(whole), 8);
    end if;
    return (
        select format('%I', n.name)
        from generate_series(0, 100) as g (number), lateral (select concat(start, '_idx', nullif(g.number, 0)) as name) n
        where not exists (select from pg_catalog.pg_class c where c.relnamespace = space and c.relname = n.name)
        order by g.number limit 1
    );
end
$$;

comment on function pgscore._index_name(regclass, name[]) is 'A name for an index that no other table or index of the schema has';
grant execute on function pgscore._index_name(regclass, name[]) to pgscore_reader;

create function pgscore._index_statements(events regclass, columns name[], is_down boolean) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- CREATE INDEX CONCURRENTLY does not take a partitioned table: its own index is made without its partitions', which are
    -- made one by one, and become parts of it. What an earlier attempt has made is taken.
    with listed as (
        select pgscore._columns_sql(columns) || case when is_down then ' desc nulls last' else '' end as sql
    ),
    tables as (
        select t.relid, t.parentrelid, t.level, c.relkind, n.nspname, e.index as present,
            coalesce(e.index::text, format('%I.%s', n.nspname, pgscore._index_name(t.relid, columns))) as index
        from pg_catalog.pg_partition_tree(events) t
        join pg_catalog.pg_class c on c.oid = t.relid and c.relkind in ('r', 'p')
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace,
            lateral (select pgscore._equal_index(t.relid, columns, is_down) as index) e
        where pgscore._is_partitioned(events)
    )
    select s.statement
    from (
        select 0 as step, 0 as level, '' as name, format('create index concurrently on %s (%s)', events, l.sql) as statement
        from listed l where not pgscore._is_partitioned(events)
        union all
        select 1, t.level, t.relid::text, format('create index %s on only %s (%s)', pgscore._index_name(t.relid, columns), t.relid, l.sql)
        from tables t, listed l where t.relkind = 'p' and t.present is null
        union all
        select 2, t.level, t.relid::text, format('create index concurrently %s on %s (%s)', pgscore._index_name(t.relid, columns), t.relid, l.sql)
        from tables t, listed l where t.relkind = 'r' and t.present is null
        union all
        select 3, -t.level, t.relid::text, format('alter index %s attach partition %s', p.index, t.index)
        from tables t join tables p on p.relid = t.parentrelid
        where not exists (select from pg_catalog.pg_inherits i where i.inhrelid = t.present)
    ) s
    order by s.step, s.level, s.name
$$;

comment on function pgscore._index_statements(regclass, name[], boolean) is
    'What makes an index while the table is in use, each statement outside of a transaction; of a partitioned table on each partition';
grant execute on function pgscore._index_statements(regclass, name[], boolean) to pgscore_reader;

create function pgscore._index_advice(b pgscore.binding) returns table (sentence text, statements text[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Of a partitioned table the index of the parent counts, which partitions get that are yet to come.
    select
        case
            when n.looks_by is null then format('no index of %s begins with %s: each recount of a profile reads more than its events', b.events, array_to_string(b.event_key, ', '))
            else format(
                'no index of %s has %s after %s%s: each look-up reads all events of a profile%s', b.events, n.looks_by, array_to_string(b.event_key, ', '),
                case when n.looks_down then ', descending with NULL last' else '' end, case when k.is_found then '' else ', and more' end
            )
        end,
        array(select pgscore._index_statements(b.events, array_remove(b.event_key || n.looks_by, null), n.looks_down))
    from pgscore._index_needs(b) n,
        lateral (select pgscore._key_types(b.profile, b.profile_key) as types) t,
        lateral (select pgscore._is_served(b.events, b.event_key, t.types, null, false) as is_found) k
    where not pgscore._is_served(b.events, b.event_key, t.types, n.looks_by, n.looks_down)
    order by n.looks_by
$$;

comment on function pgscore._index_advice(pgscore.binding) is 'The indexes that recounts of a binding want and do not have, each with a sentence and with what makes it';
grant execute on function pgscore._index_advice(pgscore.binding) to pgscore_reader;

create function pgscore._due_index_advice(b pgscore.binding) returns table (sentence text, statements text[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Rows that will never be due can be left out of it.
    select
        format('no index of %s begins with %s: each tick reads all of the table', b.profile, d.due),
        array(select pgscore._index_statements(b.profile, array[d.due], false))
    from (select pgscore._due_column(b) as due) d
    where d.due is not null and not exists (
        select from pg_catalog.pg_index i
        join pg_catalog.pg_class x on x.oid = i.indexrelid
        join pg_catalog.pg_am m on m.oid = x.relam
        join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = b.profile and i.indisvalid and i.indisready and m.amname = 'btree' and a.attname = d.due
            and (i.indpred is null or pgscore._is_implied(pg_get_expr(i.indpred, i.indrelid), array[d.due]))
    )
$$;

comment on function pgscore._due_index_advice(pgscore.binding) is
    'The index by which tick finds profiles that are due, where a binding has windows and the table has none, with a sentence and with what makes it';
grant execute on function pgscore._due_index_advice(pgscore.binding) to pgscore_reader;

create function pgscore._advice(binding integer) returns table (cause text, sentence text, statements text[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select 'uncounted', format('events that %s holds already are not counted yet, and its profiles are listed in pgscore.stale until they are', b.events),
        array[format('call pgscore.reconcile(%L, %L)', b.events, b.profile)]
    from pgscore.binding b
    where b.number = _advice.binding and exists (select from pgscore.stale_row s where s.binding = b.number and s.cause = 'backfill')
    union all
    select 'index', i.sentence, i.statements from pgscore.binding b, pgscore._index_advice(b) i where b.number = _advice.binding
    union all
    select 'index', i.sentence, i.statements from pgscore.binding b, pgscore._due_index_advice(b) i where b.number = _advice.binding
$$;

comment on function pgscore._advice(integer) is 'What is left to do for a binding: to count what its tables hold (uncounted), and an index to make (index)';
grant execute on function pgscore._advice(integer) to pgscore_reader;

create function pgscore._advise(binding integer) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted record;
begin
    -- For people; programs ask for the rows.
    for wanted in select * from pgscore._advice(binding) loop
        raise notice '%', wanted.sentence using hint = array_to_string(wanted.statements, '; ');
    end loop;
end
$$;

comment on function pgscore._advise(integer) is 'Tells who calls attach what is left to do';
grant execute on function pgscore._advise(integer) to pgscore_reader;

create function pgscore._rows_up_to(relation regclass, rows integer) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    answer integer;
begin
    execute format('select count(*) from (select from %s limit $1 + 1) s', relation) into answer using rows;
    return answer;
end
$$;

comment on function pgscore._rows_up_to(regclass, integer) is 'How many rows a table holds; one more than asked for where it holds more';
grant execute on function pgscore._rows_up_to(regclass, integer) to pgscore_reader;

create function pgscore._check_index(b pgscore.binding, without_index boolean) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    types constant text[] := pgscore._key_types(b.profile, b.profile_key);
    bare constant regclass[] := array(select l from pgscore._leaves(b.events) l where not pgscore._is_served(l, b.event_key, types, null, false));
    statements text[];
begin
    if cardinality(bare) = 0 then
        return true;
    end if;
    -- What a table takes on disk decides, and not what it was when it was last analysed: a recount would read all of that.
    if without_index or (select sum(pg_relation_size(l)) from unnest(bare) l) <= 10 * 1024 * 1024 and pgscore._rows_up_to(b.events, 100000) <= 100000 then
        return false;
    end if;
    statements := array(select s from pgscore._index_advice(b) a, unnest(a.statements) s);
    raise exception 'table % is large, and no index of it begins with %: each recount of a profile would read all of it', b.events, array_to_string(b.event_key, ', ')
        using errcode = 'object_not_in_prerequisite_state', detail = 'With without_index => true it is attached all the same.',
            hint = case when cardinality(statements) <= 20 then array_to_string(statements, '; ')
                else format(
                    'select pgscore.index_statements(%L, %L, %L, %L, %L)', b.events, b.profile, b.event_key, b.profile_key, b.reducers
                ) end;
end
$$;

comment on function pgscore._check_index(pgscore.binding, boolean) is
    'Whether an index finds the events of a profile; refuses a large table without one, before anything is counted, with what makes it';
grant execute on function pgscore._check_index(pgscore.binding, boolean) to pgscore_reader;

create function pgscore.index_statements(events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    b pgscore.binding;
begin
    b.events := events;
    b.profile := profile;
    b.event_key := event_key;
    b.profile_key := profile_key;
    b.reducers := reducers;
    perform pgscore._refuse(coalesce(pgscore._table_keys_problem(b), pgscore._reducers_problem(b)));
    return query select s from pgscore._index_advice(b) a, unnest(a.statements) s;
end
$$;

comment on function pgscore.index_statements(regclass, regclass, name[], name[], jsonb) is
    'The statements that make the indexes which a binding of these tables wants and does not have, one in each row and each to be run outside of a transaction, as \gexec does';
grant execute on function pgscore.index_statements(regclass, regclass, name[], name[], jsonb) to pgscore_reader;
