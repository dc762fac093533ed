create function pgscore._apply_statement() returns void
language sql volatile security definer
set search_path = ''
as $$
    select pgscore._apply(true)
$$;

comment on function pgscore._apply_statement() is 'At the end of a statement: the work of bindings whose timing is statement';
grant execute on function pgscore._apply_statement() to pgscore_reader;
