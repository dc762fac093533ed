create function pgscore_trusted._load_reasons(program text, positive integer) returns pgscore_trusted.refusal
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].load_reasons(GD, runtime, program, positive)
$$;

comment on function pgscore_trusted._load_reasons(text, integer) is
    'Reads a program and keeps what explains it, for the life of this backend: it computes and does nothing else';
revoke all on function pgscore_trusted._load_reasons(text, integer) from public;
grant execute on function pgscore_trusted._load_reasons(text, integer) to pgscore_owner;
