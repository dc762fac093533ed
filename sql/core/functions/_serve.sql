create function pgscore._serve(model text, version integer) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    bound regclass;
begin
    update pgscore.model m set serving = _serve.version where m.name = _serve.model;
    perform pgscore._generate_model(model);
    perform pgscore._generate_dispatch();
    for bound in select p.profile from pgscore.model_profile p where p.model = _serve.model loop
        perform pgscore._generate_dispatch(bound);
    end loop;
end
$$;

comment on function pgscore._serve(text, integer) is
    'Has a version answer: replaces the functions that name it. Callers hold the lock on generated functions';
