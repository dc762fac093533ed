create function pgscore._interpret(
    model text, version integer, digest text, positive integer, numbers double precision[], texts text[]
) returns double precision
language plpgsql stable parallel safe cost 1000
set search_path = pg_catalog, pg_temp
as $$
declare
    score double precision := pgscore_trusted._walk(digest, positive, numbers, texts);
begin
    -- No score is NaN: this backend does not have the program yet.
    if score = 'NaN' then
        perform pgscore._load_program(model, version);
        score := pgscore_trusted._walk(digest, positive, numbers, texts);
    end if;
    return score;
end
$$;

comment on function pgscore._interpret(text, integer, text, integer, double precision[], text[]) is
    'The interpreter engine: the score of a row, given as its number inputs and its text inputs';
grant execute on function pgscore._interpret(text, integer, text, integer, double precision[], text[]) to pgscore_reader;
