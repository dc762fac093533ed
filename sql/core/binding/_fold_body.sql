create function pgscore._fold_body(b pgscore.binding, operation text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    sign constant text := case operation when 'insert' then '1' when 'delete' then '-1' else 'e.pgscore_sign' end;
    source constant text := case operation
        when 'insert' then 'pgscore_new e'
        when 'delete' then 'pgscore_old e'
        else '(select 1 as pgscore_sign, n.* from pgscore_new n union all select -1, o.* from pgscore_old o) e'
    end;
    deltas text[];
    adds_up boolean;
    sums boolean;
    chosen text;
    task text;
begin
    select
        array_agg(
            case when operation = 'delete' and r.reducer ? 'deletes' then 'null'
            else pgscore._event_delta(r.reducer, r.kind, b.events, sign) end
            order by r.ordinal
        ),
        coalesce(bool_and(r.kind = 'add'), true), coalesce(bool_or(r.reducer ->> 'aggregate' = 'sum'), false)
    into deltas, adds_up, sums
    from pgscore._reducers_of(b) r;
    -- Keys for which there is something to do.
    chosen := case
        when operation = 'insert' then pgscore._worth_queueing(b, deltas)
        when adds_up then coalesce(
            (select string_agg(format('coalesce(%s, 0) <> 0', d), ' or ') from unnest(deltas) d where d <> 'null'), 'false'
        )
        when operation = 'update' then pgscore._events_differ(b)
    end;
    task := case when operation = 'insert' or adds_up then '''move''' else '''undo''' end;
    if sums and operation <> 'insert' then
        -- NaN and infinity cannot be taken away again.
        task := format('case when bool_or(f.delta ~ ''NaN|Infinity'') then ''recount'' else %s end', task);
    end if;
    return format(
        'begin %s%s return null; end',
        case operation when 'insert' then pgscore._fold_one(b) end,
        pgscore._hand_over(
            b, task, 'array_agg(f.key)', 'array_agg(f.delta)',
            format(
                'from (select %s as key, array[%s]::text[]::text as delta from %s where %s group by %s%s) f having count(*) > 0',
                pgscore._key_text(b.event_key, 'e'),
                (select string_agg(format('(%s)::text', d), ', ' order by ordinal) from unnest(deltas) with ordinality u (d, ordinal)),
                source, pgscore._key_present(b.event_key, 'e'),
                (select string_agg(format('e.%I', k), ', ') from unnest(b.event_key) k),
                ' having ' || chosen
            )
        )
    );
end
$$;

comment on function pgscore._fold_body(pgscore.binding, text) is
    'The body of the trigger function that folds by key what a statement inserted, updated or deleted, and hands it over';
