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
