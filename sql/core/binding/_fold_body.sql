create function pgscore._fold_body(b pgscore.binding, operation text) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    sign constant text := case operation when 'insert' then '1' when 'delete' then '-1' else 'x.pgscore_sign' end;
    source constant text := case operation
        when 'insert' then 'pgscore_new x'
        when 'delete' then 'pgscore_old x'
        else '(select 1 as pgscore_sign, n.* from pgscore_new n union all select -1, o.* from pgscore_old o) x'
    end;
    deltas text[];
    recounted boolean;
    sums boolean;
begin
    select
        coalesce(array_agg(
            case when operation = 'delete' and r ? 'deletes' then '0::numeric'
            else pgscore._reducer_delta(r, b.events, sign) end
            order by ordinal
        ) filter (where not pgscore._is_recounted(r, b.events)), '{}'),
        coalesce(bool_or(pgscore._is_recounted(r, b.events)), false),
        coalesce(bool_or(r ->> 'aggregate' = 'sum'), false)
    into deltas, recounted, sums
    from jsonb_array_elements(b.reducers) with ordinality as e (r, ordinal);
    return format(
        'begin insert into pgscore.queue (binding, task, keys, deltas)
        select %1$s, %2$s, array_agg(f.key), array_agg(f.delta)
        from (
            select x.%3$I::text as key, array[%4$s]::numeric[]::text as delta
            from %5$s where x.%3$I is not null group by x.%3$I %6$s
        ) f
        having count(*) > 0; %7$s return null; end',
        b.number,
        case
            -- Events that follow their profile to a new key are told after the profile itself, which was recounted then.
            when operation = 'update' and b.timing = 'statement' and pgscore._follows_keys(b.events, b.profile) then '''recount'''
            -- NaN and infinity cannot be taken away again.
            when sums then 'case when bool_or(f.delta ~ ''[NI]'') then ''recount'' else ''move'' end'
            else '''move'''
        end,
        b.event_key, array_to_string(deltas, ', '), source,
        -- Inserted events are told even where no filter takes them: their profile may be missing.
        case
            when operation = 'insert' or recounted then ''
            else 'having ' || coalesce((select string_agg(d || ' <> 0', ' or ') from unnest(deltas) d), 'false')
        end,
        case b.timing when 'statement' then 'perform pgscore._apply_statement();' else '' end
    );
end
$$;

comment on function pgscore._fold_body(pgscore.binding, text) is
    'The body of the trigger function that folds what a statement inserted, updated or deleted by key, and queues it';
