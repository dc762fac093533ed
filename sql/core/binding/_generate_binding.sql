create function pgscore._generate_binding(b pgscore.binding) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pgscore._generate_apply_queue();
    if exists (select from pgscore.model m where m.name = b.model) then
        insert into pgscore.model_profile (model, profile) values (b.model, b.profile) on conflict do nothing;
        if exists (select from pgscore.model m where m.name = b.model and m.serving is not null) then
            perform pgscore._generate_model(b.model);
        end if;
    end if;
    perform pgscore._generate_dispatch(b.profile);
end
$$;

comment on function pgscore._generate_binding(pgscore.binding) is 'Writes the functions of pgscore''s own that a binding needs';
