create function pgscore._publish_function(signature text, says text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('comment on function %s is %L', signature, says);
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to pgscore_reader', signature);
end
$$;

comment on function pgscore._publish_function(text, text) is
    'Gives a generated function its comment and its only privilege: readers may call it';
