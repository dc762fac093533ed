-- Tables of pgscore's that are partitioned by time: partitions are made ahead, and dropped when they are old. What falls
-- between them stands in the default partition, so nothing is lost while nobody makes any.
--
-- A partition has no grants: who reads or writes goes by the parent, and its row-level security. It has a primary key of
-- its own, on the column that counts up, so that one which is attached needs no index to be built.

create function pgscore._partitioned_table(parent name) returns regclass
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    relation constant regclass := (
        select c.oid
        from pg_catalog.pg_class c
        join pg_catalog.pg_partitioned_table t on t.partrelid = c.oid
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = t.partattrs[0]
        where c.relnamespace = 'pgscore'::regnamespace and c.relname = parent and c.relowner = 'pgscore_owner'::regrole
            and t.partstrat = 'r' and t.partnatts = 1 and a.atttypid = 'timestamptz'::regtype
    );
begin
    if relation is null then
        raise exception 'pgscore has no table % that is partitioned by time', coalesce(quote_ident(parent), 'NULL')
            using errcode = 'undefined_table', hint = 'It is named without its schema, such as prediction_log.';
    end if;
    return relation;
end
$$;

comment on function pgscore._partitioned_table(name) is 'A table of pgscore''s that is partitioned by time; refused where there is none of that name';

create function pgscore._partition_bounds(relation regclass) returns table (
    partition regclass, lower timestamptz, upper timestamptz
)
language sql stable
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, MDY'
as $$
    select b.partition,
        case b.parts[1] when 'MINVALUE' then '-infinity' else btrim(b.parts[1], '''') end::timestamptz,
        case b.parts[2] when 'MAXVALUE' then 'infinity' else btrim(b.parts[2], '''') end::timestamptz
    from (
        select c.oid::regclass as partition,
            regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM [(](.*)[)] TO [(](.*)[)]$') as parts
        from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
        where i.inhparent = relation and c.relispartition
    ) b
    -- All but the default one.
    where b.parts is not null
    order by 2
$$;

comment on function pgscore._partition_bounds(regclass) is
    'The partitions of a table that is partitioned by time, from when to when each holds rows; without the default one';

create function pgscore._default_partition(relation regclass) returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select nullif(t.partdefid, 0)::regclass from pg_catalog.pg_partitioned_table t where t.partrelid = relation
$$;

comment on function pgscore._default_partition(regclass) is 'The partition that holds what no other does; NULL where there is none';

create function pgscore._partition_start(at timestamptz, step interval) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
    -- Of weeks: Mondays. Of months: counted from January of the year 0.
    select case
        when step >= '1 month' and step = date_trunc('month', step) then (
            select make_timestamptz((m.first / 12)::integer, (m.first % 12 + 1)::integer, 1, 0, 0, 0)
            from (
                select (n.number - n.number % n.months)::bigint as first
                from (
                    select (extract(year from at) * 12 + extract(month from at) - 1)::bigint as number,
                        (extract(year from step) * 12 + extract(month from step))::bigint as months
                ) n
            ) m
        )
        else date_bin(step, at, '2001-01-01 00:00+00')
    end
$$;

comment on function pgscore._partition_start(timestamptz, interval) is
    'When the partition begins that holds a time, where each is of one length: whole months, or days and hours';

create function pgscore._empty_partition(relation regclass, begins timestamptz default null) returns regclass
language plpgsql volatile
set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
    parent constant name := (select c.relname from pg_catalog.pg_class c where c.oid = relation);
    counting constant name := (
        select a.attname from pg_catalog.pg_attribute a where a.attrelid = relation and a.attidentity <> '' and not a.attisdropped
    );
    name text := parent || coalesce('_' || to_char(begins, 'YYYYMMDD'), '_default');
    made regclass;
begin
    if begins is not null and (begins <> date_trunc('day', begins) or to_regclass(format('pgscore.%I', name)) is not null) then
        name := name || to_char(begins, '_HH24MI');
    end if;
    -- Beside the parent, and attached when it is complete: PARTITION OF would lock out whoever writes to the parent.
    execute format(
        'create table pgscore.%I (like pgscore.%I including defaults including constraints including generated including comments'
            ' including storage)', name, parent
    );
    made := format('pgscore.%I', name);
    if pgscore._primary_key(relation) is null and counting is not null then
        execute format('alter table %s add primary key (%I)', made, counting);
    end if;
    execute format('alter table %s enable row level security', made);
    execute format(
        'comment on table %s is %L', made, 'Partition of pgscore.' || parent || case
            when begins is null then ': rows of a time for which no partition was made; pgscore.maintain moves them'
            else ', from ' || to_char(begins, 'YYYY-MM-DD HH24:MI') || ' UTC on'
        end
    );
    return made;
end
$$;

comment on function pgscore._empty_partition(regclass, timestamptz) is
    'Makes a table that can become a partition, of rows from that time on, or the default one';

create function pgscore._move_from_default(relation regclass, target regclass, begins timestamptz, ends timestamptz) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    at constant name := (
        select a.attname
        from pg_catalog.pg_partitioned_table t
        join pg_catalog.pg_attribute a on a.attrelid = t.partrelid and a.attnum = t.partattrs[0]
        where t.partrelid = relation
    );
    names constant text := (
        select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_catalog.pg_attribute a
        where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    );
begin
    execute format(
        'with moved as (delete from %1$s d where d.%2$I >= $1 and d.%2$I < $2 returning %3$s)'
            ' insert into %4$s (%3$s) overriding system value select %3$s from moved',
        pgscore._default_partition(relation), at, names, target
    ) using begins, ends;
end
$$;

comment on function pgscore._move_from_default(regclass, regclass, timestamptz, timestamptz) is
    'Moves rows of a span of time from the default partition to a table that is to become their partition';

create function pgscore._add_partition(relation regclass, begins timestamptz, ends timestamptz) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, MDY'
as $$
declare
    others constant regclass := pgscore._default_partition(relation);
    made constant regclass := pgscore._empty_partition(relation, begins);
begin
    if pg_relation_size(others) > 0 then
        -- Most of it while others write there; what they bring meanwhile follows when they are locked out.
        perform pgscore._move_from_default(relation, made, begins, ends);
    end if;
    execute format('lock table %s in access exclusive mode', others);
    if pg_relation_size(others) > 0 then
        perform pgscore._move_from_default(relation, made, begins, ends);
    end if;
    execute format('alter table %s attach partition %s for values from (%L) to (%L)', relation, made, begins, ends);
end
$$;

comment on function pgscore._add_partition(regclass, timestamptz, timestamptz) is
    'Makes a partition for a span of time that none holds, with the rows of it that stand in the default one';

create function pgscore._add_partition_of(relation regclass, at timestamptz, step interval) returns timestamptz
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    begins timestamptz := pgscore._partition_start(at, step);
    ends timestamptz := begins + step;
begin
    -- Where partitions of another length are there, what they leave is filled.
    select greatest(begins, max(b.upper) filter (where b.upper <= at)), least(ends, min(b.lower) filter (where b.lower > at))
    into begins, ends
    from pgscore._partition_bounds(relation) b;
    perform pgscore._add_partition(relation, begins, ends);
    return ends;
end
$$;

comment on function pgscore._add_partition_of(regclass, timestamptz, interval) is
    'Makes the partition that is to hold a time for which there is none; when it ends';

create function pgscore._left_behind(relation regclass, step interval) returns setof timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    at constant name := (
        select a.attname
        from pg_catalog.pg_partitioned_table t
        join pg_catalog.pg_attribute a on a.attrelid = t.partrelid and a.attnum = t.partattrs[0]
        where t.partrelid = relation
    );
begin
    return query execute format(
        'select min(d.at) from (select %I from %s) d (at) where d.at >= $2 and d.at < now()'
            ' group by pgscore._partition_start(d.at, $1) order by 1 desc limit 100',
        at, pgscore._default_partition(relation)
    ) using step, '1970-01-01 00:00+00'::timestamptz;
end
$$;

comment on function pgscore._left_behind(regclass, interval) is
    'A time of each of the last hundred partitions that are missing for rows in the default one, of times that are over';

create function pgscore._make_partitions(parent name, step interval, ahead integer) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set lock_timeout = '500ms'
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    until timestamptz;
    begins timestamptz;
    covered timestamptz;
    made integer := 0;
begin
    if step is null or step < '1 hour' or step > '1 year' or step >= '1 month' and step <> date_trunc('month', step) then
        raise exception 'a partition holds hours, days or whole months, a year at most, and not %', coalesce(step::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    elsif ahead is null or ahead not between 0 and 1000 then
        raise exception 'from 0 to 1000 partitions are made ahead, and not %', coalesce(ahead::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    -- One at a time. Whoever reads or writes goes on.
    execute format('lock table %s in share update exclusive mode', relation);
    if pgscore._default_partition(relation) is null then
        execute format('alter table %s attach partition %s default', relation, pgscore._empty_partition(relation));
    end if;
    begins := pgscore._partition_start(now(), step);
    until := begins + step * (ahead + 1);
    while begins < until loop
        select max(b.upper) into covered from pgscore._partition_bounds(relation) b where b.lower <= begins and b.upper > begins;
        if covered is not null then
            begins := covered;
            continue;
        end if;
        begins := pgscore._add_partition_of(relation, begins, step);
        made := made + 1;
    end loop;
    if pg_relation_size(pgscore._default_partition(relation)) > 0 then
        -- While nobody came by, rows of weeks that are over were left there.
        for begins in select l.* from pgscore._left_behind(relation, step) l loop
            perform pgscore._add_partition_of(relation, begins, step);
            made := made + 1;
        end loop;
    end if;
    return made;
exception when lock_not_available then
    raise exception 'somebody holds table %: no partition of it was made', relation
        using errcode = 'lock_not_available', hint = 'Nothing is lost: rows go to its default partition. Try again later.';
end
$$;

comment on function pgscore._make_partitions(name, interval, integer) is
    'Makes the partitions of a table of pgscore''s that are missing, from the one that holds now to as many ahead, and a hundred of times that are over; how many it made. Rows that stand in the default partition move along';
grant execute on function pgscore._make_partitions(name, interval, integer) to pgscore_operator;

create function pgscore._drop_all(relation regclass, doomed regclass[]) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '200ms'
as $$
declare
    one regclass;
begin
    if cardinality(doomed) = 0 then
        return 0;
    end if;
    -- Who inserts waits behind this lock: for a moment, and then it is let go.
    for attempt in 1 .. 10 loop
        begin
            execute format('lock table %s in access exclusive mode', relation);
            foreach one in array doomed loop
                execute format('drop table %s', one);
            end loop;
            return cardinality(doomed);
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'somebody holds table %: no partition of it was dropped', relation
        using errcode = 'lock_not_available', hint = 'A transaction that reads or writes it has to end. Try again later.';
end
$$;

comment on function pgscore._drop_all(regclass, regclass[]) is 'Drops partitions of a table, when nobody is using it; how many';

create function pgscore._drop_partitions(parent name, older_than interval) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    others constant regclass := pgscore._default_partition(relation);
    border constant timestamptz := now() - older_than;
begin
    if older_than is null or older_than < '0' then
        raise exception 'partitions are dropped that are older than an age, and not than %', coalesce(older_than::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    if pg_relation_size(others) > 0 then
        execute format(
            'delete from %s where %I < $1', others, (
                select a.attname
                from pg_catalog.pg_partitioned_table t
                join pg_catalog.pg_attribute a on a.attrelid = t.partrelid and a.attnum = t.partattrs[0]
                where t.partrelid = relation
            )
        ) using border;
    end if;
    return pgscore._drop_all(
        relation, array(select b.partition from pgscore._partition_bounds(relation) b where b.upper <= border)
    );
end
$$;

comment on function pgscore._drop_partitions(name, interval) is
    'Drops the partitions of a table of pgscore''s all of whose rows are older than that, and such rows of the default one; how many partitions';
grant execute on function pgscore._drop_partitions(name, interval) to pgscore_operator;

create function pgscore._drop_partitions_beyond(parent name, keep bigint) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    one record;
    rows bigint;
    kept bigint := 0;
    doomed regclass[] := '{}';
begin
    if keep is null or keep < 0 then
        raise exception 'the number of rows to keep is not %', coalesce(keep::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    for one in
        select b.partition, b.upper, c.reltuples
        from pgscore._partition_bounds(relation) b join pg_catalog.pg_class c on c.oid = b.partition
        order by b.upper desc
    loop
        if kept >= keep and one.upper <= now() then
            doomed := doomed || one.partition;
            continue;
        end if;
        rows := one.reltuples::bigint;
        if rows <= 0 then
            execute format('select count(*) from %s', one.partition) into rows;
        end if;
        kept := kept + rows;
    end loop;
    return pgscore._drop_all(relation, doomed);
end
$$;

comment on function pgscore._drop_partitions_beyond(name, bigint) is
    'Drops the oldest partitions of a table of pgscore''s as long as the later ones hold about so many rows; how many';
grant execute on function pgscore._drop_partitions_beyond(name, bigint) to pgscore_operator;

create function pgscore._partition_state(
    parent name, out partitions integer, out bytes bigint, out rows bigint, out until timestamptz, out in_default bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    others constant regclass := pgscore._default_partition(relation);
begin
    select count(*), sum(pg_total_relation_size(i.inhrelid)), sum(greatest(c.reltuples, 0))
    into partitions, bytes, rows
    from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = relation;
    with recursive covered as (
        select b.upper from pgscore._partition_bounds(relation) b where b.lower <= now() and b.upper > now()
        union
        select b.upper from covered c, pgscore._partition_bounds(relation) b where b.lower = c.upper
    )
    select max(c.upper) into until from covered c;
    if others is not null then
        execute format('select count(*) from (select from %s limit 1000) d', others) into in_default;
    end if;
end
$$;

comment on function pgscore._partition_state(name) is
    'How a partitioned table of pgscore''s stands: its partitions, about how many rows, until when there are partitions (NULL: not even now), and how many rows stand in the default one (no more than 1000 are counted; NULL: there is none)';
grant execute on function pgscore._partition_state(name) to pgscore_reader;
