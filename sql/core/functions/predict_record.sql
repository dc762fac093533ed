create function pgscore.predict(model text, profile record) returns jsonb
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
    return pgscore.predict(model, to_jsonb(profile));
end
$$;

comment on function pgscore.predict(text, record) is
    'What a model''s serving version says of any row that has its inputs as columns: label and class probabilities, or value';
grant execute on function pgscore.predict(text, record) to pgscore_reader;
