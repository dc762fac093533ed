create function pgscore_trusted._estimate_rows(
    digest text, rows integer, numbers bytea, texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:bc2fb3f1b22c77dd477be5d1bd23b323fca8701d1a3ce596fd04b19f473b9ebd"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].estimate_rows(GD, digest, rows, numbers, texts, every)
$$;

comment on function pgscore_trusted._estimate_rows(text, integer, bytea, text[], boolean) is
    'Scores rows with a version that this backend has loaded, their numbers in the form that array_send gives; scores NULL where it has not, reasons NULL where no row is refused';
revoke all on function pgscore_trusted._estimate_rows(text, integer, bytea, text[], boolean) from public;
grant execute on function pgscore_trusted._estimate_rows(text, integer, bytea, text[], boolean) to pgscore_owner;

create function pgscore_trusted._count_row(statement double precision) returns boolean
language plpython3u volatile parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:bc2fb3f1b22c77dd477be5d1bd23b323fca8701d1a3ce596fd04b19f473b9ebd"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].count_row(GD, statement)
$$;

comment on function pgscore_trusted._count_row(double precision) is
    'Counts a row that a query has scored by itself, in the statement that began then; true once in a session, where they are so many that they had better be scored together';
revoke all on function pgscore_trusted._count_row(double precision) from public;
grant execute on function pgscore_trusted._count_row(double precision) to pgscore_owner;
