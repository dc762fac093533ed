create function pgscore._into_problem(profile regclass, target regclass, out problem text, out hint text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    key constant name[] := pgscore._page_key(profile);
    -- Who calls makes the one that is not there yet.
    target_owner constant regrole := case when target is null then to_regrole(quote_ident(current_user)) else (
        select c.relowner from pg_catalog.pg_class c where c.oid = target and c.relkind in ('r', 'p')
    ) end;
    wanted record;
begin
    if not exists (select from pg_catalog.pg_class c where c.oid = profile and c.relkind in ('r', 'p')) then
        problem := format('%s is no table, or was dropped', profile);
    elsif key is null then
        problem := format('table %s has no primary key of integers, texts and uuids, by which its rows could be taken in turn', profile);
        hint := format('alter table %s add primary key (...)', profile);
    elsif target_owner is null then
        problem := format('%s is no table, or was dropped', target);
    elsif target = profile then
        problem := format('table %s would be read and written at once', profile);
        hint := 'Without a target the scores of a profile table that is attached go to its own columns.';
    -- Defaults, checks and triggers of the target run as whoever writes to it: that is to be the one who made them.
    elsif target_owner <> to_regrole(quote_ident(current_user)) then
        problem := format('%s owns table %s, and only its owner has scores written there', target_owner, target);
        hint := format('Connect as %s, or name a table of your own.', target_owner);
    elsif (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user)
        and (select c.relowner from pg_catalog.pg_class c where c.oid = profile) <> target_owner
    then
        problem := format(
            '%s is a superuser and table %s belongs to %s, whose code would run with a superuser''s rights', current_user, profile,
            (select c.relowner::regrole from pg_catalog.pg_class c where c.oid = profile)
        );
        hint := 'Connect as a role that may read it.';
    elsif not has_table_privilege(profile, 'select') then
        problem := format('%s may not read table %s', current_user, profile);
        hint := format('grant select on %s to %s', profile, quote_ident(current_user));
    elsif row_security_active(profile) then
        problem := format('row-level security of table %s may hide rows from %s, and what is left out would not show', profile, current_user);
        hint := 'Connect as its owner, or as a role that sees all rows.';
    end if;
    if problem is not null or target is null then
        return;
    end if;
    for wanted in
        select k.name, format_type((pgscore._column(_into_problem.profile, k.name)).atttypid, null) as type
        from unnest(key) as k (name)
        union all
        select * from (values ('score', 'double precision'), ('version', 'integer'), ('at', 'timestamp with time zone')) as c (name, type)
    loop
        if wanted.name in ('score', 'version', 'at') and wanted.name = any (key) then
            problem := format('the key of table %s has a column "%s", which is what the target calls something else', profile, wanted.name);
        elsif (pgscore._column(target, wanted.name)).attname is null then
            problem := format('table %s has no column "%s"', target, wanted.name);
        elsif format_type((pgscore._column(target, wanted.name)).atttypid, null) <> wanted.type then
            problem := format(
                'column "%s" of table %s is of type %s, and not %s', wanted.name, target,
                format_type((pgscore._column(target, wanted.name)).atttypid, null), wanted.type
            );
        end if;
        exit when problem is not null;
    end loop;
    if problem is null and not exists (
        select from pg_catalog.pg_index i
        where i.indrelid = target and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and i.indexprs is null
            and array(
                select a.attname from pg_catalog.pg_attribute a
                where a.attrelid = target and a.attnum = any (i.indkey[0 : i.indnkeyatts - 1]) order by 1
            ) = array(select k from unnest(key) k order by 1)
    ) then
        problem := format('table %s has no unique index on (%s)', target, pgscore._columns_sql(key));
    end if;
    if problem is not null then
        hint := format('create table ... (%s)', pgscore._into_columns_sql(profile));
    end if;
end
$$;

comment on function pgscore._into_problem(regclass, regclass) is
    'Why the caller cannot have scores of a table''s rows written to another one, or to one that they would make (NULL), in a sentence, and what to do; NULL where nothing is in the way';
grant execute on function pgscore._into_problem(regclass, regclass) to pgscore_reader;

create function pgscore._into_columns_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        '%s, score double precision, version integer not null, "at" timestamp with time zone not null, primary key (%s)',
        string_agg(format('%I %s', k.name, pgscore._column_type(pgscore._column(_into_columns_sql.profile, k.name))), ', ' order by k.ordinal),
        pgscore._columns_sql(pgscore._page_key(_into_columns_sql.profile))
    )
    from unnest(pgscore._page_key(profile)) with ordinality as k (name, ordinal)
    having count(*) > 0
$$;

comment on function pgscore._into_columns_sql(regclass) is 'The columns of a table that takes the scores of a profile table''s rows; NULL where it has no key for that';
grant execute on function pgscore._into_columns_sql(regclass) to pgscore_reader;

create function pgscore._check_into(profile regclass, target regclass) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found_problem constant record := pgscore._into_problem(profile, target);
begin
    if found_problem.problem is not null then
        raise exception '%', found_problem.problem using hint = coalesce(found_problem.hint, ''), errcode = case
            when found_problem.problem ~ ' (owns table|may not read table|is a superuser) ' then 'insufficient_privilege'
            when found_problem.problem ~ ' dropped$' then 'undefined_table' else 'invalid_parameter_value' end;
    end if;
end
$$;

comment on function pgscore._check_into(regclass, regclass) is 'Refuses a target to which the caller cannot have scores written';
grant execute on function pgscore._check_into(regclass, regclass) to pgscore_reader;

create function pgscore._into_page(j pgscore.job, out page_first text[], out page_last text[], out checked bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    key constant name[] := pgscore._page_key(j.profile);
    types constant text[] := pgscore._key_types(j.profile, key);
    keys constant text := pgscore._columns_sql(key, 'p');
begin
    execute format(
        'select %s from %s p%s order by %s limit 1', pgscore._places_sql(key, 'p'), j.profile,
        case when j.last_key is not null then format(' where (%s) > (%s)', keys, pgscore._bound_keys_sql(key, types, '$1')) end, keys
    ) into page_first using j.last_key;
    if page_first is null then
        checked := 0;
        return;
    end if;
    -- In the order of the index, and so the last one comes last.
    execute format(
        'select count(*), array[%1$s] from (select %2$s from %3$s p where (%4$s) >= (%5$s) order by %4$s limit $2) u',
        (select string_agg(format('(array_agg(u.key_%s))[count(*)]::text', o), ', ' order by o) from generate_subscripts(key, 1) o),
        (select string_agg(format('p.%I as key_%s', k, o), ', ' order by o) from unnest(key) with ordinality u (k, o)),
        j.profile, keys, pgscore._bound_keys_sql(key, types, '$1')
    ) into checked, page_last using page_first, j.batch;
end
$$;

comment on function pgscore._into_page(pgscore.job) is 'The keys between which the next rows of a table stand';
grant execute on function pgscore._into_page(pgscore.job) to pgscore_reader;

create function pgscore._into_work(j pgscore.job, part pgscore.job_part, out changed bigint, out refused bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    key constant name[] := pgscore._page_key(j.profile);
    types constant text[] := pgscore._key_types(j.profile, key);
    range constant text := format(
        'from %1$s p where (%2$s) >= (%3$s) and (%2$s) <= (%4$s)', j.profile, pgscore._columns_sql(key, 'p'),
        pgscore._bound_keys_sql(key, types, '$1'), pgscore._bound_keys_sql(key, types, '$2')
    );
    keys constant text := pgscore._columns_sql(key);
    scored text;
    stands boolean;
begin
    if exists (select from pgscore.model m where m.name = j.model and pgscore._takes_arrays(m.many_engine))
        and to_regprocedure(format('pgscore._score_rows(text, %s[])', j.profile)) is not null
    then
        -- Whole arrays, a thousand rows at a time.
        scored := format(
            'select u.* from (
                select a.*, pgscore._score_rows(%1$L, a.rows) as answer from (
                    select array_agg(n.p) as rows, %2$s from (select p, row_number() over () as number %3$s) n group by n.number / 1000 offset 0
                ) a offset 0
            ) s, unnest(%4$s, (s.answer).scores) as u (%5$s, score)',
            j.model, (select string_agg(format('array_agg((n.p).%I) as pgscore_%s', k, o), ', ' order by o) from unnest(key) with ordinality u (k, o)),
            range, (select string_agg('s.pgscore_' || o, ', ' order by o) from generate_subscripts(key, 1) o), keys
        );
    else
        scored := format('select %s, pgscore.score(%L::text, p) as score %s', pgscore._columns_sql(key, 'p'), j.model, range);
    end if;
    -- To look for rows that stand there already costs half of the time, so once for all.
    execute format(
        'select (%2$s) <= (%4$s) from %1$s t where (%2$s) >= (%3$s) order by %2$s limit 1', j.target, pgscore._columns_sql(key, 't'),
        pgscore._bound_keys_sql(key, types, '$1'), pgscore._bound_keys_sql(key, types, '$2')
    ) into stands using part.first_key, part.last_key;
    execute format(
        'with written as (
            insert into %1$s as t (%2$s, score, version, "at") select %3$s, s.score, %4$s, now() from (%5$s) s %6$s
            returning t.score
        )
        select count(*), count(*) - count(w.score) from written w',
        j.target, keys, pgscore._columns_sql(key, 's'), j.version, scored, case when stands then format(
            'on conflict (%s) do update set score = excluded.score, version = excluded.version, "at" = excluded."at"
            where (t.score, t.version) is distinct from (excluded.score, excluded.version)', keys
        ) end
    ) into changed, refused using part.first_key, part.last_key;
end
$$;

comment on function pgscore._into_work(pgscore.job, pgscore.job_part) is
    'Writes keys and scores of the rows of a part to another table: as the caller, who owns that and may read these';
grant execute on function pgscore._into_work(pgscore.job, pgscore.job_part) to pgscore_reader;

create function pgscore._fill_new(model text, profile regclass, schema_name name, table_name name) returns pgscore.job
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    key constant name[] := pgscore._page_key(profile);
    promotions constant bigint := pgscore._promotions(model);
    serving constant integer := pgscore._serving_version(model);
    target constant text := format('%I.%I', schema_name, table_name);
    many bigint;
    many_refused bigint;
    j pgscore.job;
begin
    perform pgscore._check_into(profile, null);
    -- One statement, that may run in parallel workers, and an index that is built at once: a fraction of what single rows
    -- cost. Version and time are the same in all rows: as defaults of columns that are added they take no room and no time.
    execute format(
        'create table %s as select %s, pgscore.score(%L::text, p) as score from %s p', target, pgscore._columns_sql(key, 'p'), model, profile
    );
    get diagnostics many = row_count;
    if promotions <> pgscore._promotions(model) then
        raise exception 'another version of model "%" was promoted meanwhile, and nothing was written', model
            using errcode = 'serialization_failure', hint = 'Run it again.';
    end if;
    execute format(
        'alter table %s add version integer not null default %s, add "at" timestamp with time zone not null default now(), add primary key (%s)',
        target, serving, pgscore._columns_sql(key)
    );
    execute format('alter table %s alter version drop default, alter "at" drop default', target);
    -- What is refused where the same columns are given.
    perform pgscore._check_into(profile, target::regclass);
    execute format('select count(*) from %s where score is null', target) into many_refused;
    insert into pgscore.job (owner, model, profile, target, whole, version, batch, total, handed_out, done, changed, refused, finished)
    values (
        (select c.relowner from pg_catalog.pg_class c where c.oid = target::regclass), _fill_new.model, _fill_new.profile, target::regclass,
        true, serving, greatest(many, 1), many, true, many, many, many_refused, clock_timestamp()
    )
    returning * into j;
    return j;
end
$$;

comment on function pgscore._fill_new(text, regclass, name, name) is
    'Makes a table of the scores of a table''s rows, at once: where it does not come to its end there is none';
grant execute on function pgscore._fill_new(text, regclass, name, name) to pgscore_reader;
