-- plpgsql, because only it takes a record: rows of subqueries, common table expressions, row(), views, other tables.
create function pgscore.score(model text, profile record) returns double precision
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
    return pgscore.score(model, to_jsonb(profile));
end
$$;

comment on function pgscore.score(text, record) is
    'The score that a model''s serving version gives for any row that has the model''s inputs as columns';
grant execute on function pgscore.score(text, record) to pgscore_reader;

select pgscore._generate_dispatch();
