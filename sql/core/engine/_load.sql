create function pgscore._load(model text, version integer) returns void
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    refusal record;
begin
    select * into refusal from pgscore._load_refusal(model, version);
    if refusal.message is not null then
        raise exception 'model "%" version % cannot be loaded: %', model, version, refusal.message
            using errcode = refusal.sqlstate, hint = refusal.hint;
    end if;
end
$$;

comment on function pgscore._load(text, integer) is 'Loads the artifact of a version into this backend, or raises why not';
