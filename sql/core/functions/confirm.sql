create function pgscore.confirm(model text, version integer, types text[] default null) returns text[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    named text[];
    stranger text;
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    select coalesce(array_agg(t.type order by t.type), '{}') into named
    from pgscore.model_version v, jsonb_array_elements_text(v.contract -> 'types') as t (type)
    where v.model = confirm.model and v.version = confirm.version;
    select min(t.type) into stranger from unnest(types) as t (type) where t.type <> all (named);
    if stranger is not null then
        raise exception 'model "%" version % does not ask for type "%"', model, version, stranger
            using errcode = 'invalid_parameter_value',
                  hint = format('It asks for %s.', coalesce(nullif(array_to_string(named, ', '), ''), 'none'));
    end if;
    insert into pgscore.confirmed_type (model, version, type)
    select confirm.model, confirm.version, t.type from unnest(coalesce(types, named)) as t (type)
    on conflict do nothing;
    return array(
        select t.type from unnest(named) as t (type)
        where not exists (
            select from pgscore.confirmed_type c
            where c.model = confirm.model and c.version = confirm.version and c.type = t.type
        )
        order by 1
    );
end
$$;

comment on function pgscore.confirm(text, integer, text[]) is
    'Confirms types that a skops artifact asks for (without a list: all of them) and returns those that are not confirmed yet';
grant execute on function pgscore.confirm(text, integer, text[]) to pgscore_operator;
