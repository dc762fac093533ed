create function pgscore._targets_of(profile regclass) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A model that several bindings name is asked once; the first of them stands for it.
    select distinct on (b.model) b.* from pgscore._bindings_of(profile) b order by b.model, b.number
$$;

comment on function pgscore._targets_of(regclass) is 'For each model that scores rows of a profile table, the binding that says where the score goes';
