create function pgscore._ask_estimator(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A plpython branch of an older release converts each number.
    if rows = 1
        or to_regprocedure('pgscore_trusted._estimate_rows(text, integer, double precision[], text[], boolean)') is null
    then
        select e.scores, e.reasons into scores, reasons
        from pgscore_trusted._estimate(digest, rows, numbers, texts, every) e;
        return;
    end if;
    if array_ndims(texts) > 1 then
        -- Of texts in two dimensions PL/Python makes a list for each row.
        texts := array(select unnest(texts));
    end if;
    select e.scores, coalesce(e.reasons, array_fill(null::text, array[rows])) into scores, reasons
    from pgscore_trusted._estimate_rows(digest, rows, numbers, texts, every) e;
end
$$;

comment on function pgscore._ask_estimator(text, integer, double precision[], text[], boolean) is
    'Hands rows to PL/Python, to be scored with a version that this backend has loaded; NULL where it has not';

-- Parallel workers would each import scikit-learn for some seconds: restricted, although it would be safe.
create function pgscore._estimate(
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

comment on function pgscore._estimate(text, integer, text, integer, double precision[], text[], boolean) is
    'The estimator engine: scores rows, given as arrays row by row, with one version; with every, all outputs of each row and the position of its label';
grant execute on function pgscore._estimate(text, integer, text, integer, double precision[], text[], boolean)
    to pgscore_reader;

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
