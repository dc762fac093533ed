-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

-- core/batch/partitions.sql
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

create function pgscore._make_partitions(parent name, step interval, ahead integer) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set lock_timeout = '500ms'
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    until timestamptz;
    begins timestamptz;
    ends timestamptz;
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
    -- Where partitions of another length are there, what they leave is filled.
    while begins < until loop
        select max(b.upper) into covered from pgscore._partition_bounds(relation) b where b.lower <= begins and b.upper > begins;
        if covered is not null then
            begins := covered;
            continue;
        end if;
        select least(pgscore._partition_start(begins, step) + step, min(b.lower)) into ends
        from pgscore._partition_bounds(relation) b where b.lower > begins;
        perform pgscore._add_partition(relation, begins, ends);
        made := made + 1;
        begins := ends;
    end loop;
    return made;
exception when lock_not_available then
    raise exception 'somebody holds table %: no partition of it was made', relation
        using errcode = 'lock_not_available', hint = 'Nothing is lost: rows go to its default partition. Try again later.';
end
$$;

comment on function pgscore._make_partitions(name, interval, integer) is
    'Makes the partitions of a table of pgscore''s that are missing, from the one that holds now to as many ahead; how many it made. Rows that stand in the default partition move along';

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

create or replace function pgscore._doctor_log() returns table (bytes bigint, rows bigint, oldest timestamptz)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    select s.bytes, s.rows into bytes, rows from pgscore._partition_state('prediction_log') s;
    if has_table_privilege('pgscore.prediction_log', 'select') then
        select l.logged_at into oldest from pgscore.prediction_log l order by l.id limit 1;
    end if;
    return next;
end
$$;

-- core/batch/outdated.sql
-- How many rows of bound tables another version scored than the one that serves. All with the caller's rights, and nothing
-- of what a table's owner has made is called: it may be a superuser who asks.

create function pgscore._reading_problem(relation regclass, out sqlstate text, out problem text, out hint text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    c pg_catalog.pg_class;
    foreign_code text;
begin
    select o.* into c from pg_catalog.pg_class o where o.oid = relation;
    sqlstate := '42501';
    if c.oid is null then
        sqlstate := '42P01';
        problem := 'the table was dropped';
    elsif not has_schema_privilege(c.relnamespace, 'usage') then
        problem := format('%s may not use schema %s', current_user, c.relnamespace::regnamespace);
        hint := format('grant usage on schema %s to %I', c.relnamespace::regnamespace, current_user);
    elsif not has_table_privilege(c.oid, 'select') then
        problem := format('%s may not read table %s', current_user, relation);
        hint := format('grant select on %s to %I', relation, current_user);
    elsif row_security_active(c.oid) then
        problem := format('row-level security hides rows of table %s from %s', relation, current_user);
        hint := format('Ask as %s, who owns it.', c.relowner::regrole);
    elsif c.relkind not in ('r', 'p') then
        sqlstate := '42809';
        problem := format('%s is no ordinary table', relation);
    elsif pg_get_userbyid(c.relowner) <> current_user then
        foreign_code := pgscore._doctor_foreign_code(relation);
        if foreign_code is not null then
            problem := format('%s would call a function of somebody else''s with the rights of %s', foreign_code, current_user);
            hint := format('Ask as %s, who owns table %s.', c.relowner::regrole, relation);
        end if;
    end if;
end
$$;

comment on function pgscore._reading_problem(regclass) is
    'Why the caller does not read a table, in a sentence: it is gone, rights are missing, or somebody else''s code would run; NULL where nothing stands in the way';

grant execute on function pgscore._reading_problem(regclass) to pgscore_reader;

create function pgscore._is_free(relation regclass) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('lock table %s in access share mode nowait', relation);
    -- Whoever had the name when it was locked.
    return to_regclass(relation::text) = relation;
exception when lock_not_available or undefined_table or wrong_object_type or insufficient_privilege then
    return false;
end
$$;

comment on function pgscore._is_free(regclass) is 'Locks a table so that it stays what it is, unless somebody holds it: then false';

grant execute on function pgscore._is_free(regclass) to pgscore_reader;

create function pgscore._query_cost(query text, out cost double precision, out is_index_only boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    plan json;
begin
    execute 'explain (format json) ' || query into plan;
    cost := (plan #>> '{0,Plan,Total Cost}')::double precision;
    is_index_only := position('"Index Only Scan"' in plan::text) > 0 and position('"Seq Scan"' in plan::text) = 0;
end
$$;

comment on function pgscore._query_cost(text) is 'What a query costs by the planner''s reckoning, and whether it reads indexes alone';

grant execute on function pgscore._query_cost(text) to pgscore_reader;

create function pgscore._guess_versions(profile regclass, version_column name) returns table (version integer, rows bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with tables as (
        select sum(greatest(c.reltuples, 0)) as rows
        from pgscore._doctor_family(profile) f join pg_catalog.pg_class c on c.oid = f.member and c.relkind = 'r'
    ), known as (
        select s.null_frac, s.most_common_vals::text::integer[] as versions, s.most_common_freqs as shares
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        join pg_catalog.pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = version_column
            and s.inherited = (c.relkind = 'p')
        where c.oid = profile
    )
    select null::integer, round(k.null_frac * t.rows)::bigint from known k, tables t where k.null_frac > 0
    union all
    select v.version, round(v.share * t.rows)::bigint
    from known k, tables t, unnest(k.versions, k.shares) as v (version, share)
$$;

comment on function pgscore._guess_versions(regclass, name) is
    'About how many rows each version has scored, by what ANALYZE has found in a column of integers; nothing is read';

grant execute on function pgscore._guess_versions(regclass, name) to pgscore_reader;

create function pgscore._count_versions(
    profile regclass, version_column name, score_column name, every boolean default false
) returns table (
    version integer, is_scored boolean, rows bigint, method text, rows_read bigint, cost double precision
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off set enable_seqscan = on
as $$
declare
    -- Up to this cost all rows are read, or all of an index.
    cheap constant double precision := 20000;
    cheap_index constant double precision := 500000;
    sampled_pages constant double precision := 1000;
    said constant text := coalesce(quote_ident(version_column), 'null::integer');
    -- Not those of children that somebody has given it since it was attached.
    source constant text := case (select c.relkind from pg_catalog.pg_class c where c.oid = profile) when 'r' then 'only ' else '' end
        || profile;
    counted constant text := 'select %s as version, %s is not null as is_scored, count(*) as rows from %s group by 1, 2';
    query text := format(counted, said, quote_ident(score_column), source);
    by_index constant text := format(counted, said, said, source);
    share double precision := 100;
    indexed record;
begin
    method := 'count';
    cost := (pgscore._query_cost(query)).cost;
    if cost > cheap and not coalesce(every, false) then
        if version_column is not null then
            perform set_config('enable_seqscan', 'off', true);
            select c.* into indexed from pgscore._query_cost(by_index) c;
        end if;
        if indexed.is_index_only and indexed.cost <= cheap_index then
            method := 'index';
            cost := indexed.cost;
            query := by_index;
        else
            perform set_config('enable_seqscan', 'on', true);
            method := 'sample';
            share := least(100, 100 * sampled_pages / greatest(pgscore._doctor_pages(profile), 1));
            query := format(counted, said, quote_ident(score_column), format('%s tablesample system (%s)', source, share));
            cost := (pgscore._query_cost(query)).cost;
        end if;
    end if;
    return query execute format(
        'select s.version, s.is_scored, round(s.rows * %s)::bigint, %L, sum(s.rows) over ()::bigint, %s::double precision from (%s) s',
        100 / share, method, cost, query
    );
end
$$;

comment on function pgscore._count_versions(regclass, name, name, boolean) is
    'How many rows of a table each version has scored. method: count, of all rows; index, of all entries of one on the version; sample, of 1,000 pages; what was read, and the query''s cost by the planner. With every all rows are counted';

grant execute on function pgscore._count_versions(regclass, name, name, boolean) to pgscore_reader;

create function pgscore._versions_of(b pgscore.binding) returns table (
    version integer, is_scored boolean, rows bigint, method text, rows_read bigint, cost double precision, reason text
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    problem constant record := pgscore._reading_problem(b.profile);
    is_integer constant boolean := (pgscore._column(b.profile, b.version)).atttypid = 'integer'::regtype;
begin
    reason := case
        when problem.problem is not null then problem.problem
        when not pgscore._is_free(b.profile) then format('somebody holds table %s', b.profile)
        when (pgscore._column(b.profile, b.score)).atttypid is distinct from 'double precision'::regtype
            or b.version is not null and is_integer is not true
            then format('table %s has changed: `pgscore doctor` says how', b.profile)
    end;
    if reason is null then
        return query select c.*, null::text from pgscore._count_versions(b.profile, b.version, b.score) c;
        return;
    end if;
    -- Of a table that may be read, and is not to be touched now.
    if is_integer and has_table_privilege(b.profile, 'select') then
        return query
        select g.version, g.version is not null, g.rows, 'statistics', 0::bigint, 0::double precision, _versions_of.reason
        from pgscore._guess_versions(b.profile, b.version) g;
    end if;
    if not found then
        return next;
    end if;
end
$$;

comment on function pgscore._versions_of(pgscore.binding) is
    'How many rows of a binding''s profile table each version has scored; where the table cannot be read, what is known of it without, and the reason';

grant execute on function pgscore._versions_of(pgscore.binding) to pgscore_reader;

create function pgscore._outdated_rows(chosen text default null) returns table (
    model text, profile text, bindings text[], version integer, serving integer, state text, rows bigint,
    method text, rows_read bigint, cost double precision, reason text, remedy text
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    target record;
begin
    for target in
        -- A model that several bindings name scores a profile once.
        select (array_agg(b order by b.number))[1] as binding, array_agg(b.name order by b.number) as names, max(m.serving) as serving,
            coalesce(max(c.oid::regclass::text), max(format('%I.%I', b.profile_schema, substr(b.profile_prefix, 10)))) as named,
            max(c.oid::bigint) is not null as is_there
        from pgscore.binding b
        left join pgscore.model m on m.name = b.model
        left join pg_catalog.pg_class c on c.oid = b.profile
        where chosen is null or b.model = chosen
        group by b.model, b.profile
        order by b.model, b.profile
    loop
        return query
        select s.model, s.named, s.names, s.version, s.serving, s.state, s.rows, s.method, s.rows_read, s.cost,
            coalesce(s.reason, case s.state when 'unknown' then 'the binding names no column for the version' end),
            case when s.state in ('outdated', 'unscored') and s.rows > 0 and s.serving is not null and target.is_there
                then format('call pgscore.rescore(%L, %L)', s.model, s.named) end
        from (
            select (target.binding).model, target.named, target.names, v.version, target.serving,
                case
                    when v.is_scored is null or v.is_scored and v.version is null then 'unknown'
                    when not v.is_scored then 'unscored'
                    when v.version is distinct from target.serving then 'outdated'
                    else 'current'
                end as state,
                v.rows, v.method, v.rows_read, v.cost, v.reason
            from pgscore._versions_of(target.binding) v
        ) s
        order by s.version, s.state;
    end loop;
end
$$;

comment on function pgscore._outdated_rows(text) is 'What the view pgscore.outdated shows, of a model or of all';

grant execute on function pgscore._outdated_rows(text) to pgscore_reader;

create view pgscore.outdated as
select o.model, o.profile, o.bindings, o.version, o.serving, o.state, o.rows, o.method, o.rows_read, o.cost, o.reason, o.remedy
from pgscore._outdated_rows() o;

comment on view pgscore.outdated is 'How many rows of bound tables each version has scored, as far as the caller may read them; it reads a sample of large ones';

comment on column pgscore.outdated.model is 'The model';

comment on column pgscore.outdated.profile is 'The profile table; of one that was dropped, the name that it had';

comment on column pgscore.outdated.bindings is 'The bindings that store the model''s scores there';

comment on column pgscore.outdated.version is 'The version recorded beside the scores; NULL: none';

comment on column pgscore.outdated.serving is 'The version that serves; NULL: none';

comment on column pgscore.outdated.state is 'current: the serving version scored them; outdated: another did; unscored: they have no score; unknown: it cannot be told';

comment on column pgscore.outdated.rows is 'How many rows that are; NULL where they could not be counted';

comment on column pgscore.outdated.method is 'count: all rows were read; index: all entries of an index on the version; sample: 1,000 pages, and the number is an estimate; statistics: nothing was read, and the number is what ANALYZE once found; NULL: it is not known';

comment on column pgscore.outdated.rows_read is 'How many rows, or entries, were read for the table';

comment on column pgscore.outdated.cost is 'What the query cost by the planner''s reckoning';

comment on column pgscore.outdated.reason is 'Why the rows were not read, or the version is not known';

comment on column pgscore.outdated.remedy is 'The call that brings the rows up to the serving version; their owner makes it';

grant select on pgscore.outdated to pgscore_reader;

-- core/batch/compare.sql
-- What a promotion would change: the scores of two versions for the rows of a table, beside each other. What is read is
-- read with the caller's rights; what works with pgscore's looks at the registry and the catalog, and gives SQL.

create function pgscore._version_score_sql(model text, version integer, profile regclass) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
    problem record;
begin
    perform pgscore._existing_version(model, coalesce(version, 0));
    perform pgscore._refuse_pruned(model, version);
    select v.contract -> 'inputs' as inputs, p.size into described
    from pgscore.model_version v left join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _version_score_sql.model and v.version = _version_score_sql.version;
    select p.* into problem from pgscore._profile_problem(profile, described.inputs) p;
    if problem.message is not null then
        raise exception 'version % of model "%": %', version, model, problem.message
            using errcode = problem.sqlstate, hint = coalesce(problem.hint, '');
    elsif described.size is null then
        return null;
    end if;
    return pgscore._engine_call(
        case when described.size <= pgscore._largest_sql_program() then 'sql' else 'interpreter' end, model, version,
        pgscore._profile_arguments(profile, described.inputs, 'pgscore_row'), false,
        pgscore._ordinary_columns(profile, described.inputs), 'scan'
    );
end
$$;

comment on function pgscore._version_score_sql(text, integer, regclass) is
    'SQL for the score that a version gives for pgscore_row, a row of a table; NULL where it is no program; refused where the version or a column is missing';

grant execute on function pgscore._version_score_sql(text, integer, regclass) to pgscore_reader;

create function pgscore._compared_profile(model text) returns regclass
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    tables constant regclass[] := array(
        select t.profile from pgscore._scored_tables() t where t.model = _compared_profile.model order by t.profile::text
    );
begin
    if cardinality(tables) <> 1 then
        perform pgscore._existing_version(model, null);
        raise exception 'model "%" scores %, and none is named', model,
            case cardinality(tables) when 0 then 'no table' else 'the tables ' || array_to_string(tables, ', ') end
            using errcode = 'invalid_parameter_value', hint = 'Name the table whose rows are to be compared: profile, or --profile TABLE.';
    end if;
    return tables[1];
end
$$;

comment on function pgscore._compared_profile(text) is 'The table that a model scores, where it is one; else refused';

grant execute on function pgscore._compared_profile(text) to pgscore_reader;

create function pgscore._refuse_comparing(profile regclass) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    owner constant regrole := (select c.relowner from pg_catalog.pg_class c where c.oid = profile);
begin
    if owner is null then
        raise exception 'the table whose rows are to be compared was dropped' using errcode = 'undefined_table';
    elsif pg_get_userbyid(owner) <> current_user and (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user) then
        raise exception '% is a superuser and table % belongs to %, whose code would run with a superuser''s rights', current_user, profile, owner
            using errcode = 'insufficient_privilege', hint = format('Connect as %s, or as somebody who may read the table.', owner);
    elsif pgscore._is_readable(profile) is not true then
        raise exception '% may not read table %', current_user, profile
            using errcode = 'insufficient_privilege', hint = format('grant select on %s to %I', profile, current_user);
    end if;
end
$$;

comment on function pgscore._refuse_comparing(regclass) is
    'Refuses whoever may not read a table, and a superuser of whom the table is not';

grant execute on function pgscore._refuse_comparing(regclass) to pgscore_reader;

create function pgscore._part_of(profile regclass, key text, sample integer, out source text, out total bigint, out is_sample boolean)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    kind constant "char" := (select c.relkind from pg_catalog.pg_class c where c.oid = profile);
    share double precision;
begin
    source := format('%s pgscore_row', profile);
    is_sample := false;
    if kind in ('r', 'p', 'm') then
        select sum(greatest(c.reltuples, 0)) into total
        from pgscore._doctor_family(profile) f join pg_catalog.pg_class c on c.oid = f.member and c.relkind <> 'p';
    end if;
    if total is null or total < 100000 then
        execute format('select count(*) from %s', profile) into total;
    end if;
    if sample is null or total <= sample then
        return;
    end if;
    is_sample := true;
    share := sample::double precision / total;
    -- The same rows each time, so that two calls compare the same ones.
    if kind in ('r', 'p', 'm') then
        source := format('%s pgscore_row tablesample bernoulli (%s) repeatable (11)', profile, 100 * share);
    else
        source := format('%s pgscore_row where hashtextextended(%s, 11) & 1048575 < %s', profile, key, (share * 1048576)::integer);
    end if;
end
$$;

comment on function pgscore._part_of(regclass, text, integer) is
    'What stands behind FROM to read all rows of a table, or about so many of them; and how many it has';

grant execute on function pgscore._part_of(regclass, text, integer) to pgscore_reader;

-- Inlined; a body of SQL's own standard, because the operators are found when it is parsed. Of two that are huge the
-- difference would be an error.
create function pgscore._change(former double precision, latter double precision) returns double precision
language sql immutable parallel safe
return case
    when former = latter then 0
    when abs(former) <= 4e307 and abs(latter) <= 4e307 then latter - former
    when latter > former then 'Infinity'::double precision
    else '-Infinity'::double precision
end;

comment on function pgscore._change(double precision, double precision) is 'How far a score moves; infinite where that is no number';

grant execute on function pgscore._change(double precision, double precision) to pgscore_reader;

create function pgscore._comparison_sql(scored text, bins integer, top integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        $query$
        with scored as materialized (%1$s),
        moves as materialized (
            select s.key, s.former, s.latter, pgscore._change(s.former, s.latter) as change
            from scored s where num_nulls(s.former, s.latter) = 0
        ),
        range as (
            select min(m.change) as least, max(m.change) as greatest from moves m where abs(m.change) < 'Infinity'
        ),
        bins as (
            select b.bin, count(*) as rows
            from (
                select case when r.least < r.greatest then least(width_bucket(m.change, r.least, r.greatest, %2$s), %2$s) else 1 end as bin
                from moves m, range r where abs(m.change) < 'Infinity'
            ) b
            group by b.bin
        ),
        edges as (
            select i as bin, r.least + (r.greatest - r.least) * (i - 1) / %2$s as begins, r.least + (r.greatest - r.least) * i / %2$s as ends
            from range r, generate_series(1, case when r.least < r.greatest then %2$s else 1 end) i
            where r.least is not null
        )
        select
            (select count(*) from scored) as rows,
            count(*) as compared,
            count(*) filter (
                where abs(m.change) = 'Infinity' or abs(m.change) > 1e-9 * greatest(abs(m.former), abs(m.latter), 1e-290)
            ) as moved,
            (select count(*) from scored s where s.former is not null and s.latter is null) as lost,
            (select count(*) from scored s where s.former is null and s.latter is not null) as gained,
            avg(m.change) filter (where abs(m.change) < 'Infinity') as mean,
            percentile_disc('{0,0.01,0.05,0.25,0.5,0.75,0.95,0.99,1}'::double precision[]) within group (order by m.change) as quantiles,
            (
                select jsonb_agg(jsonb_build_object('from', e.begins, 'to', e.ends, 'rows', coalesce(b.rows, 0)) order by e.bin)
                from edges e left join bins b on b.bin = e.bin
            ) as histogram,
            (
                select jsonb_agg(
                    jsonb_build_object('key', t.key, 'score', t.former, 'other', t.latter, 'change', t.change)
                    order by abs(t.change) desc, t.key collate "C"
                )
                from (select o.* from moves o where o.change <> 0 order by abs(o.change) desc, o.key collate "C" limit %3$s) t
            ) as most,
            count(*) filter (where m.former >= $1) as above,
            count(*) filter (where m.latter >= $1) as other_above,
            count(*) filter (where m.former < $1 and m.latter >= $1) as upward,
            count(*) filter (where m.former >= $1 and m.latter < $1) as downward
        from moves m
        $query$,
        scored, bins, top
    )
$function$;

comment on function pgscore._comparison_sql(text, integer, integer) is
    'The query that says how scores move, out of one for key, former and latter score; $1 is the threshold';

grant execute on function pgscore._comparison_sql(text, integer, integer) to pgscore_reader;

create function pgscore._both_scores_sql(model text, version integer, other integer, profile regclass, key name[], key_sql text, source text)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    former constant text := pgscore._version_score_sql(model, version, profile);
    latter constant text := pgscore._version_score_sql(model, other, profile);
    scored constant text := 'pgscore.score_rows(%L, %L, %s, %L::name[])';
    query constant text := 'select pgscore_row.* from ' || source;
begin
    if former is not null and latter is not null then
        -- One statement, one snapshot, and nothing to be joined.
        return format('select %s as key, %s as former, %s as latter from %s', key_sql, former, latter, source);
    elsif to_regprocedure('pgscore.score_rows(text, text, integer, name[])') is null then
        raise exception 'a version of model "%" is no program, and this release does not compare such', model
            using errcode = 'feature_not_supported', hint = '`pgscore upgrade`.';
    elsif pgscore._row_key(profile) is null then
        raise exception 'table % has no primary key, by which scores of versions are joined that are no programs', profile
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    return format(
        'select f.key, f.score as former, l.score as latter from %s f join %s l on l.key = f.key',
        format(scored, model, query, version, key), format(scored, model, query, other, key)
    );
end
$$;

comment on function pgscore._both_scores_sql(text, integer, integer, regclass, name[], text, text) is
    'A query for the key of each row and what two versions give for it: by their programs in one pass, else each for itself, joined by key';

grant execute on function pgscore._both_scores_sql(text, integer, integer, regclass, name[], text, text) to pgscore_reader;

create function pgscore._refuse_comparison(model text, version integer, other integer, sample integer, threshold double precision, top integer)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if version is null or other is null then
        raise exception 'two versions are compared, and one is NULL' using errcode = 'null_value_not_allowed';
    elsif version = other then
        raise exception 'version % of model "%" is the same as itself: name two versions', version, model
            using errcode = 'invalid_parameter_value';
    elsif sample <= 0 then
        raise exception 'a sample has rows, and not %', sample
            using errcode = 'invalid_parameter_value', hint = 'NULL, or --all, compares all rows.';
    elsif threshold = 'NaN' then
        raise exception 'a threshold is a number, and not NaN' using errcode = 'invalid_parameter_value';
    elsif top is null or top not between 0 and 1000 then
        raise exception 'from 0 to 1000 rows that move most are listed, and not %', coalesce(top::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
end
$$;

comment on function pgscore._refuse_comparison(text, integer, integer, integer, double precision, integer) is
    'Refuses what cannot be compared, in a sentence';

grant execute on function pgscore._refuse_comparison(text, integer, integer, integer, double precision, integer) to pgscore_reader;

create function pgscore.compare(
    model text, version integer, other integer, profile regclass default null, sample integer default 10000,
    threshold double precision default null, top integer default 10,
    out compared_table text, out total bigint, out is_sample boolean, out rows bigint, out compared bigint, out moved bigint,
    out lost bigint, out gained bigint, out mean double precision, out quantiles jsonb, out histogram jsonb, out most jsonb,
    out border double precision, out above bigint, out other_above bigint, out upward bigint, out downward bigint
)
language plpgsql stable
set search_path = pg_catalog, pg_temp set jit = off set extra_float_digits = 1 set datestyle = 'ISO, MDY' set timezone = 'UTC'
as $$
declare
    key name[];
    key_sql text;
    part record;
    found_move record;
begin
    perform pgscore._refuse_comparison(model, version, other, sample, threshold, top);
    profile := coalesce(profile, pgscore._compared_profile(model));
    perform pgscore._refuse_comparing(profile);
    compared_table := profile;
    key := coalesce(pgscore._row_key(profile), (
        select array[a.attname] from pg_catalog.pg_attribute a
        where a.attrelid = profile and a.attnum > 0 and not a.attisdropped order by a.attnum limit 1
    ));
    key_sql := pgscore._key_text_sql(key, 'pgscore_row');
    -- Before a row is counted: whether both versions can be asked.
    perform pgscore._version_score_sql(model, v, profile) from unnest(array[version, other]) v;
    select p.* into part from pgscore._part_of(profile, key_sql, sample) p;
    execute pgscore._comparison_sql(
        pgscore._both_scores_sql(model, version, other, profile, key, key_sql, part.source), 20, top
    ) into found_move using threshold;
    if found_move.rows = 0 then
        raise exception 'table % has no rows to compare', profile using errcode = 'no_data_found';
    end if;
    total := part.total;
    is_sample := part.is_sample;
    rows := found_move.rows;
    compared := found_move.compared;
    moved := found_move.moved;
    lost := found_move.lost;
    gained := found_move.gained;
    mean := found_move.mean;
    quantiles := (
        select jsonb_object_agg(s.share, s.change)
        from unnest('{0,0.01,0.05,0.25,0.5,0.75,0.95,0.99,1}'::text[], found_move.quantiles) as s (share, change)
        where s.change is not null
    );
    histogram := coalesce(found_move.histogram, '[]');
    most := coalesce(found_move.most, '[]');
    border := threshold;
    if threshold is not null then
        above := found_move.above;
        other_above := found_move.other_above;
        upward := found_move.upward;
        downward := found_move.downward;
    end if;
end
$$;

comment on function pgscore.compare(text, integer, integer, regclass, integer, double precision, integer) is
    'How scores would move from one version to another, on about so many rows of a table that is scored, or all (NULL): how many and how far, the rows that move most, and how many cross the threshold; nothing is changed';

grant execute on function pgscore.compare(text, integer, integer, regclass, integer, double precision, integer) to pgscore_reader;

-- core/batch/maintain.sql
-- What is to be done from time to time, for who calls: partitions, the log and finished jobs, and rows that a promotion has
-- left behind. A task that fails leaves the others to be done.

create function pgscore._is_rescore_due(b pgscore.binding, retry interval) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    promoted constant timestamptz := (
        select max(greatest(p.promoted_at, p.rolled_back_at)) from pgscore.promotion p where p.model = b.model
    );
    jobs constant regclass := to_regclass('pgscore.job');
    last_began timestamptz;
    is_unfinished boolean;
begin
    if jobs is null then
        return false;
    end if;
    -- Rows that stay stale, because the model refuses them, are not tried all the time.
    execute format(
        'select max(j.started) filter (where j.finished is not null), coalesce(bool_or(j.finished is null), false)'
            ' from %s j where j.model = $1 and j.profile = $2 and j.target is null', jobs
    ) into last_began, is_unfinished using b.model, b.profile;
    return is_unfinished or last_began is null or last_began <= promoted
        or last_began < now() - retry and (
            exists (select from pgscore.stale_row s where s.binding = b.number and s.cause = 'score')
            or exists (
                select from pgscore._versions_of(b) v
                where v.rows > 0 and (
                    not v.is_scored or v.version <> (select m.serving from pgscore.model m where m.name = b.model)
                )
            )
        );
end
$$;

comment on function pgscore._is_rescore_due(pgscore.binding, interval) is
    'Whether rows of a binding''s profile table wait to be rescored: since a promotion, or for longer than that because they are stale or without a score';

grant execute on function pgscore._is_rescore_due(pgscore.binding, interval) to pgscore_reader;

create function pgscore._maintenance_tasks(rescores boolean default true, retry interval default '1 hour') returns table (
    task text, model text, relation regclass
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if has_function_privilege('pgscore._make_partitions(name, interval, integer)', 'execute') then
        return query
        select 'partitions', null::text, c.oid::regclass
        from pg_catalog.pg_class c
        where c.relnamespace = 'pgscore'::regnamespace and c.relkind = 'p' order by c.relname;
        return query select 'prune', null::text, 'pgscore.prediction_log'::regclass;
    end if;
    if to_regclass('pgscore.job') is not null and has_table_privilege(to_regclass('pgscore.job'), 'delete') then
        return query select 'jobs', null::text, to_regclass('pgscore.job');
    end if;
    if rescores is not true then
        return;
    end if;
    return query
    select 'rescore', t.model, t.profile
    from (select distinct on (b.profile, b.model) b.* from pgscore.binding b order by b.profile, b.model, b.number) t
    join pg_catalog.pg_class c on c.oid = t.profile
    join pgscore.model m on m.name = t.model and m.serving is not null
    -- A superuser does not touch what is another role's.
    where (pgscore._owner_problem(t.profile, t.profile)).problem is null
        and pgscore._is_rescore_due((select o from pgscore.binding o where o.number = t.number), retry);
end
$$;

comment on function pgscore._maintenance_tasks(boolean, interval) is
    'What there is to do for the current role: partitions and prune, for operators; jobs; and for owners the tables whose rows are to be rescored';

grant execute on function pgscore._maintenance_tasks(boolean, interval) to pgscore_reader;

create function pgscore._maintain_log(keep interval, keep_rows bigint) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    dropped integer := 0;
begin
    if keep is not null then
        dropped := pgscore._drop_partitions('prediction_log', keep);
    end if;
    if keep_rows is not null then
        dropped := dropped + pgscore._drop_partitions_beyond('prediction_log', keep_rows);
    end if;
    return format('%s partitions dropped', dropped);
end
$$;

comment on function pgscore._maintain_log(interval, bigint) is 'Prunes the prediction log by age and by count, where these are not NULL; what it did';

grant execute on function pgscore._maintain_log(interval, bigint) to pgscore_operator;

create function pgscore._maintain_jobs(keep interval) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    gone bigint;
begin
    -- One that somebody works on is locked, or has begun since.
    execute format($query$
        with doomed as (
            select j.id from %1$s j
            where coalesce(j.finished, j.started) < now() - $1
                or not exists (select from pg_class c where c.oid = j.profile)
                or j.target is not null and not exists (select from pg_class c where c.oid = j.target)
            for update skip locked
        ), gone as (delete from %1$s j using doomed d where d.id = j.id returning j.id)
        select count(*) from gone
    $query$, to_regclass('pgscore.job')) into gone using keep;
    return format('%s jobs tidied away', gone);
end
$$;

comment on function pgscore._maintain_jobs(interval) is
    'Takes away jobs that finished, or were left unfinished, longer ago than that, and those of tables that are gone; what it did';

grant execute on function pgscore._maintain_jobs(interval) to pgscore_reader;

create function pgscore._maintain_step(
    task text, model text, relation regclass, job bigint, keep interval, keep_rows bigint, step interval, ahead integer, keep_jobs interval,
    out state text, out says text, out unfinished bigint, out waits double precision
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    looked_at bigint;
    written bigint;
begin
    state := 'finished';
    waits := 0;
    if task = 'partitions' then
        says := format('%s partitions made', pgscore._make_partitions((select c.relname from pg_catalog.pg_class c where c.oid = relation), step, ahead));
    elsif task = 'prune' then
        says := pgscore._maintain_log(keep, keep_rows);
    elsif task = 'jobs' then
        says := pgscore._maintain_jobs(keep_jobs);
    elsif job is null then
        execute format('select s.id from pgscore.%s($1, $2) s', '_start_job') into unfinished using model, relation;
        state := 'working';
    else
        execute format('select s.state, s.waits, s.done, s.changed from pgscore.%s($1) s', '_rescore_step')
        into state, waits, looked_at, written using job;
        -- Where another version serves meanwhile it begins anew.
        unfinished := case state when 'working' then job end;
        state := case state when 'finished' then state else 'working' end;
        says := format('%s rows looked at, %s written', looked_at, written);
    end if;
exception when others then
    -- The next task is another table's.
    state := 'failed';
    says := sqlerrm;
    unfinished := null;
    waits := 0;
end
$$;

comment on function pgscore._maintain_step(text, text, regclass, bigint, interval, bigint, interval, integer, interval) is
    'Does a task, or the next batch of it. state: finished, working, or failed, and says why; what it did stands when the caller commits';

grant execute on function pgscore._maintain_step(text, text, regclass, bigint, interval, bigint, interval, integer, interval) to pgscore_reader;

create function pgscore._report_task(model text, relation regclass, state text, says text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    subject constant text := relation::text || coalesce(' by model "' || model || '"', '');
begin
    if state = 'failed' then
        raise warning '%: %', subject, says;
        return format('%s: %s', subject, says);
    end if;
    raise info '%: %', subject, says;
    return null;
end
$$;

comment on function pgscore._report_task(text, regclass, text, text) is
    'Tells the caller of maintain what came of a task; what failed is returned too';

grant execute on function pgscore._report_task(text, regclass, text, text) to pgscore_reader;

create function pgscore._end_maintenance(tasks integer, failures text[]) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if tasks = 0 then
        raise notice 'there is nothing to maintain for %: operators keep the log, owners their tables', current_user;
    elsif cardinality(failures) > 0 then
        raise exception '% of % tasks failed: %', cardinality(failures), tasks, array_to_string(failures, '; ')
            using hint = 'What the others did stands.';
    end if;
end
$$;

comment on function pgscore._end_maintenance(integer, text[]) is 'Fails, when all is done, if a task has failed: so whoever schedules it sees';

grant execute on function pgscore._end_maintenance(integer, text[]) to pgscore_reader;

create procedure pgscore.maintain(
    keep interval default '1 year', keep_rows bigint default null, step interval default '7 days', ahead integer default 4,
    rescores boolean default true, retry interval default '1 hour', keep_jobs interval default '30 days'
)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, every name here is
    -- qualified, and all that is called is pinned itself.
    pinned pg_catalog.text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    tasks pg_catalog.text[];
    models pg_catalog.text[];
    relations pg_catalog.oid[];
    job pg_catalog.int8;
    done pg_catalog.record;
    failures pg_catalog.text[] := '{}';
    failure pg_catalog.text;
begin
    -- The call has read something, and the level is chosen before.
    commit;
    set transaction isolation level read committed;
    pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    select pg_catalog.array_agg(t.task), pg_catalog.array_agg(t.model), pg_catalog.array_agg(t.relation::pg_catalog.oid)
    into tasks, models, relations
    from pgscore._maintenance_tasks(rescores, retry) t;
    commit;
    for number in 1 .. coalesce(pg_catalog.cardinality(tasks), 0) loop
        job := null;
        loop
            set transaction isolation level read committed;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            select s.* into done
            from pgscore._maintain_step(
                tasks[number], models[number], relations[number]::pg_catalog.regclass, job, keep, keep_rows, step, ahead, keep_jobs
            ) s;
            commit;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            exit when done.state operator(pg_catalog.<>) 'working';
            job := done.unfinished;
            if done.waits operator(pg_catalog.>) 0 then
                perform pg_catalog.pg_sleep(done.waits);
            end if;
            commit;
        end loop;
        failure := pgscore._report_task(models[number], relations[number]::pg_catalog.regclass, done.state, done.says);
        if failure is not null then
            failures := pg_catalog.array_append(failures, failure);
        end if;
        commit;
    end loop;
    pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    perform pgscore._end_maintenance(coalesce(pg_catalog.cardinality(tasks), 0), failures);
end
$$;

comment on procedure pgscore.maintain(interval, bigint, interval, integer, boolean, interval, interval) is
    'Does what is to be done from time to time, for the current role: operators have partitions made ahead and the log pruned (keep: its age, keep_rows: about how many rows; NULL: all), owners have rows of their tables rescored that are outdated, stale or without a score, and old jobs go. What fails leaves the rest to be done, and is told at the end';

grant execute on procedure pgscore.maintain(interval, bigint, interval, integer, boolean, interval, interval) to pgscore_reader;

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- Belongs at the very end, behind _regenerate_models(): from here on whoever logs scores waits for the commit.
-- The table that is there is attached as the partition of all that is older. Nothing is copied and no index is built, but
-- its rows are read once, which takes about a second for ten million.
do $$
declare
    dependent text;
begin
    select pg_describe_object(d.classid, d.objid, 0) into dependent
    from pg_catalog.pg_depend d
    where d.refclassid = 'pg_class'::regclass and d.refobjid = 'pgscore.prediction_log'::regclass
        and d.classid in ('pg_rewrite'::regclass, 'pg_proc'::regclass)
    limit 1;
    if dependent is not null then
        raise exception '% reads pgscore.prediction_log, which this migration replaces by a partitioned table', dependent
            using errcode = 'dependent_objects_still_exist', hint = 'Drop what it belongs to, upgrade, and make it anew.';
    end if;
end
$$;
lock table pgscore.prediction_log in access exclusive mode;
select set_config('pgscore.last_id', case when s.is_called then s.last_value else 0 end::text, true)
from pgscore.prediction_log_id_seq s;
drop policy read_all on pgscore.prediction_log;
drop policy own_bindings on pgscore.prediction_log;
revoke all on pgscore.prediction_log from pgscore_operator, pgscore_reader;
alter table pgscore.prediction_log alter column id drop identity;
alter table pgscore.prediction_log rename to prediction_log_before;
alter index pgscore.prediction_log_pkey rename to prediction_log_before_pkey;
comment on table pgscore.prediction_log_before is 'Partition of pgscore.prediction_log: scores from before it was partitioned';

create table pgscore.prediction_log (
    id bigint generated always as identity,
    logged_at timestamptz not null default clock_timestamp(),
    model text not null,
    version integer not null,
    binding text,
    key text,
    score double precision
) partition by range (logged_at);

comment on table pgscore.prediction_log is 'Scores that bindings stored, in the transactions that stored them; partitioned by time';
comment on column pgscore.prediction_log.id is 'Counts up';
comment on column pgscore.prediction_log.logged_at is 'When the score was computed';
comment on column pgscore.prediction_log.model is 'The model';
comment on column pgscore.prediction_log.version is 'The version that gave the score';
comment on column pgscore.prediction_log.binding is 'The binding that stored it';
comment on column pgscore.prediction_log.key is 'The key of the profile row';
comment on column pgscore.prediction_log.score is 'The score; NULL where an input is NULL that the model does not accept';
grant select on pgscore.prediction_log to pgscore_operator;

-- Functions of a profile table's owner write here, each for its own bindings.
grant insert (model, version, binding, key, score) on pgscore.prediction_log to pgscore_reader;
alter table pgscore.prediction_log enable row level security;
create policy read_all on pgscore.prediction_log for select to pgscore_operator using (true);
create policy own_bindings on pgscore.prediction_log for insert
    with check (
        exists (
            select from pgscore.binding b
            where b.name = prediction_log.binding and b.model = prediction_log.model
                and pg_get_userbyid(b.owner) = current_user
        )
    );

comment on policy read_all on pgscore.prediction_log is 'Operators read what all bindings logged';
comment on policy own_bindings on pgscore.prediction_log is 'The owner of a profile table logs scores of its rows';

do $$
declare
    first_week timestamptz := pgscore._partition_start(now(), '7 days') + interval '7 days';
begin
    perform setval('pgscore.prediction_log_id_seq', current_setting('pgscore.last_id')::bigint + 1, false);
    if not exists (select from pgscore.prediction_log_before) then
        drop table pgscore.prediction_log_before;
        return;
    end if;
    begin
        execute format(
            'alter table pgscore.prediction_log attach partition pgscore.prediction_log_before for values from (minvalue) to (%L)',
            first_week
        );
    exception when check_violation then
        -- Somebody's clock was wrong.
        select pgscore._partition_start(max(b.logged_at), '7 days') + interval '7 days' into first_week
        from pgscore.prediction_log_before b;
        execute format(
            'alter table pgscore.prediction_log attach partition pgscore.prediction_log_before for values from (minvalue) to (%L)',
            first_week
        );
    end;
end
$$;

-- A week each: few enough that a session learns of them at once, small enough to be dropped one by one.
select pgscore._make_partitions('prediction_log', '7 days', 4);

-- core/become_oneself.sql
reset search_path;

reset role;
