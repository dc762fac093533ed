create function pgscore._partitions(relation regclass) returns setof regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Statement triggers of a parent do not fire for rows that go into a partition directly, and those of both do not
    -- fire twice for one statement.
    select relation
    union
    select p.relid from pg_catalog.pg_partition_tree(relation) p
$$;

comment on function pgscore._partitions(regclass) is 'A table, and its partitions on all levels: each has its own triggers';
