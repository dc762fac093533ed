create function pgscore_trusted._load_reasons(program text, positive integer) returns pgscore_trusted.refusal
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:4e49b7c18cbc10c25a837bb786cd46514f2d3e726a9f69edb9f0e68f82ca219b"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].load_reasons(GD, runtime, program, positive)
$$;

comment on function pgscore_trusted._load_reasons(text, integer) is
    'Reads a program and keeps what explains it, for the life of this backend: it computes and does nothing else';
revoke all on function pgscore_trusted._load_reasons(text, integer) from public;
grant execute on function pgscore_trusted._load_reasons(text, integer) to pgscore_owner;
