create function pgscore._tables_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wrong record;
    found_column pg_catalog.pg_attribute;
begin
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c
    where c.oid in (b.events, b.profile) and (c.relkind not in ('r', 'p') or c.relpersistence <> 'p');
    if found then
        return format('%s is no ordinary table: views, foreign, temporary and unlogged tables cannot be tied', wrong.relation);
    elsif b.events = b.profile then
        return 'a table cannot be tied to itself';
    elsif exists (select from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile)) then
        return format(
            'table %s is a partition or inherits: tie its parent',
            (select i.inhrelid::regclass from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile) limit 1)
        );
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
    return null;
end
$$;

comment on function pgscore._tables_problem(pgscore.binding) is
    'What is wrong with the tables of a binding and the columns for the score, in a sentence; NULL where nothing is';
