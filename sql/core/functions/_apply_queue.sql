create function pgscore._apply_queue() returns trigger
language plpgsql volatile security definer
set search_path = ''
as $$
declare
    work record;
    keys text[];
    scores double precision[];
    serving integer;
    reasons text[];
    refused integer;
begin
    -- It fires for each queued row; the first call takes all rows of the transaction, the others find none.
    for work in
        with taken as (
            delete from pgscore.queue q where q.transaction = pg_current_xact_id() returning q.*
        )
        select
            b.name, b.model, b.on_error, b.log, b.apply_schema, b.apply_function,
            array_agg(f.key) as keys, array_agg(f.delta) as deltas
        from (
            select t.binding, q.key, sum(q.delta)::bigint as delta
            from taken t, unnest(t.keys, t.deltas) as q (key, delta)
            group by t.binding, q.key
        ) f
        join pgscore.binding b on b.name = f.binding
        group by b.name
        order by b.profile, b.name
    loop
        execute format(
            'select array_agg(a.key), array_agg(a.score), max(a.version), array_agg(a.reason) from %I.%I($1, $2) a',
            work.apply_schema, work.apply_function
        )
        into keys, scores, serving, reasons
        using work.keys, work.deltas;

        if serving is null and num_nulls(variadic reasons) = cardinality(reasons) then
            continue;  -- nothing is promoted yet
        end if;
        refused := num_nonnulls(variadic reasons);
        if refused > 0 and work.on_error = 'abort' then
            raise exception 'model "%" could not score % of % rows for %: %',
                work.model, refused, cardinality(keys), work.name, (select min(r) from unnest(reasons) r)
                using errcode = 'data_exception',
                      hint = 'The binding''s on_error is abort; with keep the row would be stored and listed stale.';
        end if;
        delete from pgscore.stale s
        using unnest(keys, reasons) as a (key, reason)
        where s.binding = work.name and s.key = a.key and a.reason is null;
        if refused > 0 then
            insert into pgscore.stale as s (binding, key, reason)
            select work.name, a.key, a.reason
            from unnest(keys, reasons) as a (key, reason)
            where a.reason is not null
            on conflict on constraint stale_pkey do update set reason = excluded.reason;
        end if;
        if work.log and serving is not null then
            insert into pgscore.prediction_log (model, version, binding, key, score)
            select work.model, serving, work.name, a.key, a.score
            from unnest(keys, scores, reasons) as a (key, score, reason)
            where a.reason is null;
        end if;
    end loop;
    return null;
end
$$;

comment on function pgscore._apply_queue() is
    'At commit: moves counters and stores scores for all bindings that the transaction touched, keeps log and stale rows';

-- Events are queued already folded, a row for each statement, so this fires once for a statement of any size.
create constraint trigger apply after insert on pgscore.queue
    deferrable initially deferred
    for each row execute function pgscore._apply_queue();

comment on trigger apply on pgscore.queue is 'Runs when the transaction commits, or at SET CONSTRAINTS ALL IMMEDIATE';
