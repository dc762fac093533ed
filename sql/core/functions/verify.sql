create function pgscore.verify(model text, version integer default null) returns table (
    engine text, rows integer, max_abs_diff double precision, ok boolean
)
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    version := pgscore._existing_version(model, version);
    perform pgscore._refuse_pruned(model, version);
    return query
    select d.engine, count(*)::integer, max(d.difference), bool_and(d.ok)
    from pgscore._golden_differences(verify.model, verify.version) d
    group by d.engine;
end
$$;

comment on function pgscore.verify(text, integer) is
    'Replays the golden rows of a version (without one: the latest) in each engine and says how far it is from the fitted estimator';
grant execute on function pgscore.verify(text, integer) to pgscore_publisher, pgscore_operator;
