create function pgscore._is_small(relation regclass, rows integer) returns boolean
language plpgsql stable
set search_path = ''
as $$
declare
    answer boolean;
begin
    execute format('select count(*) <= $1 from (select from %s limit $1 + 1) s', relation) into answer using rows;
    return answer;
end
$$;

comment on function pgscore._is_small(regclass, integer) is 'Whether a table has no more than some rows, without reading more than that';
grant execute on function pgscore._is_small(regclass, integer) to pgscore_reader;
