create function pgscore._interpret_outputs(
    model text, version integer, digest text, numbers double precision[], texts text[]
) returns double precision[]
language plpgsql stable parallel safe cost 1000
set search_path = pg_catalog, pg_temp
as $$
declare
    outputs double precision[] := pgscore_trusted._walk_outputs(digest, numbers, texts);
begin
    -- An array without elements: this backend does not have the program yet.
    if outputs = '{}' then
        perform pgscore._load_program(model, version);
        outputs := pgscore_trusted._walk_outputs(digest, numbers, texts);
    end if;
    return outputs;
end
$$;

comment on function pgscore._interpret_outputs(text, integer, text, double precision[], text[]) is
    'The interpreter engine: all outputs of a row, NULL where there is no score';
grant execute on function pgscore._interpret_outputs(text, integer, text, double precision[], text[]) to pgscore_reader;
