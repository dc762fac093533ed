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

comment on function pgscore._estimate(text, integer, text, integer, double precision[], text[], boolean) is
    'The estimator engine: scores rows, given as arrays row by row, with one version; with every, all outputs of each row and the position of its label';
grant execute on function pgscore._estimate(text, integer, text, integer, double precision[], text[], boolean)
    to pgscore_reader;
