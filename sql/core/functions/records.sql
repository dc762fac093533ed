-- plpgsql, because only it takes a record: rows of subqueries, common table expressions, row(), views, other tables.
-- What becomes JSON on the way does so alike in every session.

create function pgscore.score(model text, profile record) returns double precision
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return pgscore.score(model, to_jsonb(profile));
end
$$;

comment on function pgscore.score(text, record) is
    'The score that a model''s serving version gives for any row that has the model''s inputs as columns';
grant execute on function pgscore.score(text, record) to pgscore_reader;

create function pgscore.predict(model text, profile record) returns jsonb
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return pgscore.predict(model, to_jsonb(profile));
end
$$;

comment on function pgscore.predict(text, record) is
    'What a model''s serving version says of any row that has its inputs as columns: label and class probabilities, or value';
grant execute on function pgscore.predict(text, record) to pgscore_reader;

select pgscore._create_function(f) from pgscore._payload_dispatch() f;
