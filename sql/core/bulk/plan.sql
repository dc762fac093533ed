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
        return pgscore._called_engine(model, version);
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
    is_chunked := pgscore._takes_arrays(engine);
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
