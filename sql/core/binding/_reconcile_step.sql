create function pgscore._reconcile_step(
    binding text, repair boolean, rows integer default 500,
    out checked bigint, out differing bigint, out examples text[], out finished boolean
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    b pgscore.binding;
begin
    select o.* into strict b from pgscore.binding o where o.name = _reconcile_step.binding;
    perform pgscore._check_owner(b.events), pgscore._check_owner(b.profile);
    execute format(
        'select f.* from %s.%I($1, $2) f',
        (select c.relnamespace::regnamespace from pg_catalog.pg_class c where c.oid = b.profile),
        format('_pgscore_binding_%s_reconcile', b.number)
    ) into checked, differing, examples, finished using rows, repair;
end
$$;

comment on function pgscore._reconcile_step(text, boolean, integer) is
    'Compares the counters of the next profiles of a binding with its events; what it did stands when the caller commits';
grant execute on function pgscore._reconcile_step(text, boolean, integer) to pgscore_reader;
