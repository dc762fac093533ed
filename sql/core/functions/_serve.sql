create function pgscore._serve(model text, version integer, engine text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    bound regclass;
begin
    update pgscore.model m
    set serving = _serve.version, engine = _serve.engine, one_engine = c.one_engine, many_engine = c.many_engine
    from pgscore._choose_engines(_serve.model, _serve.version, _serve.engine) c
    where m.name = _serve.model;
    insert into pgscore.model_profile (model, profile)
    select distinct b.model, b.profile
    from pgscore.binding b join pg_catalog.pg_class c on c.oid = b.profile
    where b.model = _serve.model
    on conflict do nothing;
    perform pgscore._generate_model(model);
    perform pgscore._generate_dispatch();
    for bound in select p.profile from pgscore.model_profile p where p.model = _serve.model loop
        perform pgscore._generate_dispatch(bound);
    end loop;
end
$$;

comment on function pgscore._serve(text, integer, text) is
    'Has a version answer: chooses its engines and replaces the functions that name it. Callers hold the lock on generated functions';
