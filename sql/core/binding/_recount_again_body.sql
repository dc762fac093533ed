create function pgscore._recount_again_body() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- One statement may fire several triggers, as ON CONFLICT, MERGE and writable CTEs do. Where constraints are immediate,
    -- or work is done at the end of each statement, what one of them has recounted a later one would add again.
    select format(
        'if %s then
            here.work := array(
                select row(
                    w.binding, case when w.task in (''move'', ''undo'') then ''recount'' else w.task end, w.keys, w.deltas
                )::pgscore.work
                from unnest(here.work) w
            );
        elsif exists (select from unnest(here.work) w where w.task <> ''move'') then
            perform set_config(''pgscore.recounted'', extract(epoch from statement_timestamp())::text, true);
        end if;',
        pgscore._recounted()
    )
$$;

comment on function pgscore._recount_again_body() is
    'What the apply function does so that events which a recount has seen are not added afterwards';
