create function pgscore._rollback_target(model text) returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select p.version
    from pgscore.promotion p
    join pgscore.model m on m.name = p.model
    where p.model = _rollback_target.model and p.rolled_back_at is null and p.version <> m.serving
    order by p.id desc
    limit 1
$$;

comment on function pgscore._rollback_target(text) is
    'The version that answered before the one that does, promotions that were rolled back left out; NULL where there is none';
