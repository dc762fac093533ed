create function pgscore._reconcile_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: compares the counters of the next rows of {{profile}} with the events of {{events}}.
-- Generated; change it with pgscore.attach.
<<here>>
declare
    page {{profile}}[];
    wrong {{profile}}[];
    missed text[];
    after text[];
begin
    insert into pgscore.reconciliation as s (binding, repair) values ({{number}}, $2)
    on conflict on constraint reconciliation_pkey do update
    set repair = excluded.repair, last_key = null, checked = 0, differing = 0, started = now(), finished = null
    where s.finished is not null or s.repair <> excluded.repair;
    select s.last_key into after from pgscore.reconciliation s where s.binding = {{number}} for update;
    if after is null then
        select array_agg(l.pgscore_row order by {{page_order}}) into page
        from (select pgscore_row from {{profile}} pgscore_row where {{present}} order by {{order}} limit $1) l;
    else
        select array_agg(l.pgscore_row order by {{page_order}}) into page
        from (
            select pgscore_row from {{profile}} pgscore_row
            where {{present}} and ({{order}}) > ({{after}})
            order by {{order}} limit $1
        ) l;
    end if;
    -- One statement and one snapshot: what commits meanwhile is not taken for a difference.
    select array_agg(d.pgscore_row), (array_agg(d.key || ': ' || d.shown))[1:10]
    into wrong, examples
    from (
        select pgscore_row, {{key_text}} as key, {{shown}} as shown
        from unnest(here.page) as u
        join {{profile}} pgscore_row on {{page_match}}
        cross join lateral {{recount}}({{arguments}}, true{{instant}}) r
        where {{differ}}
    ) d;
    finished := coalesce(cardinality(page), 0) < $1;
    if $2 then
        select array_agg(s.key) into missed
        from unnest(here.page) as pgscore_row join pgscore.stale_row s on s.binding = {{number}} and s.key = {{key_text}};
        insert into {{queue}} (pgscore_binding, pgscore_task, {{columns}})
        select {{number}}, 'recount', {{values}}
        from unnest(here.page) as pgscore_row
        where {{key_text}} = any (here.missed)
            or exists (select from unnest(here.wrong) as u where {{page_match}}){{or_due}};
        if found then
            perform {{apply}}(null);
        end if;
        delete from pgscore.stale_row s where s.binding = {{number}} and s.cause = 'backfill' and s.key = any (here.missed);
        -- No trigger sees a TRUNCATE of profiles, or a partition of them that goes.
        if finished then
            delete from pgscore.stale_row s
            where s.binding = {{number}} and not exists (select from {{profile}} pgscore_row where {{key_text}} = s.key);
        end if;
    end if;
    update pgscore.reconciliation s
    set last_key = coalesce({{last}}, s.last_key), checked = s.checked + coalesce(cardinality(here.page), 0),
        differing = s.differing + coalesce(cardinality(here.wrong), 0),
        finished = case when coalesce(cardinality(here.page), 0) < $1 then clock_timestamp() end
    where s.binding = {{number}}
    returning s.checked, s.differing into checked, differing;
    -- Deferred triggers of the tables fire here, with the owner's rights, and not with those of a member who called.
    set constraints all immediate;
exception when others then
    {{fail}}
end
$template$ $function$;

comment on function pgscore._reconcile_template() is
    'Template: the function that compares counters of some profiles with their events, and mends them';
grant execute on function pgscore._reconcile_template() to pgscore_reader;
