create function pgscore._create_function(signature text, returns text, posture text, body text, says text) returns void
language plpgsql volatile
set search_path = ''
as $$
begin
    -- The body is a literal, never dollar-quoted: names of inputs and categories stand in it, and could end the quote.
    execute format('create or replace function %s returns %s language %s as %L', signature, returns, posture, body);
    execute format('comment on function %s is %L', signature, says);
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to pgscore_reader', signature);
end
$$;

comment on function pgscore._create_function(text, text, text, text, text) is
    'Writes a generated function with its comment and its only privilege: readers may call it.';
