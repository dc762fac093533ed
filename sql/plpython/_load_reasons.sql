create function pgscore_trusted._load_reasons(program text, positive integer) returns pgscore_trusted.refusal
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:bb9fdd1b4e3352519c57fc79dcd307883652b7ccec037b19a82a469e83a8f3af"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].load_reasons(GD, runtime, program, positive)
$$;

comment on function pgscore_trusted._load_reasons(text, integer) is
    'Reads a program and keeps what explains it, for the life of this backend: it computes and does nothing else';
revoke all on function pgscore_trusted._load_reasons(text, integer) from public;
grant execute on function pgscore_trusted._load_reasons(text, integer) to pgscore_owner;
