create function pgscore._bindings_to_reconcile(events regclass, profile regclass) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    names constant text[] := array(
        select b.name from pgscore.binding b where b.events = _bindings_to_reconcile.events and b.profile = _bindings_to_reconcile.profile
        order by b.number
    );
begin
    if cardinality(names) = 0 then
        raise exception 'table % is not tied to %', events, profile using errcode = 'undefined_object';
    end if;
    return names;
end
$$;

comment on function pgscore._bindings_to_reconcile(regclass, regclass) is 'The bindings of two tables; fails where there are none';
grant execute on function pgscore._bindings_to_reconcile(regclass, regclass) to pgscore_reader;
