create function pgscore._existing_version(model text, version integer) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found constant integer := (
        select max(v.version) from pgscore.model_version v
        where v.model = _existing_version.model
            and (_existing_version.version is null or v.version = _existing_version.version)
    );
begin
    if found is null and version is not null and exists (select from pgscore.model m where m.name = model) then
        raise exception 'model "%" has no version %', model, version
            using errcode = 'undefined_object', hint = format('`pgscore show %s` lists its versions.', model);
    elsif found is null then
        raise exception 'model % is unknown', coalesce('"' || model || '"', 'NULL')
            using errcode = 'undefined_object', hint = '`pgscore list` shows the models.';
    end if;
    return found;
end
$$;

comment on function pgscore._existing_version(text, integer) is
    'The version, or the latest where none is named; refused where there is none';
