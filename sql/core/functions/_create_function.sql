create function pgscore._create_function(signature text, returns text, posture text, body text, says text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The body is a literal, never dollar-quoted: names of inputs and categories stand in it, and could end the quote.
    execute format('create or replace function %s returns %s language %s as %L', signature, returns, posture, body);
    perform pgscore._publish_function(signature, says);
end
$$;

comment on function pgscore._create_function(text, text, text, text, text) is
    'Writes a generated function with its comment and its only privilege: readers may call it.';
