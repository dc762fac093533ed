create function pgscore._prove(model text, version integer) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    worst record;
begin
    perform pgscore._refuse_pruned(model, version);
    select d.* into worst
    from pgscore._golden_differences(_prove.model, _prove.version) d
    where d.ok is not true
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
end
$$;

comment on function pgscore._prove(text, integer) is
    'Replays the golden rows of a version in each of its engines; refused where one differs, with the worst row';
