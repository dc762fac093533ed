create function pgscore._counter_problem(r pgscore.reducer_sql, target pg_catalog.pg_attribute) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when target.atttypid not in ('bigint'::regtype, 'numeric'::regtype)
            or (target.atttypid = 'numeric'::regtype and target.atttypmod <> -1)
        -- A full counter would fail the application's insert.
        then format(
            'column "%s" is of type %s, which a %s can overflow; run: alter table %s alter column %I type bigint',
            target.attname, format_type(target.atttypid, target.atttypmod), r.reducer ->> 'aggregate', target.attrelid::regclass,
            target.attname
        )
    end
$$;

comment on function pgscore._counter_problem(pgscore.reducer_sql, pg_catalog.pg_attribute) is
    'What is wrong with a column that counts, in a sentence; NULL where nothing is';
grant execute on function pgscore._counter_problem(pgscore.reducer_sql, pg_catalog.pg_attribute) to pgscore_reader;

create function pgscore._order_problem(r pgscore.reducer_sql, source pg_catalog.pg_attribute) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format('column "%s" of type %s has no order, which %s needs', source.attname, source.atttypid::regtype, r.reducer ->> 'aggregate')
    where not exists (
        select from pg_catalog.pg_opclass o
        where o.opcdefault and o.opcmethod = (select a.oid from pg_catalog.pg_am a where a.amname = 'btree')
            and o.opcintype in (
                source.atttypid, (select t.typbasetype from pg_catalog.pg_type t where t.oid = source.atttypid),
                case when source.atttypid = 'varchar'::regtype then 'text'::regtype end,
                (
                    select case t.typtype when 'e' then 'anyenum'::regtype when 'r' then 'anyrange'::regtype end
                    from pg_catalog.pg_type t where t.oid = source.atttypid
                )
            )
    )
$$;

comment on function pgscore._order_problem(pgscore.reducer_sql, pg_catalog.pg_attribute) is
    'What is wrong with a column whose values are to be ordered, in a sentence; NULL where nothing is';
grant execute on function pgscore._order_problem(pgscore.reducer_sql, pg_catalog.pg_attribute) to pgscore_reader;

create function pgscore._same_type_problem(r pgscore.reducer_sql, source pg_catalog.pg_attribute, target pg_catalog.pg_attribute) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'column "%s" is of type %s and takes the %s of a column of type %s: they must be the same',
        target.attname, format_type(target.atttypid, target.atttypmod), r.reducer ->> 'aggregate',
        format_type(source.atttypid, source.atttypmod)
    )
    where (target.atttypid, target.atttypmod, target.attcollation) is distinct from (source.atttypid, source.atttypmod, source.attcollation)
$$;

comment on function pgscore._same_type_problem(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute) is
    'What is wrong with a column that takes values of another one, in a sentence; NULL where nothing is';
grant execute on function pgscore._same_type_problem(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute) to pgscore_reader;
