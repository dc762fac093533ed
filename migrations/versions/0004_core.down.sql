-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

create or replace function pgscore._profile_column(
    profile regclass, input jsonb, source text,
    out expression text, out compared text, out sqlstate text, out message text, out hint text
)
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant text := input ->> 'type';
    reference text;
    declared text;
    base regtype;
    modifier integer;
    kind "char";
    category "char";
    is_domain boolean := false;
begin
    select
        source || '.' || quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.atttypid, a.atttypmod
    into reference, declared, base, modifier
    from pg_catalog.pg_attribute a
    where a.attrelid = profile and a.attname = input ->> 'name' and a.attnum > 0 and not a.attisdropped;
    if not found then
        sqlstate := '42703';
        message := format('table %s has no column "%s", which the model reads', profile, input ->> 'name');
        return;
    end if;
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
    else
        sqlstate := '42804';
        message := format(
            'column "%s" of table %s is of type %s, which cannot serve as %s', input ->> 'name', profile, declared, wanted
        );
        hint := 'Fit the model on the column as it is, or name a view or table that has the type it wants.';
    end if;
    -- Texts by their bytes: a model tells apart what a collation may hold for equal.
    compared := case wanted when 'text' then format('(%s) collate pg_catalog."C"', expression) else coalesce(compared, expression) end;
end
$$;

grant execute on function
    pgscore._profile_column(regclass, jsonb, text), pgscore._profile_problem(regclass, jsonb)
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
begin
    perform pgscore._refuse_misfit(model, t.typelem) from pg_catalog.pg_type t where t.oid = pg_typeof(profiles);
    select max((s.given).version), array_agg((s.given).scores[1]), array_agg((s.given).reasons[1])
    into answer
    from (select pgscore._scored(model, to_jsonb(p)) as given from unnest(profiles) as p offset 0) s;
    return case when answer.version is not null then answer end;
end
$$;

-- core/engine/_estimate.sql
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
    select e.scores, e.reasons into answer from pgscore_trusted._estimate(digest, rows, numbers, texts, every) e;
    if answer.scores is null then
        perform pgscore._load(model, version);
        select e.scores, e.reasons into answer from pgscore_trusted._estimate(digest, rows, numbers, texts, every) e;
        if answer.scores is null then
            raise exception 'model "%" version % cannot be loaded: it is not what its digest says', model, version
                using errcode = 'data_corrupted', hint = 'Publish the model again from its source.';
        end if;
    end if;
    return (version, answer.scores, answer.reasons)::pgscore.scored;
end
$$;

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
    if engine = 'estimator' then
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
    'SQL that scores a row with one engine of a version, its inputs given as SQL; with every, all outputs and the position of the label. Of the interpreter walk names what may answer NaN, and brief what may answer NULL, where this session has to read the program first; apart names nothing outside of pgscore. Of sql walk needs no plan, scan is for many rows, and inlined sets the expression up in each statement, as sessions do in each transaction';

create or replace function pgscore._lasting_call(
    first_engine text, one_engine text, model text, version integer, arguments text[], every boolean default false
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if first_engine = one_engine then
        return pgscore._engine_call(one_engine, model, version, arguments, every);
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
        split := pgscore._split_arguments(inputs, row_arguments);
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
            'score', 'predict', '_scored', '_score_row', '_score_rows', '_rescore', '_late_score', '_late_rows',
            '_late_rescore'
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
                || E'"?(?:score|predict|_scored|_score_rows?|_rescore)"?\\s*\\('
                || E'(?:\\s*(?:model\\s*(?:=>|:=)\\s*)?''([a-z_][a-z0-9_]*)''(?:\\s*::\\s*text)?\\s*,)?',
            'gi'
        )
        union all
        select array[split_part(coalesce(m.found[1], m.found[2]), ' ', 1)]
        from regexp_matches(body, E'pgscore_models"?\\s*\\.\\s*(?:"([^"]+)"|([a-z_][a-z0-9_]*))', 'gi') as m (found)
        where split_part(coalesce(m.found[1], m.found[2]), ' ', 2) !~ '^[0-9]'
    ) f (found)
$$;

drop function pgscore._column_expression(wanted text, type oid, modifier integer, reference text, out expression text, out compared text);

drop function pgscore._ask_estimator(digest text, rows integer, numbers double precision[], texts text[], every boolean, out scores double precision[], out reasons text[]);

drop function pgscore._estimate_row(model text, version integer, digest text, numbers double precision[], texts text[], every boolean);

drop function pgscore._present_arguments(inputs jsonb, arguments text[]);

drop function pgscore._table_columns(source regclass);

drop function pgscore._described_columns(columns jsonb);

drop function pgscore._aliases_sql(columns integer);

drop function pgscore._names_sql(query text);

drop function pgscore._types_sql(query text, names json);

drop function pgscore._query_columns(names json, types oid[]);

drop function pgscore._is_name(query text);

drop function pgscore._json_value(value anyelement, name text, type text);

drop function pgscore._rows_version(model text, version integer);

drop function pgscore._rows_engine(model text, version integer);

drop function pgscore._key_expression(columns jsonb, key name[], words text);

drop function pgscore._source_arguments(model text, inputs jsonb, columns jsonb, source regclass, words text, out arguments text[], out ordinary boolean[]);

drop function pgscore._rows_plan(model text, asked integer, columns jsonb, source regclass, key name[], out version integer, out digest text, out first integer, out most integer, out is_chunked boolean, out statement text);

drop function pgscore._fetch(source refcursor, rows integer);

drop function pgscore._most_chunk_rows(inputs jsonb);

drop function pgscore._next_chunk_rows(rows integer, most integer, texts text[]);

drop function pgscore._refuse_source(query text);

drop function pgscore._score_source(model text, query text, source regclass, asked integer, keys name[]);

drop function pgscore.score_rows(model text, query text, version integer, key name[]);

drop function pgscore.score_rows(model text, profile regclass, version integer, key name[]);

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- core/become_oneself.sql
reset search_path;

reset role;
