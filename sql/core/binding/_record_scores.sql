create function pgscore._record_scores(
    bindings text[], keys text[], scores double precision[], versions integer[], reasons text[]
) returns void
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    failed record;
begin
    delete from pgscore.stale s
    using unnest(bindings, keys, reasons) as a (binding, key, reason)
    where s.binding = a.binding and s.key = a.key and a.reason is null;
    if num_nonnulls(variadic reasons) > 0 then
        select b.name, b.model, count(*) as rows, count(a.reason) as refused, min(a.reason) as reason into failed
        from unnest(bindings, reasons) as a (binding, reason)
        join pgscore.binding b on b.name = a.binding
        where b.on_error = 'abort'
        group by b.number
        having count(a.reason) > 0
        order by b.number limit 1;
        if found then
            raise exception 'model "%" could not score % of % rows for %: %',
                failed.model, failed.refused, failed.rows, failed.name, failed.reason
                using errcode = 'data_exception',
                      hint = 'The binding''s on_error is abort; with keep the row would be stored and listed stale.';
        end if;
        insert into pgscore.stale as s (binding, key, reason)
        select a.binding, a.key, a.reason
        from unnest(bindings, keys, reasons) as a (binding, key, reason)
        where a.reason is not null
        on conflict on constraint stale_pkey do update set reason = excluded.reason;
    end if;
    insert into pgscore.prediction_log (model, version, binding, key, score)
    select b.model, a.version, a.binding, a.key, a.score
    from unnest(bindings, keys, scores, versions, reasons) as a (binding, key, score, version, reason)
    join pgscore.binding b on b.name = a.binding
    where b.log and a.reason is null and a.version is not null;
end
$$;

comment on function pgscore._record_scores(text[], text[], double precision[], integer[], text[]) is
    'Keeps the prediction log and the list of stale rows; fails where a binding wants that no row goes without a score';
grant execute on function pgscore._record_scores(text[], text[], double precision[], integer[], text[]) to pgscore_applier;
