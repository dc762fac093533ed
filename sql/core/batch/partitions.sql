-- Tables of pgscore's that are partitioned by time: TABLE_YYYYMMDD, and a default partition for all other times.

create function pgscore._time_key(parent name) returns name
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select a.attname
    from pg_catalog.pg_partitioned_table p join pg_catalog.pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
    where p.partrelid = pgscore._relation('pgscore', parent) and p.partstrat = 'r'
$$;

comment on function pgscore._time_key(name) is 'The column of the time by which a table of pgscore''s is partitioned; NULL where it is not';

create function pgscore._make_partitions(parent name, step interval default '1 day', ahead integer default 7) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC' set datestyle = 'ISO' set lock_timeout = '2s'
as $$
declare
    key constant name := pgscore._time_key(parent);
    begins timestamptz;
    made integer := 0;
    partition name;
    bounds text;
begin
    if key is null then
        raise exception 'pgscore.% is no table that is partitioned by time', parent using errcode = 'undefined_table';
    end if;
    for begins in select date_trunc('day', now()) + n * step from generate_series(0, ahead) n loop
        partition := format('%s_%s', parent, to_char(begins, 'YYYYMMDD'));
        if pgscore._relation('pgscore', partition) is not null then
            continue;
        end if;
        bounds := format('from (%L) to (%L)', begins, begins + step);
        -- What the default partition holds of that time moves.
        execute format('create table pgscore.%I (like pgscore.%I including defaults including constraints)', partition, parent);
        execute format(
            'with moved as (delete from pgscore.%I where %I >= %L and %2$I < %4$L returning *) insert into pgscore.%5$I select * from moved',
            parent || '_default', key, begins, begins + step, partition
        );
        execute format('alter table pgscore.%I attach partition pgscore.%I for values %s', parent, partition, bounds);
        execute format('comment on table pgscore.%I is %L', partition, format('A partition of pgscore.%s', parent));
        made := made + 1;
    end loop;
    return made;
end
$$;

comment on function pgscore._make_partitions(name, interval, integer) is
    'Makes the partitions of a table of pgscore''s for now and for so many steps ahead, where they are missing; says how many it made';
grant execute on function pgscore._make_partitions(name, interval, integer) to pgscore_operator;

create function pgscore._drop_partitions(parent name, older_than interval) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC' set datestyle = 'ISO' set lock_timeout = '2s'
as $$
declare
    key constant name := pgscore._time_key(parent);
    partition record;
    dropped integer := 0;
begin
    if key is null then
        raise exception 'pgscore.% is no table that is partitioned by time', parent using errcode = 'undefined_table';
    end if;
    for partition in
        select c.relname as name
        from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid,
            lateral (select substring(pg_get_expr(c.relpartbound, c.oid) from 'TO [(]''([^'']+)''[)]')::timestamptz as ends) b
        where i.inhparent = pgscore._relation('pgscore', parent) and b.ends <= now() - older_than
    loop
        execute format('drop table pgscore.%I', partition.name);
        dropped := dropped + 1;
    end loop;
    execute format('delete from pgscore.%I where %I < %L', parent || '_default', key, now() - older_than);
    return dropped;
end
$$;

comment on function pgscore._drop_partitions(name, interval) is
    'Drops the partitions of a table of pgscore''s that hold nothing younger, and what is as old in the default partition; says how many it dropped';
grant execute on function pgscore._drop_partitions(name, interval) to pgscore_operator;
