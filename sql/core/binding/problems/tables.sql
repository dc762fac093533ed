create function pgscore._tables_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wrong record;
    found_column pg_catalog.pg_attribute;
begin
    -- What is written at the other server fires no trigger of this one.
    select r.relation, t.parent into wrong
    from (values (1, b.events), (2, b.profile)) as t (step, parent), pgscore._partitions(t.parent) as r (relation)
    join pg_catalog.pg_class c on c.oid = r.relation
    where c.relkind = 'f' order by t.step, c.oid limit 1;
    if found then
        return format(
            '%s is a foreign table%s: attach the tables in the database that holds their rows', wrong.relation,
            case when wrong.relation <> wrong.parent then format(', as a partition of %s', wrong.parent) end
        );
    end if;
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c
    where c.oid in (b.events, b.profile) and (c.relkind not in ('r', 'p') or c.relpersistence <> 'p');
    if found then
        return format('%s is no ordinary table: views, temporary and unlogged tables cannot be attached', wrong.relation);
    elsif b.events = b.profile then
        return 'a table cannot be attached to itself';
    elsif exists (select from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile)) then
        return format(
            'table %s is a partition or inherits: attach its parent',
            (select i.inhrelid::regclass from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile) limit 1)
        );
    end if;
    -- The parent's DELETE sees the rows of children, and an INSERT into a child fires no trigger of the parent's.
    select c.oid::regclass as relation, i.inhrelid::regclass as child into wrong
    from pg_catalog.pg_class c join pg_catalog.pg_inherits i on i.inhparent = c.oid
    where c.oid in (b.events, b.profile) and c.relkind = 'r' limit 1;
    if found then
        return format('table %s has a child, %s, that inherits from it, and rows of children cannot be counted right: use partitions', wrong.relation, wrong.child);
    end if;
    -- Rows that are hidden from their owner would be taken for rows that are not there.
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c where c.oid in (b.events, b.profile) and c.relforcerowsecurity limit 1;
    if found then
        return format(
            'row-level security of table %1$s hides rows from its owner, so its events cannot be counted; run: alter table %1$s no force row level security', wrong.relation
        );
    end if;
    select a.attrelid::regclass as relation, a.attname as name into wrong
    from pg_catalog.pg_attribute a
    where a.attrelid in (b.events, b.profile) and a.attnum > 0 and not a.attisdropped
        and (a.attname in ('pgscore_row', 'pgscore_sign', 'pgscore_transaction', 'pgscore_id', 'pgscore_binding', 'pgscore_task', 'pgscore_runs', 'pgscore_state',
            'pgscore_arrived', 'pgscore_undone', 'pgscore_absolute') or a.attname ~ '^pgscore_former_' or a.attname ~ e'[\\n\\r]')
    limit 1;
    if found then
        return format('column "%s" of table %s has a name that pgscore uses itself: rename it', wrong.name, wrong.relation);
    end if;
    for wrong in
        select n.name, n.type
        from (values (b.score, 'double precision'), (b.version, 'integer'), (b.scored_at, 'timestamp with time zone')) n (name, type)
        where n.name is not null
    loop
        found_column := pgscore._column(b.profile, wrong.name);
        if found_column.attname is null then
            return format(
                'table %1$s has no column "%2$s"; run: alter table %1$s add column %2$I %3$s', b.profile, wrong.name, wrong.type
            );
        elsif found_column.atttypid <> wrong.type::regtype or found_column.attgenerated <> '' or found_column.attnotnull then
            return format('column "%s" of table %s must be %s, nullable and not generated', wrong.name, b.profile, wrong.type);
        end if;
    end loop;
    found_column := pgscore._column(b.profile, b.reasons);
    if b.reasons is not null and found_column.attname is null then
        return format('table %1$s has no column "%2$s"; run: alter table %1$s add column %2$I jsonb', b.profile, b.reasons);
    elsif b.reasons is not null and (
        found_column.atttypid not in ('jsonb'::regtype, 'text[]'::regtype) or found_column.attgenerated <> '' or found_column.attnotnull
    ) then
        return format('column "%s" of table %s must be jsonb or text[], nullable and not generated', b.reasons, b.profile);
    end if;
    return null;
end
$$;

comment on function pgscore._tables_problem(pgscore.binding) is
    'What is wrong with the tables of a binding and the columns for the score, in a sentence; NULL where nothing is';
grant execute on function pgscore._tables_problem(pgscore.binding) to pgscore_reader;
