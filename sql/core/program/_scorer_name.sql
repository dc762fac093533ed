create function pgscore._scorer_name(model text, version integer, suffix text default '') returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := format('_%s %s%s', model, version, suffix);
begin
    -- The blank keeps it apart from whatever is called after a model: their names have none.
    if octet_length(name) > 63 then
        raise exception 'model "%" version % gives the name %, which is too long', model, version, name
            using errcode = 'name_too_long';
    end if;
    return 'pgscore_models.' || quote_ident(name);
end
$$;

comment on function pgscore._scorer_name(text, integer, text) is
    'A function or type of a version: no suffix: the score; b: bare; p: all outputs; i: the type of its inputs';
