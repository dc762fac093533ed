create function pgscore._takes_arrays(engine text) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(engine in ('estimator', 'onnx'), false)
$$;

comment on function pgscore._takes_arrays(text) is
    'Whether an engine calls the artifact itself, in PL/Python, with whole arrays: each call costs, and a session pays for imports';
grant execute on function pgscore._takes_arrays(text) to pgscore_reader;

create function pgscore._called_engine(model text, version integer) returns text
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- By the contract, which is what the runtime goes by.
    select case v.contract ->> 'format' when 'onnx' then 'onnx' else 'estimator' end
    from pgscore.model_version v
    where v.model = _called_engine.model and v.version = _called_engine.version
$$;

comment on function pgscore._called_engine(text, integer) is 'The engine that calls the artifact of a version itself';
