create function pgscore._choose_engine(times jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- What disturbs a run makes it longer, never shorter: the least counts. A machine may be disturbed all the time, so
    -- the runs beside each other have to say the same.
    with runs as (
        select e.key as engine, u.ordinal, u.time::double precision
        from jsonb_each(times) e
        left join lateral jsonb_array_elements(e.value) with ordinality as u (time, ordinal) on true
    ),
    engines as (
        select r.engine, min(r.time) as least_time from runs r group by r.engine
    )
    select e.engine
    from engines e
    left join engines s on s.engine = 'sql'
    where s.engine is null or e.engine = 'sql'
        or (
            2 * e.least_time <= s.least_time
            and (
                select 4 * count(*) filter (where 2 * r.time <= q.time) >= 3 * count(*)
                from runs r join runs q on q.ordinal = r.ordinal and q.engine = 'sql'
                where r.engine = e.engine
            )
        )
    -- sql last: who is left beside it is clearly faster.
    order by e.engine = 'sql', e.least_time, e.engine
    limit 1
$$;

comment on function pgscore._choose_engine(jsonb) is
    'The engine to take, of times of runs in turn by engine: sql, unless another needs at most half of its least time, and of its time in three of four turns';

create function pgscore._choose_engines(
    model text, version integer, named text, max_seconds double precision default 10,
    out one_engine text, out many_engine text, out measured jsonb
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    engines constant text[] := pgscore._engines(model, version);
    -- What has no score to measure, or one engine only, needs no choice; and scikit-learn is the last resort, since each
    -- new connection pays seconds for it: it is not even timed beside others. Nor is onnxruntime, which needs a quarter
    -- of a second, and may be turned off.
    candidates constant text[] := coalesce(
        nullif(array(select e from unnest(engines) e where not pgscore._takes_arrays(e)), '{}'), engines
    );
begin
    if named is not null and named <> all (engines) then
        raise exception 'model "%" version % has no engine "%" in this database', model, version, named
            using errcode = 'invalid_parameter_value', hint = format('It has %s.', array_to_string(engines, ', '));
    end if;
    with times as materialized (
        select e.engine, coalesce(m.one_us, '{}') as one_us, coalesce(m.many_us, '{}') as many_us
        from unnest(candidates) as e (engine)
        left join pgscore._measure(model, version, candidates, coalesce(max_seconds, 'Infinity')) m on m.engine = e.engine
    )
    select
        coalesce(named, pgscore._choose_engine(jsonb_object_agg(t.engine, t.one_us))),
        coalesce(named, pgscore._choose_engine(jsonb_object_agg(t.engine, t.many_us))),
        -- As text: JSON has no infinity.
        jsonb_object_agg(t.engine, jsonb_build_array(
            coalesce((select min(u) from unnest(t.one_us) u), 'Infinity')::text,
            coalesce((select min(u) from unnest(t.many_us) u), 'Infinity')::text
        ))
    into one_engine, many_engine, measured
    from times t;
end
$$;

comment on function pgscore._choose_engines(text, integer, text, double precision) is
    'Measures the engines of a version and chooses those for one row and for many, or takes the one that is named for both; in no more than that many seconds, but for one run of each';

create function pgscore._note_measurements(model text, version integer, measured jsonb) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    delete from pgscore.measurement m
    where m.model = _note_measurements.model and m.version = _note_measurements.version;
    insert into pgscore.measurement (model, version, engine, one_us, many_us)
    select _note_measurements.model, _note_measurements.version, e.key, (e.value ->> 0)::double precision, (e.value ->> 1)::double precision
    from jsonb_each(measured) e;
$$;

comment on function pgscore._note_measurements(text, integer, jsonb) is 'Keeps how long the engines of a version took';
