create function pgscore._loadable(model text, version integer) returns boolean
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
    if to_regnamespace('pgscore_trusted') is null then
        return false;
    end if;
    return
        (
            select e.scores is not null
            from pgscore.model_version v, pgscore_trusted._estimate(v.digest, 0, null, null, false) e
            where v.model = _loadable.model and v.version = _loadable.version
        )
        or (select r.message is null from pgscore._load_refusal(model, version) r);
end
$$;

comment on function pgscore._loadable(text, integer) is 'Whether this backend has the artifact of a version, or can load it';
