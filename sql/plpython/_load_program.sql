create function pgscore_trusted._load_program(program text) returns pgscore_trusted.refusal
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].load_program(GD, runtime, program)
$$;

comment on function pgscore_trusted._load_program(text) is
    'Reads a program and keeps it under the sha256 of its text, for the life of this backend: it computes and does nothing else';
revoke all on function pgscore_trusted._load_program(text) from public;
grant execute on function pgscore_trusted._load_program(text) to pgscore_owner;
