create function pgscore_trusted._load_reasons(program text, positive integer) returns pgscore_trusted.refusal
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:da4d550c9620b7e761e075f68e49b22d858de4e4549f65dd5770555b2f92a1ba"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].load_reasons(GD, runtime, program, positive)
$$;

comment on function pgscore_trusted._load_reasons(text, integer) is
    'Reads a program and keeps what explains it, for the life of this backend: it computes and does nothing else';
revoke all on function pgscore_trusted._load_reasons(text, integer) from public;
grant execute on function pgscore_trusted._load_reasons(text, integer) to pgscore_owner;
