create function pgscore._check_owner(relation regclass) returns regrole
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    owner constant regrole := (select c.relowner from pg_catalog.pg_class c where c.oid = relation);
    space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = relation);
    wanted text;
begin
    if not pg_has_role(pgscore._caller(), owner, 'member') then
        raise exception '% owns table % and % is no member of it', owner, relation, pgscore._caller()
            using errcode = 'insufficient_privilege', hint = 'Only who could drop both tables may tie or untie them.';
    elsif not pg_has_role(owner, 'pgscore_reader', 'usage') then
        wanted := format('grant pgscore_reader to %s', owner);
    elsif not has_schema_privilege(owner, space, 'usage') or not has_schema_privilege(owner, space, 'create') then
        wanted := format('grant usage, create on schema %s to %s', space, owner);
    end if;
    if wanted is not null then
        raise exception 'functions that work with the rights of %, who owns table %, need a right that it has not', owner, relation
            using errcode = 'insufficient_privilege', hint = wanted;
    end if;
    return owner;
end
$$;

comment on function pgscore._check_owner(regclass) is
    'The owner of a table, if the caller is one of its members and it can have functions beside its table';
grant execute on function pgscore._check_owner(regclass) to pgscore_reader;
