create function pgscore_trusted._load_reasons(program text, positive integer) returns pgscore_trusted.refusal
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:7b7f0b6cecaac903ff6b8c5166c3a96c296dec0abb58ccbd4b0563879b675982"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].load_reasons(GD, runtime, program, positive)
$$;

comment on function pgscore_trusted._load_reasons(text, integer) is
    'Reads a program and keeps what explains it, for the life of this backend: it computes and does nothing else';
revoke all on function pgscore_trusted._load_reasons(text, integer) from public;
grant execute on function pgscore_trusted._load_reasons(text, integer) to pgscore_owner;
