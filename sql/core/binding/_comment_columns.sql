create function pgscore._comment_columns(relation text, says jsonb) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    column_comment record;
begin
    for column_comment in select c.key, c.value from jsonb_each_text(says) c loop
        execute format('comment on column %s.%I is %L', relation, column_comment.key, column_comment.value);
    end loop;
end
$$;

comment on function pgscore._comment_columns(text, jsonb) is 'Comments the columns of a generated table';
