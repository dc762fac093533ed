create function pgscore._add_profile(model text, profile regclass) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from pgscore.model m where m.name = model) then
        insert into pgscore.model_profile (model, profile) values (_add_profile.model, _add_profile.profile) on conflict do nothing;
        if exists (select from pgscore.model m where m.name = model and m.serving is not null) then
            perform pgscore._generate_model(model);
        end if;
    end if;
    perform pgscore._generate_dispatch(profile);
end
$$;
comment on function pgscore._add_profile(text, regclass) is 'stub';
grant execute on function pgscore._add_profile(text, regclass) to pgscore_reader;
