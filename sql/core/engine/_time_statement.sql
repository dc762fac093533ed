create function pgscore._time_statement(
    query text, numbers double precision[], texts text[], rows integer, repeats integer, until timestamptz
) returns double precision
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    times double precision[] := '{}';
    started timestamptz;
    ignored bigint;
begin
    for turn in 0 .. repeats loop
        started := clock_timestamp();
        execute query into ignored using numbers, texts, rows;
        -- The first one warms up.
        if turn > 0 or clock_timestamp() > until then
            times := times || (extract(epoch from clock_timestamp() - started) * 1e6)::double precision;
        end if;
        exit when clock_timestamp() > until;
    end loop;
    return (select percentile_cont(0.5) within group (order by t.time) from unnest(times) as t (time));
end
$$;

comment on function pgscore._time_statement(text, double precision[], text[], integer, integer, timestamptz) is
    'Microseconds that a statement takes, planned each time: the median of some runs, or of fewer where time is over';
