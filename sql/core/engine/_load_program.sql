create function pgscore._load_program(model text, version integer) returns void
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    refusal record;
begin
    -- Here, because PL/Python would call it in a subtransaction, which parallel workers cannot have.
    perform pgscore_trusted._runtime();
    select l.sqlstate, l.message, l.hint into refusal
    from pgscore.program p, pgscore_trusted._load_program(p.document) l
    where p.model = _load_program.model and p.version = _load_program.version;
    if refusal.message is not null then
        raise exception 'model "%" version % cannot be interpreted: %', model, version, refusal.message
            using errcode = refusal.sqlstate, hint = refusal.hint;
    end if;
end
$$;

comment on function pgscore._load_program(text, integer) is 'Has this backend read the program of a version for its interpreter';
grant execute on function pgscore._load_program(text, integer) to pgscore_reader;
