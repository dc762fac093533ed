create function pgscore._generate_binding(b pgscore.binding) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pgscore._generate_apply_queue();
    insert into pgscore.model_profile (model, profile) values (b.model, b.profile) on conflict do nothing;
    perform pgscore._generate_profile(b.profile);
end
$$;

comment on function pgscore._generate_binding(pgscore.binding) is 'Writes the functions of pgscore''s own that a binding needs';
