-- Engines are timed in turn, sql, interpreter, sql, interpreter: what disturbs the machine disturbs all of them alike.

create function pgscore._time_in_turn(
    queries text[], numbers double precision[], texts text[], rows integer, turns integer, until timestamptz
) returns table (query integer, times double precision[])
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    size constant integer := cardinality(queries);
    found_times double precision[] := '{}';
    started timestamptz;
    ended timestamptz;
begin
    for place in 1 .. size loop
        -- What a failed measurement left.
        if exists (select from pg_catalog.pg_prepared_statements s where s.name = 'pgscore measures ' || place) then
            execute format('deallocate %I', 'pgscore measures ' || place);
        end if;
        execute format('prepare %I (double precision[], text[], integer) as %s', 'pgscore measures ' || place, queries[place]);
    end loop;
    -- Two turns warm up. They count where time is over.
    for turn in -1 .. turns loop
        exit when turn > -1 and clock_timestamp() > until;
        if turn = 1 then
            found_times := '{}';
        end if;
        for place in 1 .. size loop
            started := clock_timestamp();
            execute format('execute %I (%L, %L, %s)', 'pgscore measures ' || place, numbers, texts, rows);
            ended := clock_timestamp();
            found_times := found_times || (extract(epoch from ended - started) * 1e6)::double precision;
        end loop;
    end loop;
    for place in 1 .. size loop
        execute format('deallocate %I', 'pgscore measures ' || place);
    end loop;
    return query
    with found as (
        select (1 + (t.ordinal - 1) % size)::integer as place, t.ordinal, t.time
        from unnest(found_times) with ordinality as t (time, ordinal)
    )
    select f.place, array_agg(greatest(f.time - (select min(b.time) from found b where b.place = size), 0) order by f.ordinal)
    from found f
    where f.place < size
    group by f.place;
end
$$;

comment on function pgscore._time_in_turn(text[], double precision[], text[], integer, integer, timestamptz) is
    'Microseconds that prepared statements take, run one after the other so many times, or less often where time is over; less the least time of the last one, which is what all of them need';

create function pgscore._measured_queries(
    model text, version integer, engines text[], manner text, query text, arguments text[]
) returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(format(query, pgscore._engine_call(e.engine, model, version, arguments, manner => manner)) order by e.ordinal)
        || format(query, 'r')
    from unnest(engines) with ordinality as e (engine, ordinal)
$$;

comment on function pgscore._measured_queries(text, integer, text[], text, text, text[]) is
    'A query for each engine, and one for what all of them need';

create function pgscore._measure_arrays(
    model text, version integer, numbers double precision[], texts text[], allowed interval
) returns double precision[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    -- What it is given has a statement read it, too, and no more than a few tenths of a second are to go into that.
    most constant integer := greatest(20, least(2000, 50000 / greatest(array_length(numbers, 2), array_length(texts, 2))));
    queries constant text[] := array[
        format(
            'select pgscore._estimate(%L, %s, %L, $3, $1, $2)', model, version, (
                select v.digest from pgscore.model_version v
                where v.model = _measure_arrays.model and v.version = _measure_arrays.version
            )
        ),
        'select $3'
    ];
    began constant timestamptz := clock_timestamp();
    rows integer := least(200, most);
    least_time double precision;
begin
    while coalesce(array_length(numbers, 1), array_length(texts, 1)) < most loop
        numbers := numbers || numbers;
        texts := texts || texts;
    end loop;
    select min(u) into least_time
    from pgscore._time_in_turn(queries, numbers[1:rows], texts[1:rows], rows, 1, began + allowed / 3) t, unnest(t.times) u;
    -- Of such as take their time a few hundred tell enough. What a call costs, however many rows it has, is milliseconds.
    if least_time < 1e5 then
        rows := most;
    end if;
    return (
        select array_agg(u.time / rows order by u.ordinal)
        from pgscore._time_in_turn(queries, numbers[1:rows], texts[1:rows], rows, 5, began + allowed) t,
            unnest(t.times) with ordinality as u (time, ordinal)
    );
end
$$;

comment on function pgscore._measure_arrays(text, integer, double precision[], text[], interval) is
    'How long the estimator engine takes for a row among many, in microseconds, as often as it was run: it is given whole arrays, as in scans';

create function pgscore._measure(
    model text, version integer, engines text[], max_seconds double precision
) returns table (engine text, one_us double precision[], many_us double precision[])
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- A plan that is kept is what a trigger has. To compile one would take longer than all that is measured.
set plan_cache_mode = 'force_generic_plan'
set jit = off
as $$
declare
    described constant jsonb := (
        select v.contract -> 'inputs' from pgscore.model_version v
        where v.model = _measure.model and v.version = _measure.version
    );
    -- Where there is nothing to choose, it only says how long it takes.
    allowed constant interval :=
        least(max_seconds, case when cardinality(engines) > 1 then 2 else 0.5 end) * interval '1 second';
    began constant timestamptz := clock_timestamp();
    elements constant text[] := pgscore._array_elements(described, 's');
    width constant integer := cardinality(elements);
    numbers double precision[];
    texts text[];
    count integer;
    source text;
    arguments text[];
    one jsonb;
    many jsonb;
    -- By arrays, and so apart.
    scanned constant text[] := array(
        select e.engine from unnest(engines) with ordinality as e (engine, ordinal)
        where not pgscore._takes_arrays(e.engine) order by e.ordinal
    );
    rows integer;
begin
    -- Rows that have a score: the others end before they cost anything. Of wide ones fewer, since each statement is given
    -- them all.
    with scored as (
        select min(c.ordinal) as first, max(c.ordinal) as last
        from (
            select g.ordinal from pgscore.golden_row g
            where g.model = _measure.model and g.version = _measure.version and g.expected is not null
            order by g.ordinal
            limit greatest(10, least(100, 5000 / width))
        ) c
    )
    select count(*), array_agg(g.numbers order by g.ordinal) filter (where cardinality(g.numbers) > 0),
        array_agg(g.texts order by g.ordinal) filter (where cardinality(g.texts) > 0)
    into count, numbers, texts
    from scored s, pgscore._golden_arrays(_measure.model, _measure.version, s.first, s.last) g
    where g.expected is not null;
    if count = 0 then
        return;
    end if;
    -- A row's own arrays are cut out of all first: to reach a text goes through all that stand before it.
    select
        format(
            'from (select %s from generate_series(1, $3) as i (i) join ('
                'select g.g, ($1)[g.g:g.g] as numbers, ($2)[g.g:g.g] as texts'
                ' from generate_series(1, least($3, %%1$s)) as g (g) offset 0'
            ') s on s.g = 1 + mod(i.i - 1, %%1$s) offset 0) r',
            string_agg(format('%s as a%s', replace(e.element, '[', '[1]['), e.ordinal), ', ' order by e.ordinal)
        ),
        array_agg('r.a' || e.ordinal order by e.ordinal)
    into source, arguments
    from unnest(elements) with ordinality as e (element, ordinal);
    one := (
        select jsonb_object_agg(engines[t.query], t.times)
        from pgscore._time_in_turn(
            pgscore._measured_queries(model, version, engines, 'inlined', 'select %s ' || format(source, 1), arguments),
            numbers[1:1], texts[1:1], 1, 30, began + allowed / 2
        ) t
    );
    -- What takes long for one row is not asked for many: a thirtieth of a second's worth.
    rows := (
        select least(2000, greatest(20, 3e4 / greatest(max(t.least_time), 1)))
        from (select min(u::double precision) as least_time from jsonb_each(one) e, jsonb_array_elements(e.value) u group by e.key) t
    );
    if cardinality(scanned) > 0 then
        many := (
            select jsonb_object_agg(scanned[t.query], t.times)
            from pgscore._time_in_turn(
                pgscore._measured_queries(
                    model, version, scanned, null, 'select count(%s) ' || format(source, count), arguments
                ),
                numbers, texts, rows, 5, began + allowed
            ) t
        );
    end if;
    return query
    select
        e, array(select u::double precision from jsonb_array_elements(one -> e) u),
        case
            when pgscore._takes_arrays(e) then pgscore._measure_arrays(model, version, numbers, texts, began + allowed - clock_timestamp())
            else array(select u::double precision / rows from jsonb_array_elements(many -> e) u)
        end
    from unnest(engines) e;
end
$$;

comment on function pgscore._measure(text, integer, text[], double precision) is
    'How long engines take for golden rows in this database: for a row in a statement of its own, and for a row among many, as often as they were run in turn; no rows where no golden row has a score';
