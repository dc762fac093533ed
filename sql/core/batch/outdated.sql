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
