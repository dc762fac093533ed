create function pgscore._is_small(relation regclass, rows integer) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    former constant text := current_setting('role');
    answer boolean;
begin
    -- As its owner: what it calls itself a table may be a view of somebody's functions.
    perform set_config('role', (select r.rolname from pg_catalog.pg_class c join pg_catalog.pg_roles r on r.oid = c.relowner where c.oid = relation)::text, true);
    execute format('select count(*) <= $1 from (select from %s limit $1 + 1) s', relation) into answer using rows;
    perform set_config('role', former, true);
    return answer;
end
$$;

comment on function pgscore._is_small(regclass, integer) is 'Whether a table has no more than some rows, without reading more than that';
grant execute on function pgscore._is_small(regclass, integer) to pgscore_reader;
