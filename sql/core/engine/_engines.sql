create function pgscore._engines(model text, version integer) returns text[]
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    size constant integer := (
        select p.size from pgscore.program p where p.model = _engines.model and p.version = _engines.version
    );
    found text[] := '{}';
begin
    if size is null then
        return array[pgscore._called_engine(model, version)];
    end if;
    if size <= pgscore._largest_sql_program() then
        found := found || 'sql'::text;
    end if;
    -- The schema stays where somebody drops the language.
    if to_regproc('pgscore_trusted._walk') is not null then
        found := found || 'interpreter'::text;
        -- With a program nothing depends on the artifact: neither on its signature nor on the server's packages.
        if pgscore._loadable(model, version) then
            found := found || pgscore._called_engine(model, version);
        end if;
    end if;
    if found = '{}' then
        raise exception 'model "%" version % has a program of size %, the sql engine takes % at most, and this database has no PL/Python for another engine',
            model, version, size, pgscore._largest_sql_program()
            using errcode = 'program_limit_exceeded',
                  hint = 'Fit a smaller model, or have a superuser run alembic upgrade plpython@head.';
    end if;
    return found;
end
$$;

comment on function pgscore._engines(text, integer) is 'The engines that a version has in this database';
