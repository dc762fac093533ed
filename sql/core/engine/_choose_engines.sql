create function pgscore._choose_engines(
    model text, version integer, named text, out one_engine text, out many_engine text
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
    delete from pgscore.measurement m where m.model = _choose_engines.model and m.version = _choose_engines.version;
    insert into pgscore.measurement (model, version, engine, one_us, many_us)
    select _choose_engines.model, _choose_engines.version, e.engine, m.one_us, m.many_us
    from unnest(engines) as e (engine), pgscore._measure(_choose_engines.model, _choose_engines.version, e.engine) m;
    -- sql needs nothing, not even an interpreter's start: another engine has to be twice as fast for one row, of which a
    -- statement of its own takes more than a trigger does, and a third faster for many.
    select
        (array_agg(m.engine order by m.one_us * case m.engine when 'sql' then 0.5 else 1 end))[1],
        (array_agg(m.engine order by m.many_us * case m.engine when 'sql' then 0.75 else 1 end))[1]
    into one_engine, many_engine
    from pgscore.measurement m
    where m.model = _choose_engines.model and m.version = _choose_engines.version
        and m.engine = any (case when named is null then candidates else array[named] end);
end
$$;

comment on function pgscore._choose_engines(text, integer, text) is
    'Measures the engines of a version and chooses those for one row and for many, or takes the one that is named for both';
