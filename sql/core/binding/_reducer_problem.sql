create function pgscore._reducer_problem(reducer jsonb, events regclass, profile regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    aggregate constant text := reducer ->> 'aggregate';
    target constant pg_catalog.pg_attribute := pgscore._column(profile, reducer ->> 'column');
    source constant pg_catalog.pg_attribute := pgscore._column(events, reducer ->> 'of');
    wrong text;
begin
    if jsonb_typeof(reducer) is distinct from 'object' then
        return format('a reducer is an object such as {"column": "n", "aggregate": "count"}, not %s', reducer);
    end if;
    select format('a reducer has no field "%s"', k) into wrong
    from jsonb_object_keys(reducer) as k
    where k not in ('column', 'aggregate', 'of', 'order_by', 'where', 'deletes');
    if found then
        return wrong;
    end if;
    select format('the field "%s" of a reducer is a text', f.key) into wrong
    from jsonb_each(reducer) as f where f.key <> 'where' and jsonb_typeof(f.value) <> 'string';
    if found then
        return wrong;
    end if;
    if target.attname is null then
        return format('table %s has no column "%s" for a reducer', profile, reducer ->> 'column');
    elsif target.attgenerated <> '' then
        return format('column "%s" of table %s is generated', target.attname, profile);
    elsif aggregate is null or aggregate not in ('count', 'sum', 'min', 'max', 'last') then
        return format('the aggregate of a reducer is count, sum, min, max or last, not "%s"', aggregate);
    elsif aggregate = 'count' and reducer ? 'of' then
        return 'count counts events and takes no "of"';
    elsif aggregate <> 'count' and source.attname is null then
        return format('table %s has no column "%s" for %s', events, reducer ->> 'of', aggregate);
    elsif (aggregate = 'last') <> (reducer ? 'order_by') then
        return 'last, and no other aggregate, takes an "order_by"';
    elsif aggregate = 'last' and (pgscore._column(events, reducer ->> 'order_by')).attname is null then
        return format('table %s has no column "%s" to order by', events, reducer ->> 'order_by');
    elsif aggregate = 'last' and not exists (
        select from pg_catalog.pg_index i where i.indrelid = events and i.indisprimary
    ) then
        return format('table %s has no primary key, which decides between the last events at one time', events);
    elsif coalesce(reducer ->> 'deletes', 'ignore') <> 'ignore' then
        return format('"deletes" of a reducer can be "ignore", not "%s"', reducer ->> 'deletes');
    elsif reducer ? 'deletes' and pgscore._reducer_kind(reducer, events) <> 'add' then
        return format('%s of column "%s" is found from the events that are there: it cannot ignore deletes', aggregate, source.attname);
    end if;
    if aggregate in ('min', 'max', 'last') then
        if not exists (
            select from pg_catalog.pg_opclass o
            where o.opcdefault and o.opcmethod = (select a.oid from pg_catalog.pg_am a where a.amname = 'btree')
                and o.opcintype in (
                    source.atttypid, (select t.typbasetype from pg_catalog.pg_type t where t.oid = source.atttypid),
                    case when source.atttypid = 'varchar'::regtype then 'text'::regtype end,
                    case when exists (select from pg_catalog.pg_type t where t.oid = source.atttypid and t.typtype = 'e') then 'anyenum'::regtype end
                )
        ) then
            return format('column "%s" of type %s has no order, which %s needs', source.attname, source.atttypid::regtype, aggregate);
        elsif (target.atttypid, target.atttypmod, target.attcollation)
            is distinct from (source.atttypid, source.atttypmod, source.attcollation)
        then
            return format(
                'column "%s" is of type %s and takes the %s of a column of type %s: they must be the same',
                target.attname, format_type(target.atttypid, target.atttypmod), aggregate,
                format_type(source.atttypid, source.atttypmod)
            );
        end if;
    elsif aggregate = 'sum' and pgscore._reducer_kind(reducer, events) = 'grow' then
        if target.atttypid <> 'double precision'::regtype then
            return format('column "%s" must be double precision for a sum of "%s"', target.attname, source.attname);
        end if;
    elsif aggregate = 'sum' and source.atttypid not in (
        'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype
    ) then
        return format('column "%s" of type %s cannot be summed', source.attname, source.atttypid::regtype);
    elsif aggregate = 'sum' and source.atttypid = 'numeric'::regtype
        and (target.atttypid <> 'numeric'::regtype or target.atttypmod <> -1)
    then
        return format('column "%s" must be numeric, without a precision, for a sum of numeric "%s"', target.attname, source.attname);
    elsif target.atttypid not in ('bigint'::regtype, 'numeric'::regtype)
        or (target.atttypid = 'numeric'::regtype and target.atttypmod <> -1)
    then
        -- A full counter would fail the application's insert.
        return format(
            'column "%s" is of type %s, which a %s can overflow; run: alter table %s alter column %I type bigint',
            target.attname, format_type(target.atttypid, target.atttypmod), aggregate, profile, target.attname
        );
    end if;
    return pgscore._filter_problem(reducer, events);
end
$$;

comment on function pgscore._reducer_problem(jsonb, regclass, regclass) is
    'What is wrong with a reducer between two tables, in a sentence; NULL where nothing is';
