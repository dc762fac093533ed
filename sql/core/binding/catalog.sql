create function pgscore._column(relation regclass, name text) returns pg_catalog.pg_attribute
-- A generator asks it some hundred times: PL/pgSQL plans its query once.
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found_column pg_catalog.pg_attribute;
begin
    select a.* into found_column from pg_catalog.pg_attribute a
    where a.attrelid = relation and a.attname = _column.name and a.attnum > 0 and not a.attisdropped;
    return found_column;
end
$$;

comment on function pgscore._column(regclass, text) is 'A column of a table; all NULL where there is none of that name';
grant execute on function pgscore._column(regclass, text) to pgscore_reader;

create function pgscore._column_type(c pg_catalog.pg_attribute) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- With the collation, without which a value of the type could not be compared with the column.
    select format_type(c.atttypid, c.atttypmod) || coalesce(
        (
            select format(' collate %I.%I', n.nspname, l.collname)
            from pg_catalog.pg_collation l join pg_catalog.pg_namespace n on n.oid = l.collnamespace
            where l.oid = c.attcollation and l.collname <> 'default'
        ), ''
    )
$$;

comment on function pgscore._column_type(pg_catalog.pg_attribute) is 'SQL for the type of a column, as another one is declared that holds the same values';
grant execute on function pgscore._column_type(pg_catalog.pg_attribute) to pgscore_reader;

create function pgscore._primary_key(relation regclass) returns name[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Asked for each binding of a table, as the others in PL/pgSQL here, which plans a query once.
    return (
        select array_agg(a.attname order by k.ordinal)
        from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
        join pg_catalog.pg_attribute a on a.attnum = k.number
        where i.indrelid = relation and i.indisprimary and a.attrelid = relation and k.ordinal <= i.indnkeyatts
    );
end
$$;

comment on function pgscore._primary_key(regclass) is 'The columns of a table''s primary key; NULL where it has none';
grant execute on function pgscore._primary_key(regclass) to pgscore_reader;

create function pgscore._partitions(relation regclass) returns setof regclass
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Statement triggers of a parent do not fire for rows that go into a partition directly, and those of both do not
    -- fire twice for one statement.
    return query select relation union select p.relid::regclass from pg_catalog.pg_partition_tree(relation) p;
end
$$;

comment on function pgscore._partitions(regclass) is 'A table, and its partitions on all levels: each has its own triggers for statements';
grant execute on function pgscore._partitions(regclass) to pgscore_reader;

create function pgscore._is_partitioned(relation regclass) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select c.relkind = 'p' from pg_catalog.pg_class c where c.oid = relation
$$;

comment on function pgscore._is_partitioned(regclass) is 'Whether a table is partitioned';
grant execute on function pgscore._is_partitioned(regclass) to pgscore_reader;

create function pgscore._bindings_of(profile regclass) returns setof pgscore.binding
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select b.* from pgscore.binding b
        where b.profile = _bindings_of.profile and exists (select from pg_catalog.pg_class c where c.oid = b.events)
        order by b.number;
end
$$;

comment on function pgscore._bindings_of(regclass) is 'The bindings of a profile table whose event tables exist';
grant execute on function pgscore._bindings_of(regclass) to pgscore_reader;

create function pgscore._is_together(b pgscore.binding) returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Each of a few changes the row of one event by itself. To do that for many takes time with the square of their number,
    -- since each change asks all models. Partitions have triggers for rows, and none that is the last.
    return b.timing = 'statement' and not pgscore._is_partitioned(b.events) and 4 < (
        select count(*) from pgscore._bindings_of(b.profile) o where o.events = b.events and o.timing = 'statement'
    );
end
$$;

comment on function pgscore._is_together(pgscore.binding) is
    'Whether what a statement brings by a binding is done together with what it brings by the others of the same tables, by a trigger after all of theirs';
grant execute on function pgscore._is_together(pgscore.binding) to pgscore_reader;

create function pgscore._run_trigger(b pgscore.binding) returns name
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- It fires after all that begin with "pgscore_".
    select '~' || substr(o.event_prefix::text, 2) || '_run'
    from pgscore._bindings_of(b.profile) o
    where o.events = b.events and o.timing = 'statement'
    order by o.number limit 1
$$;

comment on function pgscore._run_trigger(pgscore.binding) is
    'The name of the trigger that does what a statement brings by all bindings of two tables: that of the first of them';
grant execute on function pgscore._run_trigger(pgscore.binding) to pgscore_reader;

create function pgscore._keys_of(profile regclass)
returns table (profile_key name[], first integer, numbers text, bindings pgscore.binding[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.profile_key, min(b.number), string_agg(b.number::text, ', ' order by b.number), array_agg(b order by b.number)
    from pgscore._bindings_of(profile) b
    group by b.profile_key
$$;

comment on function pgscore._keys_of(regclass) is
    'The keys by which the bindings of a profile table find its rows: the first binding, and the numbers and rows of all, for each';
grant execute on function pgscore._keys_of(regclass) to pgscore_reader;

create function pgscore._targets_of(profile regclass) returns setof pgscore.binding
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A model that several bindings name is asked once; the first of them stands for it.
    return query select distinct on (b.model) b.* from pgscore._bindings_of(profile) b order by b.model, b.number;
end
$$;

comment on function pgscore._targets_of(regclass) is 'For each model that scores rows of a profile table, the binding that says where the score goes';
grant execute on function pgscore._targets_of(regclass) to pgscore_reader;

create function pgscore._row_key(profile regclass) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._primary_key(profile),
        (select b.profile_key from pgscore._bindings_of(profile) b order by b.number limit 1)
    )
$$;

comment on function pgscore._row_key(regclass) is
    'The columns that identify rows of a profile table, in whose order they are locked: its primary key, or the key of its first binding';
grant execute on function pgscore._row_key(regclass) to pgscore_reader;

create function pgscore._relation(schema name, name text) returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Unlike to_regclass it wants no right on the schema: whoever reads the catalog may compare.
    select c.oid::regclass from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = schema and c.relname = _relation.name
$$;

comment on function pgscore._relation(name, text) is 'A table by its schema and name; NULL where there is none';
grant execute on function pgscore._relation(name, text) to pgscore_reader;

create function pgscore._procedure(schema name, name text) returns regprocedure
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select p.oid::regprocedure from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = schema and p.proname = _procedure.name and p.pronargs = 0
$$;

comment on function pgscore._procedure(name, text) is 'A function without arguments by its schema and name; NULL where there is none';
grant execute on function pgscore._procedure(name, text) to pgscore_reader;

create function pgscore._profile_relation(b pgscore.binding, what text) returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._relation(b.profile_schema, b.profile_prefix || '_' || what)
$$;

comment on function pgscore._profile_relation(pgscore.binding, text) is 'A table that the bindings of a profile table share; NULL where it is missing';
grant execute on function pgscore._profile_relation(pgscore.binding, text) to pgscore_reader;
