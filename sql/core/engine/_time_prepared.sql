create function pgscore._time_prepared(
    query text, numbers double precision[], texts text[], repeats integer, until timestamptz
) returns double precision
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_generic_plan'
as $$
declare
    times double precision[] := '{}';
    started timestamptz;
    run constant text := format('execute "pgscore measures" (%L, %L)', numbers, texts);
begin
    -- What a failed measurement left.
    if exists (select from pg_catalog.pg_prepared_statements s where s.name = 'pgscore measures') then
        deallocate "pgscore measures";
    end if;
    execute format('prepare "pgscore measures" (double precision[], text[]) as %s', query);
    for turn in -2 .. repeats loop
        started := clock_timestamp();
        execute run;
        if turn > 0 or clock_timestamp() > until then
            times := times || (extract(epoch from clock_timestamp() - started) * 1e6)::double precision;
        end if;
        exit when clock_timestamp() > until;
    end loop;
    deallocate "pgscore measures";
    return (select percentile_cont(0.5) within group (order by t.time) from unnest(times) as t (time));
end
$$;

comment on function pgscore._time_prepared(text, double precision[], text[], integer, timestamptz) is
    'Microseconds that a prepared statement takes, from starting its plan to its end: the median of some runs, or of fewer where time is over';
