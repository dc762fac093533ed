create function pgscore._store_program(model text, version integer, program jsonb) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    insert into pgscore.program (model, version, program, digest, size)
    values (model, version, program, encode(sha256(convert_to(program::text, 'UTF8')), 'hex'), pgscore._program_size(program))
$$;

comment on function pgscore._store_program(text, integer, jsonb) is 'Keeps the program of a new version, which was checked';
