create function pgscore_trusted._load_program(program text) returns pgscore_trusted.refusal
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:4b4545bb30ba282fc609b9da1777e6c5b1bc003e293d79c6843dc94182fac6bf"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].load_program(GD, runtime, program)
$$;

comment on function pgscore_trusted._load_program(text) is
    'Reads a program and keeps it under the sha256 of its text, for the life of this backend: it computes and does nothing else';
revoke all on function pgscore_trusted._load_program(text) from public;
grant execute on function pgscore_trusted._load_program(text) to pgscore_owner;
