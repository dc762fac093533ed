-- Their triggers would call what has gone, and fail every insert.
do $$
begin
    if exists (select from pgscore.binding b join pg_catalog.pg_class c on c.oid = b.events) then
        raise exception 'tables are still attached: %', (select string_agg(b.name, ', ' order by b.number) from pgscore.binding b)
            using errcode = 'dependent_objects_still_exist',
                  hint = 'select pgscore.detach(events, profile) from pgscore.binding detaches them.';
    end if;
    -- Artifacts, golden rows, history and the prediction log: nothing else holds them.
    if exists (select from pgscore.model) and 'models' <> all (regexp_split_to_array(coalesce(current_setting('pgscore.lose', true), ''), '[, ]+')) then
        raise exception 'published models would be lost: %', (select string_agg(m.name, ', ' order by m.name) from pgscore.model m)
            using errcode = 'dependent_objects_still_exist',
                  hint = 'alembic -x lose=models takes them away; pg_dump --schema=pgscore keeps a copy.';
    end if;
end
$$;

-- The roles stay: they are cluster-wide, and another database may use them. `drop role` when none does.
set role pgscore_owner;
drop schema pgscore_models cascade;
drop schema pgscore cascade;
alter default privileges grant execute on functions to public;
alter default privileges grant usage on types to public;
reset role;
