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

create function pgscore._fits_sql(c pg_catalog.pg_attribute, may_grow boolean) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- An operator that the wanted types have, and others have not.
    select format(
        case
            when c.atttypid in ('text'::regtype, 'varchar'::regtype) then '{{row}}.%1$I ~~ '''''
            when may_grow and c.atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) then '{{row}}.%1$I # 1'
            else 'array[{{row}}.%1$I] = null::%2$s[]'
        end,
        c.attname, format_type(c.atttypid, null)
    )
$$;

comment on function pgscore._fits_sql(pg_catalog.pg_attribute, boolean) is
    'SQL that PostgreSQL refuses where a column of {{row}} has another type by now; text may be varchar, and integers may grow where that is harmless';
grant execute on function pgscore._fits_sql(pg_catalog.pg_attribute, boolean) to pgscore_reader;

create function pgscore._fits_number_sql(c pg_catalog.pg_attribute) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Integers and numeric have it, floats have not.
    select format('{{row}}.%I %% 1', c.attname)
$$;

comment on function pgscore._fits_number_sql(pg_catalog.pg_attribute) is 'SQL that PostgreSQL refuses where a column of {{row}} is no exact number any more';
grant execute on function pgscore._fits_number_sql(pg_catalog.pg_attribute) to pgscore_reader;

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

create function pgscore._is_held(source pg_catalog.pg_attribute, target pg_catalog.pg_attribute) returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Each value, in the same order.
    return target.attcollation = source.attcollation and coalesce(
        (target.atttypid = source.atttypid and target.atttypmod in (source.atttypmod, -1) and target.atttypid <> 'bpchar'::regtype)
        or (target.atttypid, target.atttypmod) = (source.atttypid, source.atttypmod)
        or (
            source.atttypid in ('text'::regtype, 'varchar'::regtype) and target.atttypid in ('text'::regtype, 'varchar'::regtype)
            and (target.atttypmod = -1 or target.atttypmod >= source.atttypmod and source.atttypmod <> -1)
        )
        or (
            array_position(array['smallint', 'integer', 'bigint', 'numeric']::regtype[], source.atttypid)
                < array_position(array['smallint', 'integer', 'bigint', 'numeric']::regtype[], target.atttypid)
            and target.atttypmod = -1
        )
        or (
            -- As many digits before the point, and behind it.
            (source.atttypid, target.atttypid) = ('numeric'::regtype, 'numeric'::regtype) and least(source.atttypmod, target.atttypmod) >= 4
            and (source.atttypmod - 4) & 65535 <= least((target.atttypmod - 4) & 65535, 1000)
            and ((source.atttypmod - 4) >> 16) - ((source.atttypmod - 4) & 65535) <= ((target.atttypmod - 4) >> 16) - ((target.atttypmod - 4) & 65535)
        )
        or (source.atttypid, target.atttypid) = ('real'::regtype, 'double precision'::regtype), false
    );
end
$$;

comment on function pgscore._is_held(pg_catalog.pg_attribute, pg_catalog.pg_attribute) is
    'Whether a column holds each value of another one, in the same order: text those of varchar, bigint those of integer';
grant execute on function pgscore._is_held(pg_catalog.pg_attribute, pg_catalog.pg_attribute) to pgscore_reader;

create function pgscore._same_type_problem(r pgscore.reducer_sql, source pg_catalog.pg_attribute, target pg_catalog.pg_attribute) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if pgscore._is_held(source, target) then
        return null;
    end if;
    return format(
        'column "%1$s" is of type %2$s and takes the %3$s of a column of type %4$s: they must be the same; run: alter table %5$s alter column %6$I type %4$s%7$s',
        target.attname, pgscore._column_type(target), r.reducer ->> 'aggregate', pgscore._column_type(source), target.attrelid::regclass, target.attname,
        -- Nothing is cast to an enum by itself.
        (select format(' using %I::text::%s', target.attname, t.oid::regtype) from pg_catalog.pg_type t where t.oid = source.atttypid and t.typtype = 'e')
    );
end
$$;

comment on function pgscore._same_type_problem(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute) is
    'What is wrong with a column that takes values of another one, in a sentence; NULL where nothing is';
grant execute on function pgscore._same_type_problem(pgscore.reducer_sql, pg_catalog.pg_attribute, pg_catalog.pg_attribute) to pgscore_reader;
