-- The databases' own code asks the database, and registers the runtime where it loads an artifact: PL/Python would do so in
-- a subtransaction, which nothing in a parallel plan can have.

create function pgscore_trusted._estimate_called(
    digest text, rows integer, numbers double precision[], texts text[], every boolean, graphs boolean,
    out scores double precision[], out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        return None
    return GD[runtime].estimate(GD, digest, rows, numbers, texts, every, graphs)
$$;

comment on function pgscore_trusted._estimate_called(text, integer, double precision[], text[], boolean, boolean) is
    'Scores rows with a version that this backend has loaded; NULL where it has not, or where that is an ONNX graph, and graphs are not to run';
revoke all on function pgscore_trusted._estimate_called(text, integer, double precision[], text[], boolean, boolean) from public;

create function pgscore_trusted._estimate(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- What was loaded while its engine was on is not called when it is off: to load it again says so.
    select e.scores, e.reasons into scores, reasons
    from pgscore_trusted._estimate_called(
        digest, rows, numbers, texts, every, exists (select from pgscore_trusted.allowed_engine a where a.engine = 'onnx')
    ) e;
end
$$;

comment on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) is
    'Scores rows with a version that this backend has loaded; NULL where it has not';
revoke all on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) from public;
grant execute on function pgscore_trusted._estimate(text, integer, double precision[], text[], boolean) to pgscore_owner;
