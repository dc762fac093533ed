create function pgscore._golden_differences(
    model text, version integer, max_seconds double precision default 'Infinity', engines text[] default null
) returns table (
    engine text, ordinal integer, expected double precision, score double precision, reason text,
    difference double precision, ok boolean
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    replayed_engines constant text[] := coalesce(engines, pgscore._engines(model, version));
    -- For the rows between two looks at the clock.
    allowed constant interval := least(max_seconds, 1e6) / 5 * interval '1 second';
    began timestamptz;
    last_row constant integer := (
        select max(g.ordinal) from pgscore.golden_row g
        where g.model = _golden_differences.model and g.version = _golden_differences.version
    );
    -- The same estimator may differ in the last bits when another processor's arithmetic adds in another order, and a sum
    -- of large terms in more of them. Where it adds in single precision, its contract says what follows from that.
    tolerance constant double precision := coalesce(
        (
            select (v.contract ->> 'tolerance')::double precision from pgscore.model_version v
            where v.model = _golden_differences.model and v.version = _golden_differences.version
        ),
        1e-12
    );
    named text;
    first integer;
    last integer;
    turn_began timestamptz;
    seconds double precision;
    step integer;
begin
    -- What the first one in a session waits for, seconds of imports, is no replaying.
    if exists (select from unnest(replayed_engines) e where pgscore._takes_arrays(e)) then
        perform pgscore._loadable(model, version);
    end if;
    began := clock_timestamp();
    foreach named in array replayed_engines loop
        first := 1;
        step := 10;
        -- The clock is looked at between some rows and the next: a timeout that is set in here would interrupt nothing.
        while first <= last_row loop
            turn_began := clock_timestamp();
            last := least(first + step - 1, last_row);
            return query
            with replayed as materialized (
                select r.* from pgscore._replay(named, _golden_differences.model, _golden_differences.version, first, last) r
            ),
            compared as (
                select
                    g.ordinal, g.expected, r.score, r.reason, g.scale,
                    case
                        when g.expected = r.score and g.outputs = r.outputs then 0
                        else greatest(
                            pgscore._distance(g.expected, r.score),
                            (
                                select max(pgscore._distance(o.expected, o.output))
                                from unnest(g.outputs, r.outputs) as o (expected, output)
                                where g.outputs is not null
                            )
                        )
                    end as difference
                from pgscore.golden_row g
                join replayed r on r.ordinal = g.ordinal
                where g.model = _golden_differences.model and g.version = _golden_differences.version
            )
            select named, c.ordinal, c.expected, c.score, c.reason, c.difference,
                -- Of an infinite score everything would be a small part.
                c.difference = 0
                    or c.difference < 'Infinity' and c.difference <= tolerance * greatest(1, abs(c.expected), c.scale)
            from compared c;
            seconds := extract(epoch from clock_timestamp() - began);
            if seconds > max_seconds then
                raise exception 'model "%" version % takes too long: % seconds to golden row % of % in the % engine, and % are allowed',
                    model, version, round(seconds::numeric, 1), last, last_row, named, max_seconds
                    using errcode = 'program_limit_exceeded',
                          hint = '--max-seconds, or max_seconds of pgscore.promote, allows more.';
            end if;
            -- A call costs something whatever it is asked for, so few rows in each would take longer, not less.
            step := case
                when clock_timestamp() < turn_began + allowed then least(10 * step, 1000)
                when clock_timestamp() > turn_began + 2 * allowed then greatest(step / 4, 1)
                else step
            end;
            first := last + 1;
        end loop;
    end loop;
end
$$;

comment on function pgscore._golden_differences(text, integer, double precision, text[]) is
    'Replays the golden rows of a version in each engine that it has, or in those that are named, and compares scores and all outputs, row by row; refused where that takes longer';
