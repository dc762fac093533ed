-- An array of doubles is the same bytes in memory as a bytea, which PL/Python hands to numpy as they are: to convert numbers
-- one by one takes longer than many a model. What makes an array of bytes believes them, so it is for nobody but the
-- last function, which gives it what the runtime has made.

create function pgscore_trusted._array_memory(numbers double precision[]) returns bytea
language internal immutable strict parallel safe
as 'byteasend';

comment on function pgscore_trusted._array_memory(double precision[]) is 'An array as it stands in memory, without its length';
revoke all on function pgscore_trusted._array_memory(double precision[]) from public;

create function pgscore_trusted._array_of_memory(memory bytea) returns double precision[]
language internal immutable strict parallel safe
as 'byteasend';

comment on function pgscore_trusted._array_of_memory(bytea) is
    'The array that stands so in memory; it does not look whether that is one, so nobody else may call it';
revoke all on function pgscore_trusted._array_of_memory(bytea) from public;

create function pgscore_trusted._estimate_memory(
    digest text, rows integer, numbers bytea, texts text[], every boolean, graphs boolean,
    out scores bytea, out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        return None
    return GD[runtime].estimate_rows(GD, digest, rows, numbers, texts, every, graphs)
$$;

comment on function pgscore_trusted._estimate_memory(text, integer, bytea, text[], boolean, boolean) is
    'Scores rows with a version that this backend has loaded, from and to arrays as they stand in memory; scores NULL where it has not, reasons NULL where no row is refused';
revoke all on function pgscore_trusted._estimate_memory(text, integer, bytea, text[], boolean, boolean) from public;

create function pgscore_trusted._estimate_rows(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language sql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
    select pgscore_trusted._array_of_memory(e.scores), e.reasons
    from pgscore_trusted._estimate_memory(
        digest, rows, pgscore_trusted._array_memory(numbers), texts, every,
        exists (select from pgscore_trusted.allowed_engine a where a.engine = 'onnx')
    ) e
$$;

comment on function pgscore_trusted._estimate_rows(text, integer, double precision[], text[], boolean) is
    'Scores rows with a version that this backend has loaded; scores NULL where it has not, reasons NULL where no row is refused';
revoke all on function pgscore_trusted._estimate_rows(text, integer, double precision[], text[], boolean) from public;
grant execute on function pgscore_trusted._estimate_rows(text, integer, double precision[], text[], boolean) to pgscore_owner;

create function pgscore_trusted._count_row(statement double precision) returns boolean
language plpython3u volatile parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].count_row(GD, statement)
$$;

comment on function pgscore_trusted._count_row(double precision) is
    'Counts a row that a query has scored by itself, in the statement that began then; true once in a session, where they are so many that they had better be scored together';
revoke all on function pgscore_trusted._count_row(double precision) from public;
grant execute on function pgscore_trusted._count_row(double precision) to pgscore_owner;
