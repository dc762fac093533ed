create function pgscore.promote(model text, version integer) returns void
language plpgsql volatile security definer
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    worst record;
    bound regclass;
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    -- Generated functions are replaced by one promotion at a time: two would meet in the catalog.
    perform pg_advisory_xact_lock(hashtextextended('pgscore generated functions', 0));
    select d.* into worst
    from pgscore._golden_differences(promote.model, promote.version) d
    where not d.ok
    order by d.difference desc, d.ordinal
    limit 1;
    if found then
        raise exception 'model "%" version % is not promoted: golden row % gives % in the % engine, and the fitted estimator gave %',
            model, version, worst.ordinal, coalesce(worst.score::text, 'NULL'), worst.engine,
            coalesce(worst.expected::text, 'NULL')
            using errcode = 'data_exception',
                  detail = coalesce(worst.reason, format('They differ by %s.', worst.difference)),
                  hint = '`pgscore doctor` compares the libraries.';
    end if;

    update pgscore.model m set serving = promote.version where m.name = promote.model;
    perform pgscore._generate_model(model);
    perform pgscore._generate_dispatch();
    for bound in select p.profile from pgscore.model_profile p where p.model = promote.model loop
        perform pgscore._generate_dispatch(bound);
    end loop;
end
$$;

comment on function pgscore.promote(text, integer) is
    'Makes a version the one that answers, from the commit of this transaction on, after replaying its golden rows';
grant execute on function pgscore.promote(text, integer) to pgscore_operator;
