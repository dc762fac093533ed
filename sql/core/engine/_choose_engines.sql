create function pgscore._choose_engines(
    model text, version integer, named text, out one_engine text, out many_engine text, out measured jsonb
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    engines constant text[] := pgscore._engines(model, version);
    -- What has no score to measure, or one engine only, needs no choice; and scikit-learn is the last resort, since each
    -- new connection pays seconds for it.
    candidates constant text[] := coalesce(nullif(array_remove(engines, 'estimator'), '{}'), engines);
begin
    if named is not null and named <> all (engines) then
        raise exception 'model "%" version % has no engine "%" in this database', model, version, named
            using errcode = 'invalid_parameter_value', hint = format('It has %s.', array_to_string(engines, ', '));
    end if;
    -- sql needs nothing, not even an interpreter's start: another engine has to be twice as fast for one row, of which a
    -- statement of its own takes more than a trigger does, and a third faster for many.
    with times as materialized (
        select e.engine, m.one_us, m.many_us
        from unnest(engines) as e (engine), pgscore._measure(_choose_engines.model, _choose_engines.version, e.engine) m
    )
    select
        (array_agg(t.engine order by t.one_us * case t.engine when 'sql' then 0.5 else 1 end) filter (where c.is_candidate))[1],
        (array_agg(t.engine order by t.many_us * case t.engine when 'sql' then 0.75 else 1 end) filter (where c.is_candidate))[1],
        jsonb_object_agg(t.engine, jsonb_build_array(t.one_us::text, t.many_us::text))
    into one_engine, many_engine, measured
    from times t, lateral (select t.engine = any (case when named is null then candidates else array[named] end) as is_candidate) c;
end
$$;

comment on function pgscore._choose_engines(text, integer, text) is
    'Measures the engines of a version and chooses those for one row and for many, or takes the one that is named for both';

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
