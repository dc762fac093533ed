-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

create or replace function pgscore._ordinary_columns(profile regclass, inputs jsonb) returns boolean[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        coalesce(a.atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'boolean'::regtype, 'real'::regtype), false)
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    left join pg_catalog.pg_attribute a
        on a.attrelid = profile and a.attname = i.input ->> 'name' and a.attnum > 0 and not a.attisdropped
$$;

create or replace function pgscore._late_rows(model text, profiles anyarray) returns pgscore.scored
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
declare
    answer pgscore.scored;
begin
    perform pgscore._refuse_misfit(model, t.typelem) from pg_catalog.pg_type t where t.oid = pg_typeof(profiles);
    select max((s.given).version), array_agg((s.given).scores[1]), array_agg((s.given).reasons[1])
    into answer
    from (select pgscore._scored(model, to_jsonb(p)) as given from unnest(profiles) as p offset 0) s;
    return case when answer.version is not null then answer end;
end
$$;

create or replace function pgscore._has_walked(model text, version integer) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_catalog.pg_proc p
        where p.pronamespace = 'pgscore_models'::regnamespace
            and 'pgscore_models.' || quote_ident(p.proname) = pgscore._scorer_name(model, version, 'w')
    )
$$;

create or replace function pgscore._drop_scorer(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    doomed record;
begin
    -- The score calls the others.
    for doomed in
        select p.oid::regprocedure as function
        from unnest(array['', 'b', 'e', 'w', 'p']) with ordinality as s (suffix, ordinal)
        join pg_catalog.pg_proc p
            on pgscore._scorer_name(model, version, s.suffix) = 'pgscore_models.' || quote_ident(p.proname)
        where p.pronamespace = 'pgscore_models'::regnamespace
        order by s.ordinal
    loop
        execute format('drop function %s', doomed.function);
    end loop;
    execute format('drop type if exists %s', pgscore._scorer_name(model, version, 'i'));
end
$$;

-- core/engine/_compile_program.sql
create or replace function pgscore._compile_program(model text, version integer) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._create_scorer(v.model, v.version, p.program, (v.contract #>> '{output,positive}')::integer)
    from pgscore.model_version v join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _compile_program.model and v.version = _compile_program.version
        and p.size <= pgscore._largest_sql_program()
        -- What was pruned and has come back may have kept its functions, because a view needs them.
        and not exists (
            select from pg_catalog.pg_proc f
            where f.pronamespace = 'pgscore_models'::regnamespace
                and pgscore._scorer_name(v.model, v.version) = 'pgscore_models.' || quote_ident(f.proname)
        )
$$;

create or replace function pgscore._profile_functions(model text, profile regclass) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving record;
    problem record;
    arguments text[];
    ordinary boolean[];
    is_current text;
    says text;
    row_type constant text := profile::text;
    many_posture text := 'sql stable parallel safe';
    rescore_posture text := 'sql stable parallel safe';
    rows_posture constant text := 'plpgsql stable parallel restricted set search_path = pg_catalog, pg_temp';
    late_score constant text := format('pgscore._late_score(%L, $1)', model);
    late_rows constant text := format('pgscore._late_rows(%L, $1)', model);
    late_rescore constant text := format('pgscore._late_rescore(%L, $2)', model);
    score text := 'select ' || late_score;
    rescore text := 'select ' || late_rescore;
    rows_body text := format(E'begin\n    return %s;\nend', late_rows);
begin
    select
        v.version, v.contract -> 'inputs' as inputs, m.one_engine, m.many_engine,
        pgscore._first_engine(m.name) as first_engine, pgscore._counts_scores(m.name) as counts_scores
    into strict serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _profile_functions.model;
    says := format('Model "%s" version %s: ', model, serving.version);
    select p.* into problem from pgscore._profile_problem(profile, serving.inputs) p;
    if problem.message is null then
        ordinary := pgscore._ordinary_columns(profile, serving.inputs);
        arguments := pgscore._profile_arguments(profile, serving.inputs, '($1)');
        is_current := format('%s() operator(pg_catalog.=) %s', pgscore._model_function(model, 'serving'), serving.version);
        -- Queries take the engine for many rows. What it calls may be parallel safe, and the estimator engine is not.
        score := format(
            E'select case when %s\n    then %s\n    else %s\nend', is_current,
            pgscore._engine_call(serving.many_engine, model, serving.version, arguments, false, ordinary, 'scan'), late_score
        );
        if serving.counts_scores then
            rescore := pgscore._lasting_rescore_sql(
                model, serving.version, serving.one_engine, profile, serving.inputs, ordinary, is_current, late_rescore
            );
            rescore_posture := 'plpgsql volatile parallel unsafe';
        else
            rescore := format(
                E'select case when not %s\n    then %s\n    when $3 or %s\n    then array[%s, %s::pg_catalog.float8]\nend', is_current,
                late_rescore, pgscore._inputs_differ(profile, serving.inputs, '($1)', '($2)'),
                pgscore._engine_call(
                    serving.one_engine, model, serving.version,
                    pgscore._profile_arguments(profile, serving.inputs, '($2)'), false, ordinary, 'brief'
                ),
                serving.version
            );
        end if;
        rows_body := format(
            E'begin\n    if not %s then\n        return %s;\n    end if;\n'
                '    -- Neither pays for the other''s plan.\n'
                '    if cardinality($1) = 1 then\n        %s\n    end if;\n    %s\nend',
            is_current, late_rows,
            pgscore._rows_statement(model, serving.version, serving.inputs, serving.first_engine, profile),
            pgscore._rows_statement(model, serving.version, serving.inputs, serving.many_engine, profile)
        );
        if serving.many_engine = 'estimator' then
            many_posture := 'sql stable parallel restricted';
        end if;
        if serving.one_engine = 'estimator' then
            rescore_posture := 'sql stable parallel restricted';
        end if;
    else
        -- It asks again at each call: the column may come back.
        says := says || problem.message || ': ';
    end if;
    return next (
        pgscore._model_function(model, ''), '{profile}', array[row_type], 'double precision', many_posture, score,
        format('%sa row of %s', says, profile)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'rescore'), '{former,present,forced}', array[row_type, row_type, 'boolean'],
        'double precision[]', rescore_posture, rescore,
        format('%sscore and version of a row of %s, if what the model reads has changed; without a score, ask for an array of one row', says, profile)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'rows'), '{profiles}', array[row_type || '[]'], 'pgscore.scored', rows_posture, rows_body,
        format('%srows of %s, with the version and the reasons of refusals', says, profile)
    )::pgscore.generated_function;
end
$$;

comment on function pgscore._profile_functions(text, regclass) is
    'The functions of a model that take rows of one profile table, naming the version that serves; where a column is missing, they say so';

create or replace function pgscore._replace_profile(profile regclass, models text[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = profile);
    scored constant text[] := array(select t.model from pgscore._scored_tables() t where t.profile = _replace_profile.profile);
begin
    if space is null or cardinality(scored) = 0 and not has_schema_privilege(space, 'usage') then
        return;
    elsif not has_schema_privilege(space, 'usage') then
        raise exception 'pgscore_owner may not use schema %, and functions are generated on the row type of %', space, profile
            using errcode = 'insufficient_privilege', hint = format('grant usage on schema %s to pgscore_owner', space);
    end if;
    perform pgscore._create_function(f)
    from pgscore.model m, pgscore._profile_functions(m.name, profile) f
    where m.name = any (scored) and m.name = any (models) and m.serving is not null;
    if cardinality(scored) > 0 or to_regprocedure(format('pgscore._score_rows(text, %s[])', profile)) is not null then
        perform pgscore._create_function(f) from pgscore._profile_dispatch(profile) f;
    end if;
    perform pgscore._drop_functions(profile, scored);
end
$$;

create function pgscore._generate_profile(profile regclass) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
    perform pgscore._note_tables();
    for attempt in 1 .. 3 loop
        begin
            perform pgscore._replace_profile(
                profile, array(select t.model from pgscore._scored_tables() t where t.profile = _generate_profile.profile)
            );
            return;
        exception
            -- Somebody else replaces the same functions: "tuple concurrently updated" is an internal error.
            when lock_not_available or unique_violation or internal_error then
                if attempt = 3 and to_regprocedure(format('pgscore._score_rows(text, %s[])', profile)) is null then
                    raise;
                end if;
        end;
    end loop;
    -- What stands there is slow at worst.
end
$$;

comment on function pgscore._generate_profile(regclass) is
    'Generates the functions for rows of a table anew, from the models that score it; what is right stays as it is';

grant execute on function pgscore._generate_profile(regclass) to pgscore_reader;

create or replace function pgscore._outdated_profiles(model text default null) returns table (model text, profile regclass)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select m.name, t.profile
    from pgscore._scored_tables() t
    join pgscore.model m on m.name = t.model
    join pg_catalog.pg_class c on c.oid = t.profile
    where (m.name = _outdated_profiles.model or _outdated_profiles.model is null)
        and case
            when m.serving is null then false
            -- Without it not even the names of functions are found.
            when has_schema_privilege(c.relnamespace, 'usage') then exists (
                select from pgscore._profile_functions(m.name, t.profile) f where not pgscore._is_generated(f)
                union all
                select from pgscore._profile_dispatch(t.profile) f where not pgscore._is_generated(f)
            )
            else true
        end
    order by m.name, t.profile::text
$$;

-- core/functions/ties.sql
-- Giving a table to a model to score, and taking it away: with the caller's rights, who may read the table.

create or replace function pgscore._add_profile(model text, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    kind constant "char" := (select c.relkind from pg_catalog.pg_class c where c.oid = profile);
begin
    if kind is null then
        raise exception 'the table that model "%" is to score was dropped', model using errcode = 'undefined_table';
    elsif kind not in ('r', 'p', 'v', 'm', 'f') then
        raise exception '% is no table', profile using errcode = 'wrong_object_type';
    elsif pgscore._is_readable(profile) is null then
        raise exception 'table % is temporary or the system''s: its rows are scored without functions of their own', profile
            using errcode = 'wrong_object_type';
    elsif not pgscore._is_readable(profile) then
        raise exception '% may not read table %, and so has no model score its rows', current_user, profile
            using errcode = 'insufficient_privilege', hint = format('grant select on %s to %I', profile, current_user);
    end if;
    insert into pgscore.model_profile (model, profile, schema_name, table_name)
    select _add_profile.model, c.oid, n.nspname, c.relname
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = _add_profile.profile
    on conflict do nothing;
    perform pgscore._generate_profile(profile);
end
$$;

create or replace function pgscore._restore_models() returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    perform pgscore._lock_releases();
    perform pgscore._compile_program(p.model, p.version) from pgscore.program p;
    perform pgscore._serve(m.name, m.serving, m.engine, m.one_engine, m.many_engine)
    from pgscore.model m
    where m.serving is not null;
end
$$;

-- core/functions/regenerate.sql
-- What a migration calls that changes a generator: nothing that an older release has generated stays.

create or replace function pgscore._regenerate_models(recompile boolean default false) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    one record;
    problem text;
begin
    -- No promotion comes between.
    perform pgscore._lock_releases();
    if recompile then
        perform pgscore._create_scorer(v.model, v.version, p.program, (v.contract #>> '{output,positive}')::integer)
        from pgscore.model_version v join pgscore.program p on p.model = v.model and p.version = v.version
        -- Those that have functions: neither too large a program, nor one that was pruned.
        where exists (
            select from pg_catalog.pg_proc f
            where f.pronamespace = 'pgscore_models'::regnamespace
                and 'pgscore_models.' || quote_ident(f.proname) = pgscore._scorer_name(v.model, v.version)
        );
    end if;
    perform pgscore._create_function(f) from pgscore.model m, pgscore._model_functions(m.name) f where m.serving is not null;
    perform pgscore._create_function(f) from pgscore._payload_dispatch() f;
    for one in
        select t.profile, array_agg(t.model order by t.model) as models from pgscore._scored_tables() t group by t.profile order by t.profile::oid
    loop
        problem := pgscore._replace_quietly(one.profile, one.models);
        if problem is not null then
            raise warning 'the functions for rows of table % could not be replaced: %', one.profile, problem
                using hint = format('select pgscore._generate_profile(%L)', one.profile);
        end if;
    end loop;
end
$$;

-- core/binding/fill.sql
create or replace function pgscore._fill(template text, parts jsonb) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    filled text := '';
    line text;
    piece text;
    part text;
    margin text;
    is_only boolean;
begin
    if template is null then
        return null;
    end if;
    -- Without a backslash, which a session may have read otherwise. In one pass: what a part brings along is never looked at again. A part of several lines keeps the margin of its
    -- place, and a line of which nothing but an empty part would be left goes.
    foreach line in array string_to_array(trim(both e'\n' from template), e'\n') loop
        is_only := line ~ '^ *[{][{][a-z_0-9]+[}][}]$';
        margin := substring(line from '^ *');
        part := null;
        for piece in select p[1] from regexp_matches(line, '[{][{][a-z_0-9]+[}][}]|(?:(?![{][{][a-z_0-9]+[}][}]).)+', 'g') p loop
            if piece ~ '^[{][{][a-z_0-9]+[}][}]$' then
                if not parts ? trim(both '{}' from piece) then
                    raise exception 'a template asks for %, which nothing fills', piece using errcode = 'internal_error';
                end if;
                piece := replace(parts ->> trim(both '{}' from piece), e'\n', e'\n' || margin);
            end if;
            part := concat(part, piece);
        end loop;
        if not is_only or part <> margin then
            filled := concat(filled, part, e'\n');
        end if;
    end loop;
    return rtrim(filled, e'\n');
end
$$;

create or replace function pgscore._primary_key(relation regclass) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(a.attname order by k.ordinal)
    from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
    join pg_catalog.pg_attribute a on a.attnum = k.number
    where i.indrelid = relation and i.indisprimary and a.attrelid = relation and k.ordinal <= i.indnkeyatts
$$;

create or replace function pgscore._partitions(relation regclass) returns setof regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Statement triggers of a parent do not fire for rows that go into a partition directly, and those of both do not
    -- fire twice for one statement.
    select relation
    union
    select p.relid from pg_catalog.pg_partition_tree(relation) p
$$;

create or replace function pgscore._bindings_of(profile regclass) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.* from pgscore.binding b
    where b.profile = _bindings_of.profile and exists (select from pg_catalog.pg_class c where c.oid = b.events)
    order by b.number
$$;

create or replace function pgscore._targets_of(profile regclass) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A model that several bindings name is asked once; the first of them stands for it.
    select distinct on (b.model) b.* from pgscore._bindings_of(profile) b order by b.model, b.number
$$;

create or replace function pgscore._reducers_of(b pgscore.binding) returns setof pgscore.reducer_sql
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select r.*
    from jsonb_array_elements(b.reducers) with ordinality as e (reducer, ordinal),
        pgscore._reducer(e.reducer, e.ordinal::integer, b.events, b.profile, b.event_key) as r
    order by e.ordinal
$$;

create or replace function pgscore._move_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
{{every}}
serving := exists (select from pgscore.model m where m.name = any ({{models}}) and m.serving is not null);
for item in
    select
        pgscore_row as profile,
        -- Who recounted must meet who counts at the same time with an older snapshot, even if nothing changed.
        {{forced}} as forced,
        -- Rows that no model has scored yet are scored where they are new, or all is counted.
        here.serving and ({{counted}}) and ({{unscored}}) as unscored{{values}}
    from unnest(here.locked) as pgscore_row
    {{joins}}
    where {{bound}}
loop
    one := item.profile;
    {{assignments}}
    {{filled}}
    touched := item.forced or one operator(pg_catalog.*<>) item.profile;
    if touched or item.unscored then
        moved := array_append(moved, one);
        changed := array_append(changed, touched);
    end if;
end loop;
$template$ $function$;

create or replace function pgscore._ask_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    select s.scores, s.version, s.reasons into answer from pgscore._score_rows({{model}}, here.moved[here.first : here.first + here.size - 1]) s;
exception
    when transaction_rollback then raise;
    when others then failure := sqlerrm;
end;
$template$ $function$;

create or replace function pgscore._score_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
<<scored>>
declare
    answer double precision[];
    alone record;
    reason text;
begin
    -- What can fail is apart from what writes: a block that only reads costs no transaction id. A conflict of
    -- transactions is no failure of the model.
    begin
        {{filled}}
        -- Where a counter has moved the model is asked, without the price of finding out what else has changed.
        if new.{{score}} is null or {{moved}} then
            answer := case when {{bound}} then pgscore._rescore({{model}}, null::{{profile}}, {{row}}, true) end;
        else
            answer := case when {{bound}} then pgscore._rescore({{model}}, old, {{row}}, false) end;
        end if;
        if answer is not null then
            if answer[1] is null then
                -- Refused, or not known to this session yet.
                select s.scores, s.version, s.reasons into alone from pgscore._score_rows({{model}}, array[{{row}}]) s;
                answer := array[alone.scores[1], alone.version];
                reason := alone.reasons[1];
            end if;
        end if;
    exception
        when transaction_rollback then raise;
        when others then reason := sqlerrm;
    end;
    if reason is not null then
        {{refused}}
    elsif answer is not null then
        new.{{score}} := answer[1];
        {{version}}
        {{scored_at}}
        -- The list is empty but for bad days, and an empty table is told apart sooner than searched.
        if pg_relation_size('pgscore.stale_row') > 0 then
            delete from pgscore.stale_row s where s.binding = {{number}} and s.key = {{key_text}} and s.cause = 'score';
        end if;
        {{log}}
    end if;
end;
$template$ $function$;

create or replace function pgscore._lost_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        format(
            e'exists (\n    select from unnest(here.work) w\n    where w.pgscore_binding = %s and %s and hashtext(%s) & 63 <> all (here.slots) and %s\n'
            '        and not exists (select from unnest(here.locked) as p where %s)\n)',
            b.number, pgscore._present_sql(b.profile_key, 'w'), pgscore._key_text_sql(b.profile_key, 'w'),
            pgscore._bound_sql(_lost_sql.profile), pgscore._match_sql(b.profile_key, 'p', b.profile_key, 'w')
        ), e'\nor ' order by b.number
    )
    from pgscore._bindings_of(profile) b
$$;

create or replace function pgscore._meet_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._meet_template(), jsonb_build_object(
        'arrival', min(pgscore._profile_object(b, 'arrival')),
        'slots', string_agg(
            format(
                e'select hashtext(%s) & 63 from unnest(here.work) w\nwhere w.pgscore_binding = %s and %s\n'
                '    and (w.pgscore_task in (''arrive'', ''rekey'') or not exists (select from %s p where %s))',
                pgscore._key_text_sql(b.profile_key, 'w'), b.number, pgscore._present_sql(b.profile_key, 'w'), b.profile,
                pgscore._match_sql(b.profile_key, 'p', b.profile_key, 'w')
            ), e'\nunion\n' order by b.number
        )
    ))
    from pgscore._bindings_of(profile) b
$$;

create or replace function pgscore._lock_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._lock_template(), jsonb_build_object(
        'profile', profile, 'order', pgscore._row_order_sql(profile, 'pgscore_row'),
        'touched', string_agg(
            format(
                '(%s) %s(select %s from unnest(here.work) w where w.pgscore_binding in (%s))%s',
                pgscore._columns_sql(k.profile_key, 'pgscore_row'), case cardinality(k.profile_key) when 1 then '= any (array' else 'in ' end,
                pgscore._columns_sql(k.profile_key, 'w'), k.numbers, case cardinality(k.profile_key) when 1 then ')' else '' end
            ), e'\nor ' order by k.numbers
        )
    ))
    from (
        select b.profile_key, string_agg(b.number::text, ', ' order by b.number) as numbers
        from pgscore._bindings_of(_lock_sql.profile) b group by 1
    ) k
$$;

create or replace function pgscore._move_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Not row(...)::profile, which an added column would break.
    select pgscore._fill(pgscore._move_template(), jsonb_build_object(
        'every', string_agg(
            format(
                'every_%1$s := exists (select from unnest(here.work) w where w.pgscore_binding = %1$s and w.pgscore_task = ''recount all'');', b.number
            ), e'\n' order by b.number
        ),
        'models', format('%L::text[]', array(select t.model from pgscore._targets_of(_move_sql.profile) t)),
        'forced', coalesce(
            string_agg(
                format('coalesce((%2$s or here.every_%1$s) and r%1$s.any_event is not false, false)', b.number, pgscore._touched_sql(b)),
                ' or ' order by b.number
            ) filter (where c.recounts), 'false'
        ),
        'counted', string_agg(format('here.every_%1$s or coalesce(w%1$s.pgscore_absolute, false)', b.number), ' or ' order by b.number),
        'unscored', (select string_agg(format('pgscore_row.%I is null', t.score), ' or ') from pgscore._targets_of(_move_sql.profile) t),
        'values', string_agg(c.columns, '' order by b.number),
        'joins', string_agg(pgscore._work_join_sql(b), e'\n' order by b.number),
        'assignments', string_agg(c.assignments, e'\n' order by b.number),
        'filled', pgscore._fill_generated_sql(_move_sql.profile, 'here.one'),
        'bound', pgscore._bound_sql(_move_sql.profile)
    ))
    from pgscore._bindings_of(profile) b,
        lateral (
            select
                bool_or(r.kind <> 'add') as recounts,
                string_agg(format(e',\n%s as moved_%s_%s', pgscore._moved_value_sql(b, r), b.number, r.ordinal), '' order by r.ordinal) as columns,
                string_agg(format('one.%I := item.moved_%s_%s;', r.target, b.number, r.ordinal), e'\n' order by r.ordinal) as assignments
            from pgscore._reducers_of(b) r
        ) c
$$;

create or replace function pgscore._score_many_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    parts constant jsonb := jsonb_build_object(
        'number', b.number, 'model', quote_literal(b.model), 'binding', quote_literal(b.name), 'abort_hint', quote_literal(pgscore._abort_hint()),
        'profile', quote_literal(b.profile), 'key_text', pgscore._key_text_sql(b.profile_key, 'm'), 'bound', pgscore._bound_sql(b.profile),
        'known', pgscore._known_sql(b)
    );
    ask text := pgscore._fill(pgscore._ask_many_template(), parts);
begin
    if b.max_scoring_ms is not null then
        ask := pgscore._fill(pgscore._ask_in_time_template(), jsonb_build_object(
            'ask', ask, 'limit', format('interval %L', b.max_scoring_ms || ' milliseconds'),
            'late', quote_literal(format('scoring took longer than the binding''s max_scoring_ms, %s', b.max_scoring_ms))
        ));
    end if;
    return pgscore._fill(pgscore._score_many_template(), parts || jsonb_build_object(
        'ask', ask, 'starts', case when b.max_scoring_ms is not null then 'began := clock_timestamp();' end,
        'refused', pgscore._fill(case b.on_error when 'abort' then pgscore._abort_many_template() else pgscore._keep_many_template() end, parts),
        'log', case when b.log then pgscore._fill(pgscore._log_many_template(), parts) end
    ));
end
$$;

create or replace function pgscore._apply_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from pgscore._function_sql(
        format('%s(given %s[])', pgscore._profile_object(b, 'apply'), pgscore._profile_object(b, 'queue')), 'void', 'plpgsql volatile set plan_cache_mode = auto set jit = off',
        pgscore._fill(pgscore._apply_template(), jsonb_build_object(
            'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'), 'recounted', pgscore._recounted_sql(),
            'declared', (
                select string_agg(format('every_%s boolean;', o.number), e'\n' order by o.number)
                    || case when bool_or(o.on_missing = 'error') then e'\nmissing text;' else '' end
                    || case when bool_or(o.on_missing = 'insert') then format(e'\nkept %s[];\nmade boolean;', pgscore._profile_object(b, 'queue')) else '' end
                from pgscore._bindings_of(b.profile) o
            ) || (
                select case when bool_or(t.max_scoring_ms is not null) then e'\nbegan timestamptz;' else '' end || string_agg(
                    format(e'\nnames_%1$s text[];\nscores_%1$s double precision[];\nversions_%1$s integer[];\nreasons_%1$s text[];', t.number), ''
                    order by t.number
                )
                from pgscore._targets_of(b.profile) t
            ),
            'missing', (select string_agg(pgscore._missing_sql(o), e'\n' order by o.number) from pgscore._bindings_of(b.profile) o),
            'meet', pgscore._meet_sql(b.profile), 'lock', pgscore._lock_sql(b.profile), 'lost', pgscore._lost_sql(b.profile),
            'move', pgscore._move_sql(b.profile), 'update', pgscore._update_sql(b.profile, pgscore._profile_object(b, 'queue'))
        )),
        format('moves counters of %s and stores scores, in one UPDATE', b.profile), b.owner
    ) s
$$;

-- core/binding/generating/profiles.sql
create or replace function pgscore._score_one_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    counters constant name[] := array(
        select distinct r ->> 'column' from pgscore._bindings_of(b.profile) o, jsonb_array_elements(o.reducers) r order by 1
    );
    key_text constant text := pgscore._key_text_sql(b.profile_key, 'new');
    told constant jsonb := jsonb_build_object(
        'number', b.number, 'model', quote_literal(b.model), 'binding', quote_literal(b.name), 'abort_hint', quote_literal(pgscore._abort_hint()),
        'key_text', key_text,
        -- A copy of a schema has the functions, and may stand where the number is another binding's, or nobody's.
        'known', format('b.number = %s and b.profile = %s', b.number, case when pgscore._is_partitioned(b.profile) then 'pg_partition_root(tg_relid)' else 'tg_relid' end)
    );
begin
    return pgscore._fill(pgscore._score_one_template(), jsonb_build_object(
        'number', b.number, 'profile', b.profile, 'model', quote_literal(b.model), 'key_text', key_text,
        -- What is computed when the row is stored is computed here before, and what stands here then is not looked at.
        'filled', pgscore._fill_generated_sql(b.profile, 'new'), 'row', 'new',
        'score', quote_ident(b.score), 'moved', pgscore._changed_sql(counters), 'bound', pgscore._bound_sql(b.profile),
        'refused', pgscore._fill(case b.on_error when 'abort' then pgscore._abort_one_template() else pgscore._keep_one_template() end, told),
        'version', format('new.%s := answer[2];', quote_ident(b.version)), 'scored_at', format('new.%s := now();', quote_ident(b.scored_at)),
        'log', case when b.log then pgscore._fill(pgscore._log_one_template(), told) end
    ) || case when b.version is null then '{"version": null}' else '{}'::jsonb end
      || case when b.scored_at is null then '{"scored_at": null}' else '{}'::jsonb end);
end
$$;

create or replace function pgscore._columns_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._virtual_column_problem(b),
        (
            select format('model "%s" already scores table %s into column "%s": name the same columns', o.model, b.profile, o.score)
            from pgscore._targets_of(b.profile) o
            where o.model = b.model and o.number is distinct from b.number
                and (o.score, o.version, o.scored_at) is distinct from (b.score, b.version, b.scored_at)
        ),
        -- Each column has one meaning.
        (
            select format('column "%s" of table %s would have two meanings', c.name, b.profile)
            from (
                select r ->> 'column' as name from jsonb_array_elements(b.reducers) r
                union all select n from unnest(array[b.score, b.version, b.scored_at] || b.profile_key) n where n is not null
                union all
                select k from unnest(coalesce(pgscore._primary_key(b.profile), '{}')) k where k <> all (b.profile_key)
                union all
                select r ->> 'column'
                from pgscore._bindings_of(b.profile) o, jsonb_array_elements(o.reducers) r where o.number is distinct from b.number
                union all
                select n from pgscore._targets_of(b.profile) o, unnest(array[o.score, o.version, o.scored_at]) n
                where n is not null and o.model <> b.model
            ) c
            group by c.name having count(*) > 1
            order by c.name limit 1
        )
    )
$$;

-- core/binding/generate.sql
create or replace function pgscore._leftover_triggers(b pgscore.binding) returns table (name name, relation regclass)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema brings triggers along, a renamed table keeps them, and so does a partition that was detached:
    -- what no binding accounts for would count a second time.
    with wanted as (
        select r.relation, t.name
        from pgscore.binding o, pgscore._partitions(o.events) as r (relation),
            unnest(array['insert', 'update', 'delete', 'row', 'truncate']) as w (what),
            lateral (select substr(o.event_prefix::text || '_' || w.what, 2) as name) t
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.events)
        union all
        select r.relation, t.name
        from pgscore.binding o, pgscore._partitions(o.profile) as r (relation),
            unnest(array['~pgscore_score', 'pgscore_arrive', 'pgscore_forget', 'pgscore_forget_all', 'pgscore_rekey']) as t (name)
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.profile)
    )
    select t.tgname, t.tgrelid::regclass
    from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid join pg_catalog.pg_class c on c.oid = t.tgrelid
    where c.relowner = b.owner and t.tgname ~ '^~?pgscore_' and p.proname ~ '^_pgscore_' and not t.tgisinternal
        -- Of other tables only such as were partitions of these.
        and (
            c.oid in (b.events, b.profile)
            or p.oid in (select g.tgfoid from pg_catalog.pg_trigger g where g.tgrelid in (b.events, b.profile))
        )
        and not exists (select from wanted w where w.relation = t.tgrelid and w.name = t.tgname)
$$;

drop function pgscore._generate_profile(profile regclass, only_model text);

drop function pgscore._keys_of(profile regclass);

drop function pgscore._move_light_template();

drop function pgscore._move_each_template();

drop function pgscore._deltas_join_template();

drop function pgscore._ask_only_template();

drop function pgscore._ask_among_template();

drop function pgscore._move_each_sql(profile regclass);

drop function pgscore._deltas_join_sql(profile_key name[], name text, bindings pgscore.binding[]);

drop function pgscore._move_light_sql(profile regclass);

-- What promotions have generated, anew.
select pgscore._regenerate_models(recompile => true);

-- core/become_oneself.sql
reset search_path;

reset role;
