create function pgscore._store_program(model text, version integer, program jsonb) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    size constant integer := pgscore._program_size(program);
begin
    insert into pgscore.program (model, version, program, digest, size)
    values (
        _store_program.model, _store_program.version, _store_program.program,
        encode(sha256(convert_to(_store_program.program::text, 'UTF8')), 'hex'), size
    );
    if size <= pgscore._largest_sql_program() then
        perform pgscore._create_scorer(
            model, version, program,
            (
                select (v.contract #>> '{output,positive}')::integer from pgscore.model_version v
                where v.model = _store_program.model and v.version = _store_program.version
            )
        );
    end if;
end
$$;

comment on function pgscore._store_program(text, integer, jsonb) is
    'Keeps the checked program of a new version, and compiles it to SQL where it is not too large for that';
