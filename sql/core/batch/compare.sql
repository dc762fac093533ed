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
    elsif not exists (
        select from pg_catalog.pg_class c where c.oid = profile and c.relkind in ('r', 'p', 'v', 'm', 'f')
    ) then
        raise exception '% is no table, and no view', profile using errcode = 'wrong_object_type';
    elsif not has_table_privilege(profile, 'select') then
        raise exception '% may not read table %', current_user, profile
            using errcode = 'insufficient_privilege', hint = format('grant select on %s to %I', profile, current_user);
    end if;
end
$$;

comment on function pgscore._refuse_comparing(regclass) is
    'Refuses whoever may not read a table, and a superuser of whom the table is not';
grant execute on function pgscore._refuse_comparing(regclass) to pgscore_reader;

create function pgscore._part_of(
    profile regclass, key text, sample integer, is_counted boolean, out source text, out total bigint, out is_sample boolean
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Of views and foreign tables, also among partitions, TABLESAMPLE would refuse or take all rows.
    is_local constant boolean := (
        select bool_and(c.relkind in ('r', 'p', 'm'))
        from pgscore._doctor_family(profile) f join pg_catalog.pg_class c on c.oid = f.member
    );
    share double precision;
begin
    source := format('%s pgscore_row', profile);
    is_sample := false;
    if sample is not null and not is_counted and is_local then
        -- As dense as ANALYZE found it, and as large as it is; of what was never analyzed nothing is known.
        select case when bool_and(c.reltuples >= 0) then
            sum(c.reltuples::double precision * pg_relation_size(c.oid) / current_setting('block_size')::integer / greatest(c.relpages, 1))
        end into total
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
    if is_local then
        source := format('%s pgscore_row tablesample bernoulli (%s) repeatable (11)', profile, 100 * share);
    else
        source := format('%s pgscore_row where hashtextextended(%s, 11) & 1048575 < %s', profile, key, (share * 1048576)::integer);
    end if;
end
$$;

comment on function pgscore._part_of(regclass, text, integer, boolean) is
    'What stands behind FROM to read all rows of a table, or about so many of them; and how many it has: counted where that is said, or where it is small';
grant execute on function pgscore._part_of(regclass, text, integer, boolean) to pgscore_reader;

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
    is_counted boolean;
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
    -- Where ANALYZE has not seen yet what was deleted, an estimate leaves too few rows: then they are counted.
    for is_counted in select * from (values (false), (true)) tries loop
        select p.* into part from pgscore._part_of(profile, key_sql, sample, is_counted) p;
        execute pgscore._comparison_sql(
            pgscore._both_scores_sql(model, version, other, profile, key, key_sql, part.source), 20, top
        ) into found_move using threshold;
        exit when not part.is_sample or found_move.rows > sample / 2;
    end loop;
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
