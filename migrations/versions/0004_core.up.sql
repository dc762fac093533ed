-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

create function pgscore._column_expression(
    wanted text, type oid, modifier integer, reference text, out expression text, out compared text
)
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    base regtype := type;
    kind "char";
    category "char";
    is_domain boolean := false;
begin
    loop
        select t.typtype, t.typcategory into kind, category from pg_catalog.pg_type t where t.oid = base;
        exit when kind <> 'd';
        is_domain := true;
        select t.typbasetype, t.typtypmod into base, modifier from pg_catalog.pg_type t where t.oid = base;
    end loop;
    -- Of numeric: as PostgreSQL keeps precision and scale.
    modifier := modifier - 4;
    if wanted = 'text' and base = 'character'::regtype then
        -- Padded, as drivers hand it over; the cast would trim it.
        expression := format('pg_catalog.textin(pg_catalog.bpcharout(%s))', reference);
    elsif wanted = 'text' and category = 'E' and is_domain then
        expression := format('case when %1$s is not null then pg_catalog.concat(%1$s) end', reference);
    elsif wanted = 'text' and category = 'E' then
        -- Not by a cast: the type's owner may have made one.
        expression := format('pg_catalog.textin(pg_catalog.enum_out(%s))', reference);
    elsif wanted = 'text' and category = 'S' then
        expression := reference || '::pg_catalog.text';
    elsif wanted = 'boolean' and category = 'B' then
        expression := reference || '::pg_catalog.int4::pg_catalog.float8';
    elsif wanted = 'double precision' and base = 'real'::regtype then
        expression := format('pgscore._real(%s)', reference);
        compared := reference || '::pg_catalog.float8';
    elsif wanted = 'double precision' and base = 'numeric'::regtype and not (
        modifier >= 0
        -- Digits before the point, and behind it; the scale has a sign from PostgreSQL 15 on.
        and (modifier >> 16) - (((modifier & 2047) # 1024) - 1024) <= 308
        and (((modifier & 2047) # 1024) - 1024) <= 323
    ) then
        expression := format('pgscore._number(%s)', reference);
    elsif wanted = 'double precision' and base in (
        'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'double precision'::regtype
    ) then
        expression := reference || '::pg_catalog.float8';
    end if;
    -- Texts by their bytes: a model tells apart what a collation may hold for equal.
    compared := case wanted when 'text' then format('(%s) collate pg_catalog."C"', expression) else coalesce(compared, expression) end;
end
$$;

comment on function pgscore._column_expression(text, oid, integer, text) is
    'SQL for an input of that type of a contract, read from a column of a type and its modifier, and SQL to compare two of them by; NULL where the type cannot serve';

create or replace function pgscore._profile_column(
    profile regclass, input jsonb, source text,
    out expression text, out compared text, out sqlstate text, out message text, out hint text
)
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant text := input ->> 'type';
    found_column record;
begin
    select a.attname, a.atttypid, a.atttypmod into found_column
    from pg_catalog.pg_attribute a
    where a.attrelid = profile and a.attname = input ->> 'name' and a.attnum > 0 and not a.attisdropped;
    if not found then
        sqlstate := '42703';
        message := format('table %s has no column "%s", which the model reads', profile, input ->> 'name');
        return;
    end if;
    select e.* into expression, compared
    from pgscore._column_expression(
        wanted, found_column.atttypid, found_column.atttypmod, source || '.' || quote_ident(found_column.attname)
    ) e;
    if expression is null then
        sqlstate := '42804';
        message := format(
            'column "%s" of table %s is of type %s, which cannot serve as %s', input ->> 'name', profile,
            format_type(found_column.atttypid, found_column.atttypmod), wanted
        );
        hint := 'Fit the model on the column as it is, or name a view or table that has the type it wants.';
    end if;
end
$$;

grant execute on function
    pgscore._column_expression(text, oid, integer, text), pgscore._profile_column(regclass, jsonb, text),
    pgscore._profile_problem(regclass, jsonb)
    to pgscore_reader;

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
    estimator record;
begin
    perform pgscore._refuse_misfit(model, t.typelem) from pg_catalog.pg_type t where t.oid = pg_typeof(profiles);
    select m.serving, v.digest, v.contract -> 'inputs' as inputs into estimator
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _late_rows.model and m.many_engine = 'estimator';
    if found then
        -- All at once; arrays without elements cannot be put together.
        return (
            select pgscore._estimate(
                model, estimator.serving, estimator.digest, count(*)::integer,
                array_agg(s.numbers order by s.ordinal) filter (where cardinality(s.numbers) > 0),
                array_agg(s.texts order by s.ordinal) filter (where cardinality(s.texts) > 0)
            )
            from (
                select p.ordinal, pgscore._payload_numbers(estimator.inputs, p.payload) as numbers,
                    pgscore._payload_texts(estimator.inputs, p.payload) as texts
                from (
                    select row_number() over () as ordinal, to_jsonb(p) as payload from unnest(profiles) as p
                ) p
            ) s
        );
    end if;
    select max((s.given).version), array_agg((s.given).scores[1]), array_agg((s.given).reasons[1])
    into answer
    from (select pgscore._scored(model, to_jsonb(p)) as given from unnest(profiles) as p offset 0) s;
    return case when answer.version is not null then answer end;
end
$$;

-- core/engine/_estimate.sql
-- Numbers of many rows travel as one value in binary, which PL/Python hands to numpy as it is. An array has each of them
-- made an object of Python's.
create function pgscore._ask_estimator(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    content bytea;
begin
    -- A plpython branch of an older release has no function that takes them so.
    if rows = 1 or to_regprocedure('pgscore_trusted._estimate_rows(text, integer, bytea, text[], boolean)') is null then
        select e.scores, e.reasons into scores, reasons
        from pgscore_trusted._estimate(digest, rows, numbers, texts, every) e;
        return;
    end if;
    content := array_send(numbers);
    if get_byte(content, 7) = 1 then
        -- NULL would take no room: NaN stands for it, as it does for PL/Python.
        content := array_send(array(
            select coalesce(n.number, 'NaN') from unnest(numbers) with ordinality as n (number, ordinal) order by n.ordinal
        ));
    end if;
    select e.scores, coalesce(e.reasons, array_fill(null::text, array[rows])) into scores, reasons
    from pgscore_trusted._estimate_rows(digest, rows, content, texts, every) e;
end
$$;

comment on function pgscore._ask_estimator(text, integer, double precision[], text[], boolean) is
    'Hands rows to PL/Python, to be scored with a version that this backend has loaded; NULL where it has not';

-- Parallel workers would each import scikit-learn for some seconds: restricted, although it would be safe.
create or replace function pgscore._estimate(
    model text, version integer, digest text, rows integer, numbers double precision[], texts text[],
    every boolean default false
) returns pgscore.scored
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    answer record;
begin
    if to_regnamespace('pgscore_trusted') is null then
        perform pgscore._load(model, version);  -- says what is missing
    end if;
    answer := pgscore._ask_estimator(digest, rows, numbers, texts, every);
    if answer.scores is null then
        perform pgscore._load(model, version);
        answer := pgscore._ask_estimator(digest, rows, numbers, texts, every);
        if answer.scores is null then
            raise exception 'model "%" version % cannot be loaded: it is not what its digest says', model, version
                using errcode = 'data_corrupted', hint = 'Publish the model again from its source.';
        end if;
    end if;
    return (version, answer.scores, answer.reasons)::pgscore.scored;
end
$$;

create function pgscore._estimate_row(
    model text, version integer, digest text, numbers double precision[], texts text[], every boolean default false
) returns pgscore.scored
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    answer constant pgscore.scored := pgscore._estimate(model, version, digest, 1, numbers, texts, every);
begin
    -- In a statement of its own: an older plpython branch does not have it.
    if to_regprocedure('pgscore_trusted._count_row(double precision)') is not null then
        if pgscore_trusted._count_row(extract(epoch from statement_timestamp())::double precision) then
            raise notice 'model "%" is no program: this query has it score one row after the other, which takes hundreds of times as long as many at once', model
                using hint = format('select * from pgscore.score_rows(%L, ''select ...'')', model);
        end if;
    end if;
    return answer;
end
$$;

comment on function pgscore._estimate_row(text, integer, text, double precision[], text[], boolean) is
    'The estimator engine for a row of a query; says once in a session how many rows are scored together';

grant execute on function pgscore._estimate_row(text, integer, text, double precision[], text[], boolean) to pgscore_reader;

create function pgscore._present_arguments(inputs jsonb, arguments text[]) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        case i.input ->> 'type' when 'text' then a.argument else format('coalesce(%s, ''NaN''::pg_catalog.float8)', a.argument) end
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    join unnest(arguments) with ordinality as a (argument, ordinal) using (ordinal)
$$;

comment on function pgscore._present_arguments(jsonb, text[]) is
    'SQL for each input of a contract, with NaN in the place of a number that is NULL: arrays without NULL travel faster';

create or replace function pgscore._engine_call(
    engine text, model text, version integer, arguments text[], every boolean default false,
    ordinary boolean[] default null, manner text default null
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
    split record;
    call text;
begin
    select
        v.digest, v.contract -> 'inputs' as inputs, v.contract #>> '{output,kind}' as kind,
        (v.contract #>> '{output,positive}')::integer as positive, p.program, p.digest as program_digest
    into strict described
    from pgscore.model_version v left join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _engine_call.model and v.version = _engine_call.version;
    select * into split from pgscore._split_arguments(described.inputs, arguments);
    if engine = 'estimator' and manner in ('query', 'scan') then
        return format(
            '(pgscore._estimate_row(%L, %s, %L, %s, %s, %s)).scores%s', model, version, described.digest,
            split.numbers, split.texts, every::text, case when every then '' else '[1]' end
        );
    elsif engine = 'estimator' then
        return format(
            '(pgscore._estimate(%L, %s, %L, 1, %s, %s, %s)).scores%s', model, version, described.digest,
            split.numbers, split.texts, every::text, case when every then '' else '[1]' end
        );
    elsif engine = 'sql' and not every and ordinary is not null and manner = 'scan' then
        return pgscore._scan_call_typed_sql(
            model, version, described.program, described.positive, arguments, ordinary
        );
    elsif engine = 'sql' and not every and ordinary is not null then
        return pgscore._scorer_call_typed_sql(
            model, version, described.program, described.positive, arguments, ordinary, case manner when 'walk' then 'w' else 'b' end
        );
    elsif engine = 'sql' and manner = 'inlined' and pgscore._is_apart(described.program) then
        call := format('%s(%s)', pgscore._scorer_name(model, version, 'e'), array_to_string(arguments, ', '));
    elsif engine = 'sql' then
        call := pgscore._scorer_call_sql(model, version, cardinality(arguments), arguments, every);
    elsif every then
        call := format(
            'pgscore._interpret_outputs(%L, %s, %L, %s, %s)', model, version, described.program_digest,
            split.numbers, split.texts
        );
    elsif manner = 'apart' then
        call := format(
            'pgscore._interpret(%L, %s, %L, %s, %s, %s)', model, version, described.program_digest,
            coalesce(described.positive, 0), split.numbers, split.texts
        );
    elsif manner in ('walk', 'brief') then
        -- Half the expression: to set it up, in each transaction anew, costs as much as to walk the program.
        call := format(
            case manner when 'walk' then '%s' else 'pgscore._known(%s)' end,
            format(
                'pgscore_trusted._walk(%L, %s, %s, %s)', described.program_digest, coalesce(described.positive, 0),
                split.numbers, split.texts
            )
        );
    else
        -- NaN: this backend does not have the program yet. NULL as well takes the way through plpgsql, which most rows
        -- are spared.
        call := format(
            'coalesce(pgscore._known(pgscore_trusted._walk(%3$L, %4$s, %5$s, %6$s)),'
                ' pgscore._interpret(%1$L, %2$s, %3$L, %4$s, %5$s, %6$s))',
            model, version, described.program_digest, coalesce(described.positive, 0), split.numbers, split.texts
        );
    end if;
    return case
        when every then format('pgscore._with_label(%s, %L, %L)', call, described.kind, described.program ->> 'tie')
        else call
    end;
end
$$;

comment on function pgscore._engine_call(text, text, integer, text[], boolean, boolean[], text) is
    'SQL that scores a row with one engine of a version, its inputs given as SQL; with every, all outputs and the position of the label. Of the interpreter walk names what may answer NaN, and brief what may answer NULL, where this session has to read the program first; apart names nothing outside of pgscore. Of sql walk needs no plan, scan is for many rows, query for one of a query, and inlined sets the expression up in each statement, as sessions do in each transaction';

create or replace function pgscore._lasting_call(
    first_engine text, one_engine text, model text, version integer, arguments text[], every boolean default false
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if first_engine = one_engine then
        return pgscore._engine_call(one_engine, model, version, arguments, every, manner => 'query');
    end if;
    -- Queries count nothing, since what is counted cannot be in parallel workers; they follow what a binding has counted.
    return format(
        E'case when pgscore._can_interpret()\n    then %s\n    else %s\nend',
        pgscore._engine_call(one_engine, model, version, arguments, every, manner => 'apart'),
        pgscore._engine_call(first_engine, model, version, arguments, every)
    );
end
$$;

create or replace function pgscore._rows_statement(model text, version integer, inputs jsonb, engine text, profile regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    row_arguments constant text[] := pgscore._profile_arguments(profile, inputs, 'pgscore_row');
    -- The table's number makes the plan depend on it: a change of its columns reaches the plans of open sessions.
    depending constant text := format('where pg_typeof(%L::regclass) is not null', profile::oid);
    each_row constant text := ') from unnest($1) as pgscore_row ' || depending || ')';
    split record;
begin
    if engine = 'estimator' then
        split := pgscore._split_arguments(inputs, pgscore._present_arguments(inputs, row_arguments));
        return format(
            'return pgscore._estimate(%L, %s, %L, cardinality($1), %s, %s);', model, version,
            (
                select v.digest from pgscore.model_version v
                where v.model = _rows_statement.model and v.version = _rows_statement.version
            ),
            coalesce('(select array_agg(' || nullif(split.numbers, 'null') || each_row, 'null'),
            coalesce('(select array_agg(' || nullif(split.texts, 'null') || each_row, 'null')
        );
    end if;
    -- A scan of an array is in its order; the subquery keeps each score from being computed twice; a reason is asked for
    -- only where there is no score.
    split := pgscore._split_arguments(inputs, pgscore._profile_arguments(profile, inputs, '(s.pgscore_row)'));
    return format(
        'return (
            select (%s, array_agg(s.score), array_agg(
                case when s.score is null then pgscore._reason(%L, %s, %s, %s) end
            ))::pgscore.scored
            from (select %s as score, pgscore_row from unnest($1) as pgscore_row offset 0) s
            %s
        );',
        version, model, version, split.numbers, split.texts,
        pgscore._engine_call(engine, model, version, row_arguments), depending
    );
end
$$;

-- core/functions/dependents.sql
-- What holds a score. PostgreSQL inlines a score to an immutable expression, and so lets it into indexes and the like.
-- What is stored there is of the version that answered, and a promotion makes it wrong. This reads the catalog, and
-- evaluates nothing of anybody's. Expressions are looked at as PostgreSQL keeps them: to have them written out would
-- lock tables.

create or replace function pgscore._answers() returns table (called oid, model text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Functions of one version, "churn 7" and its kind, stay what they are.
    select p.oid, split_part(p.proname, ' ', 1)
    from pg_catalog.pg_proc p
    where p.pronamespace = to_regnamespace('pgscore_models') and split_part(p.proname, ' ', 2) !~ '^[0-9]'
    union all
    select p.oid, null
    from pg_catalog.pg_proc p
    where p.pronamespace = 'pgscore'::regnamespace
        and p.proname in (
            'score', 'predict', 'score_rows', '_scored', '_score_row', '_score_rows', '_rescore', '_late_score',
            '_late_rows', '_late_rescore'
        )
$$;

create or replace function pgscore._written_models(body text, path text) returns setof text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select distinct f.found[1]
    from (
        select regexp_matches(
            body,
            case when path ~ 'pgscore' then E'(?:pgscore\\s*\\.\\s*|\\m)' else E'pgscore"?\\s*\\.\\s*' end
                || E'"?(?:score|predict|score_rows|_scored|_score_rows?|_rescore)"?\\s*\\('
                || E'(?:\\s*(?:model\\s*(?:=>|:=)\\s*)?''([a-z_][a-z0-9_]*)''(?:\\s*::\\s*text)?\\s*,)?',
            'gi'
        )
        union all
        select array[split_part(coalesce(m.found[1], m.found[2]), ' ', 1)]
        from regexp_matches(body, E'pgscore_models"?\\s*\\.\\s*(?:"([^"]+)"|([a-z_][a-z0-9_]*))', 'gi') as m (found)
        where split_part(coalesce(m.found[1], m.found[2]), ' ', 2) !~ '^[0-9]'
    ) f (found)
$$;

-- core/bulk/source.sql
-- What is to be scored: the columns of a table or of a query.

create function pgscore._table_columns(source regclass) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_agg(jsonb_build_object('name', a.attname, 'type', a.atttypid, 'modifier', a.atttypmod) order by a.attnum)
    from pg_catalog.pg_attribute a
    where a.attrelid = source and a.attnum > 0 and not a.attisdropped
$$;

comment on function pgscore._table_columns(regclass) is 'The columns of a table, in its order: name, type and the type''s modifier of each';

create function pgscore._described_columns(columns jsonb) returns table (place bigint, name text, type oid, modifier integer)
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select c.ordinal, c.described ->> 'name', (c.described ->> 'type')::oid, (c.described ->> 'modifier')::integer
    from jsonb_array_elements(columns) with ordinality as c (described, ordinal)
$$;

comment on function pgscore._described_columns(jsonb) is 'What is known of each column: its position, name, type and the type''s modifier';

create function pgscore._aliases_sql(columns integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- By position: a query may give two columns one name.
    select string_agg('c' || i, ', ' order by i) from generate_series(1, columns) i
$$;

comment on function pgscore._aliases_sql(integer) is 'What statements call so many columns of what is to be scored';

create function pgscore._names_sql(query text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- One row of NULLs, whatever the query gives: it is planned, and not run. A comment may end it.
    select format(
        E'select pg_catalog.row_to_json(pgscore_row) from (select pgscore_query.* from (values (1)) as pgscore_one (one)'
            ' left join (select * from (%s\n) as pgscore_given limit 0) as pgscore_query on true) as pgscore_row',
        query
    )
$$;

comment on function pgscore._names_sql(text) is 'SQL for the names of a query''s columns, as an object in JSON';

create function pgscore._types_sql(query text, names json) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        E'select array[%1$s]::pg_catalog.oid[] from (values (1)) as pgscore_one (one)'
            ' left join (select * from (%2$s\n) as pgscore_given limit 0) as pgscore_query%3$s on true',
        string_agg(format('pg_catalog.pg_typeof(c%s)', k.ordinal), ', ' order by k.ordinal), query,
        ' (' || pgscore._aliases_sql(count(*)::integer) || ')'
    )
    from json_object_keys(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._types_sql(text, json) is
    'SQL for the types of a query''s columns, whose names stand in an object in JSON';

create function pgscore._query_columns(names json, types oid[]) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_agg(jsonb_build_object('name', k.name, 'type', types[k.ordinal], 'modifier', -1) order by k.ordinal)
    from json_object_keys(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._query_columns(json, oid[]) is 'The columns of a query, in its order: name, type and the type''s modifier of each';

create function pgscore._is_name(query text) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select query ~ E'^\\s*("([^"]|"")+"|[^][\\s"(),;.:*/+-]+)(\\s*\\.\\s*("([^"]|"")+"|[^][\\s"(),;.:*/+-]+)){0,2}\\s*$'
$$;

comment on function pgscore._is_name(text) is 'Whether a text is the name of a table rather than a query';

create function pgscore._json_value(value anyelement, name text, type text) returns text
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return pgscore._payload_value(jsonb_build_object(name, value), name, type);
end
$$;

comment on function pgscore._json_value(anyelement, text, text) is
    'One input out of a column of any type, as pgscore.score reads it of a row: by way of JSON, refused where it is of another type than the contract''s';

grant execute on function
    pgscore._table_columns(regclass), pgscore._names_sql(text), pgscore._types_sql(text, json),
    pgscore._aliases_sql(integer), pgscore._query_columns(json, oid[]), pgscore._is_name(text), pgscore._json_value(anyelement, text, text)
    to pgscore_reader;

-- core/bulk/plan.sql
create function pgscore._rows_version(model text, version integer) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving constant integer := (select m.serving from pgscore.model m where m.name = model);
begin
    if version is null and serving is null then
        perform pgscore._no_answer(model);
    elsif version is null then
        return serving;
    end if;
    version := pgscore._existing_version(model, version);
    perform pgscore._refuse_pruned(model, version);
    return version;
end
$$;

comment on function pgscore._rows_version(text, integer) is
    'The version that is to score rows: the one that is named, or the one that serves; refused where there is none';

create function pgscore._rows_engine(model text, version integer) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    chosen constant text := (
        select m.many_engine from pgscore.model m where m.name = _rows_engine.model and m.serving = _rows_engine.version
    );
    size constant integer := (
        select p.size from pgscore.program p where p.model = _rows_engine.model and p.version = _rows_engine.version
    );
begin
    if chosen is not null then
        return chosen;
    elsif size is null then
        return 'estimator';
    elsif size <= pgscore._largest_sql_program() then
        return 'sql';
    elsif to_regproc('pgscore_trusted._walk') is not null then
        return 'interpreter';
    end if;
    -- Says what is missing.
    return (pgscore._engines(model, version))[1];
end
$$;

comment on function pgscore._rows_engine(text, integer) is
    'The engine that scores many rows: of the version that serves the one that was chosen, of others the first that needs least';

create function pgscore._key_expression(columns jsonb, key name[], words text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    named record;
    texts text[] := '{}';
begin
    for named in
        select k.name, count(c.name) as times, min(c.place) as place
        from unnest(key) with ordinality as k (name, ordinal)
        left join pgscore._described_columns(columns) c on c.name = k.name::text
        group by k.name, k.ordinal
        order by k.ordinal
    loop
        if named.name is null or named.times <> 1 then
            raise exception '% has % column "%" for the key', words, case named.times when 0 then 'no' else 'more than one' end, named.name
                using errcode = case named.times when 0 then 'undefined_column' else 'ambiguous_column' end,
                      hint = 'key names columns of what is scored.';
        end if;
        texts := texts || format('pgscore_row.c%s::pg_catalog.text', named.place);
    end loop;
    return case cardinality(texts)
        -- Of a query, and of a table without a primary key.
        when 0 then 'pgscore_row.c1::pg_catalog.text'
        when 1 then texts[1]
        else format('array[%s]::pg_catalog.text', array_to_string(texts, ', '))
    end;
end
$$;

comment on function pgscore._key_expression(jsonb, name[], text) is
    'SQL for the key of a row, as text: of these columns of what is scored, or of the first where none is named';

create function pgscore._source_arguments(
    model text, inputs jsonb, columns jsonb, source regclass, words text,
    out arguments text[], out ordinary boolean[]
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- pgscore.score has functions of its own for rows of such a table, which are stricter with types.
    is_tied constant boolean := exists (
        select from pgscore._scored_tables() t where t.model = _source_arguments.model and t.profile = source
    );
    given record;
    problem record;
    expression text;
begin
    for given in
        select i.input, i.input ->> 'name' as name, i.input ->> 'type' as wanted, count(c.name) as times, min(c.place) as place,
            min(c.type) as type, min(c.modifier) as modifier
        from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
        left join pgscore._described_columns(columns) c on c.name = i.input ->> 'name'
        group by i.input, i.ordinal
        order by i.ordinal
    loop
        if given.times <> 1 then
            raise exception '% has % column "%", which the model reads', words,
                case given.times when 0 then 'no' else 'more than one' end, given.name
                using errcode = case given.times when 0 then 'undefined_column' else 'ambiguous_column' end;
        end if;
        expression := (
            select e.expression
            from pgscore._column_expression(given.wanted, given.type, given.modifier, 'pgscore_row.c' || given.place) e
        );
        if expression is null and is_tied then
            select p.* into problem from pgscore._profile_column(source, given.input, 'p') p;
            raise exception '%', problem.message using errcode = problem.sqlstate, hint = problem.hint;
        end if;
        arguments := arguments || coalesce(
            expression,
            format('pgscore._json_value(pgscore_row.c%s, %L, %L)', given.place, given.name, given.wanted)
                || case given.wanted
                    when 'text' then ''
                    when 'boolean' then '::pg_catalog.bool::pg_catalog.int4::pg_catalog.float8'
                    else '::pg_catalog.float8'
                end
        );
        ordinary := ordinary || (
            given.type in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'boolean'::regtype, 'real'::regtype)
        );
    end loop;
end
$$;

comment on function pgscore._source_arguments(text, jsonb, jsonb, regclass, text) is
    'SQL for each input of a contract, read from the columns of what is scored, and whether it holds neither huge nor tiny numbers; refused where a column is missing';

create function pgscore._rows_plan(
    model text, asked integer, columns jsonb, source regclass, key name[],
    out version integer, out digest text, out first integer, out most integer, out is_chunked boolean, out statement text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    words constant text := case when source is null then 'the query' else 'table ' || source end;
    described jsonb;
    engine text;
    key_sql text;
    given record;
    split record;
begin
    if columns is null and source is not null then
        raise exception '% does not exist', words using errcode = 'undefined_table';
    end if;
    version := pgscore._rows_version(model, asked);
    engine := pgscore._rows_engine(model, version);
    is_chunked := engine = 'estimator';
    select v.contract -> 'inputs', v.digest into described, digest
    from pgscore.model_version v
    where v.model = _rows_plan.model and v.version = _rows_plan.version;
    most := pgscore._most_chunk_rows(described);
    -- Nothing is known of the texts yet.
    first := least(most, 1000);
    select a.* into given from pgscore._source_arguments(model, described, columns, source, words) a;
    key_sql := pgscore._key_expression(columns, coalesce(key, pgscore._row_key(source)), words);
    if is_chunked then
        select s.* into split from pgscore._split_arguments(described, pgscore._present_arguments(described, given.arguments)) s;
        statement := format('select %s, %s::pg_catalog.float8[], %s::pg_catalog.text[]', key_sql, split.numbers, split.texts);
    else
        select s.* into split from pgscore._split_arguments(described, given.arguments) s;
        -- The score is computed once; a reason is asked for where there is none.
        statement := format(
            'select pgscore_row.pgscore_key, pgscore_row.pgscore_score, %1$s,'
                ' case when pgscore_row.pgscore_score is null then pgscore._reason(%2$L, %1$s, %3$s, %4$s) end'
                ' from (select pgscore_row.*, %5$s as pgscore_key, %6$s as pgscore_score',
            version, model, split.numbers, split.texts, key_sql,
            pgscore._engine_call(engine, model, version, given.arguments, false, given.ordinary, 'scan')
        );
    end if;
    statement := format(
        E'%s from %%s as pgscore_row (%s)%s', replace(statement, '%', '%%'), pgscore._aliases_sql(jsonb_array_length(columns)),
        case when is_chunked then '' else ' offset 0) as pgscore_row' end
    );
end
$$;

comment on function pgscore._rows_plan(text, integer, jsonb, regclass, name[]) is
    'How rows are scored: version and digest, and a statement with %s for a table or a query in parentheses. Where chunked it gives keys, numbers and texts, of which most rows are scored together; else it gives the answer';

grant execute on function pgscore._rows_plan(text, integer, jsonb, regclass, name[]) to pgscore_reader;

-- core/bulk/chunks.sql
-- Chunks of a cursor. Nothing here has a pinned path: what a cursor runs is the caller's, and looks up its names along the
-- caller's path. So every name has its schema.

create function pgscore._fetch(source refcursor, rows integer) returns setof record
language plpgsql volatile parallel unsafe
as $$
begin
    return query execute pg_catalog.format('fetch forward %s from %I', rows, source);
end
$$;

comment on function pgscore._fetch(refcursor, integer) is 'The next rows of a cursor, as a set';

grant execute on function pgscore._fetch(refcursor, integer) to pgscore_reader;

create function pgscore._most_chunk_rows(inputs jsonb) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- More rows are not faster; a chunk of the widest model has megabytes.
    select greatest(100, least(8192, 400000 / greatest(jsonb_array_length(inputs), 1)))
$$;

comment on function pgscore._most_chunk_rows(jsonb) is 'How many rows of a model with these inputs are scored together at most';

create function pgscore._next_chunk_rows(rows integer, most integer, texts text[]) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when pg_column_size(texts) > 16000000 then greatest(rows / 4, 1)
        when pg_column_size(texts) > 4000000 then rows
        else least(4 * rows, most)
    end
$$;

comment on function pgscore._next_chunk_rows(integer, integer, text[]) is
    'How many rows the next chunk is to have, after one of that many with these texts: long texts make short chunks';

grant execute on function
    pgscore._most_chunk_rows(jsonb), pgscore._next_chunk_rows(integer, integer, text[])
    to pgscore_reader;

-- core/bulk/score_rows.sql
create function pgscore._refuse_source(query text) returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if query is null or query ~ E'^[\\s;]*$' then
        raise exception 'there is no query, and no table, whose rows are to be scored' using errcode = 'invalid_parameter_value';
    end if;
    raise exception 'table % does not exist', btrim(query, E' \t\r\n')
        using errcode = 'undefined_table', hint = 'Name its schema too, or give a query.';
end
$$;

comment on function pgscore._refuse_source(text) is 'Says what is wrong with a text that is neither a query nor the name of a table';

grant execute on function pgscore._refuse_source(text) to pgscore_reader;

create function pgscore._score_source(model text, query text, source regclass, asked integer, keys name[])
returns table (key text, score double precision, version integer, reason text)
language plpgsql stable parallel unsafe rows 10000
as $$
declare
    -- Without a pinned path: what the caller asks for is parsed, and run, under the caller's. Every name here is qualified,
    -- and all that is called is pinned itself, or says why not.
    is_name constant pg_catalog.bool := source is null and pgscore._is_name(query);
    relation pg_catalog.regclass := case when is_name then pg_catalog.to_regclass(query) else source end;
    given pg_catalog.text := pg_catalog.rtrim(query, E'; \t\r\n');
    names pg_catalog.json;
    types pg_catalog.oid[];
    columns pg_catalog.jsonb;
    plan pg_catalog.record;
    portal pg_catalog.refcursor;
    size pg_catalog.int4;
    chunk pg_catalog.record;
    answer pgscore.scored;
begin
    if relation is not null then
        columns := pgscore._table_columns(relation);
        given := relation::pg_catalog.text;
    elsif is_name or pg_catalog.length(given) operator(pg_catalog.>) 0 is not true then
        perform pgscore._refuse_source(query);
    else
        execute pgscore._names_sql(given) into names;
        execute pgscore._types_sql(given, names) into types;
        columns := pgscore._query_columns(names, types);
        given := pg_catalog.concat('(', given, E'\n)');
    end if;
    select p.* into plan from pgscore._rows_plan(model, asked, columns, relation, keys) p;
    if not plan.is_chunked then
        return query execute pg_catalog.format(plan.statement, given);
        return;
    end if;
    open portal for execute pg_catalog.format(plan.statement, given);
    size := plan.first;
    loop
        select
            pg_catalog.count(*)::pg_catalog.int4 as rows, pg_catalog.array_agg(row_key) as keys,
            -- Arrays without elements cannot be put together.
            pg_catalog.array_agg(row_numbers) filter (where row_numbers is not null) as numbers,
            pg_catalog.array_agg(row_texts) filter (where row_texts is not null) as texts
        into chunk
        from pgscore._fetch(portal, size)
            as (row_key pg_catalog.text, row_numbers pg_catalog.float8[], row_texts pg_catalog.text[]);
        exit when chunk.rows operator(pg_catalog.=) 0;
        answer := pgscore._estimate(model, plan.version, plan.digest, chunk.rows, chunk.numbers, chunk.texts);
        -- Arrays of the same length, side by side.
        return query select
            pg_catalog.unnest(chunk.keys), pg_catalog.unnest(answer.scores), answer.version, pg_catalog.unnest(answer.reasons);
        exit when chunk.rows operator(pg_catalog.<) size;
        size := pgscore._next_chunk_rows(size, plan.most, chunk.texts);
    end loop;
    close portal;
end
$$;

comment on function pgscore._score_source(text, text, regclass, integer, name[]) is
    'Scores all rows of a table or a query: with a program in one statement, with an estimator in chunks of whole arrays';

grant execute on function pgscore._score_source(text, text, regclass, integer, name[]) to pgscore_reader;

create function pgscore.score_rows(model text, query text, version integer default null, key name[] default null)
returns table (key text, score double precision, version integer, reason text)
language sql stable parallel unsafe rows 10000
as $$
    -- Not pinned: the query is the caller's.
    select s.key, s.score, s.version, s.reason from pgscore._score_source($1, $2, null, $3, $4) s
$$;

comment on function pgscore.score_rows(text, text, integer, name[]) is
    'The scores of all rows of a query, or of the table that a text names, with the version that serves or is named, and reasons of refusals; key: these columns, else the primary key of a table and the first column of a query';

grant execute on function pgscore.score_rows(text, text, integer, name[]) to pgscore_reader;

create function pgscore.score_rows(model text, profile regclass, version integer default null, key name[] default null)
returns table (key text, score double precision, version integer, reason text)
language sql stable parallel unsafe rows 10000
as $$
    select s.key, s.score, s.version, s.reason from pgscore._score_source($1, null, $2, $3, $4) s
$$;

comment on function pgscore.score_rows(text, regclass, integer, name[]) is
    'The scores of all rows of a table, with the version that serves or is named, and reasons of refusals; key: these columns, else the primary key, else the first column';

grant execute on function pgscore.score_rows(text, regclass, integer, name[]) to pgscore_reader;

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- core/become_oneself.sql
reset search_path;

reset role;
