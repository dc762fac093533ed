-- Parallel workers would each import scikit-learn for some seconds: restricted, although it would be safe.
create function pgscore._estimate(
    model text, version integer, digest text, rows integer, numbers double precision[], texts text[]
) returns pgscore.scored
language plpgsql stable parallel restricted security definer
set search_path = ''
as $$
declare
    answer record;
    refusal record;
begin
    if to_regnamespace('pgscore_trusted') is null then
        raise exception 'model "%" version % needs PL/Python, which this database does not have', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'A superuser runs alembic upgrade plpython@head.';
    end if;
    select e.scores, e.reasons into answer from pgscore_trusted._estimate(digest, rows, numbers, texts) e;
    if answer.scores is null then
        -- This backend does not have it yet.
        select l.sqlstate, l.message, l.hint into refusal
        from pgscore.model_version v,
            pgscore_trusted._load(v.artifact, v.contract::text, v.signature, v.key_id) l
        where v.model = _estimate.model and v.version = _estimate.version;
        if refusal.message is not null then
            raise exception 'model "%" version % cannot be loaded: %', model, version, refusal.message
                using errcode = refusal.sqlstate, hint = refusal.hint;
        end if;
        select e.scores, e.reasons into answer from pgscore_trusted._estimate(digest, rows, numbers, texts) e;
        if answer.scores is null then
            raise exception 'model "%" version % cannot be loaded: it is not what its digest says', model, version
                using errcode = 'data_corrupted', hint = 'Publish the model again from its source.';
        end if;
    end if;
    return (version, answer.scores, answer.reasons)::pgscore.scored;
end
$$;

comment on function pgscore._estimate(text, integer, text, integer, double precision[], text[]) is
    'The estimator engine: scores rows, given as arrays row by row, with one version, which is loaded where this backend has not yet';
grant execute on function pgscore._estimate(text, integer, text, integer, double precision[], text[]) to pgscore_reader;
