create function pgscore._load_refusal(
    model text, version integer, out sqlstate text, out message text, out hint text
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    piece record;
begin
    if to_regnamespace('pgscore_trusted') is null then
        sqlstate := '55000';
        message := 'it needs PL/Python, which this database does not have';
        hint := 'A superuser runs alembic upgrade plpython@head.';
        return;
    end if;
    -- Here, because PL/Python would call it in a subtransaction, which nothing in a parallel plan can have.
    perform pgscore_trusted._runtime();
    for piece in
        select c.ordinal, c.content from pgscore.artifact_chunk c
        where c.model = _load_refusal.model and c.version = _load_refusal.version
        order by c.ordinal
    loop
        perform pgscore_trusted._receive(piece.ordinal, piece.content);
    end loop;
    if piece.ordinal is null then
        sqlstate := '55000';
        message := 'its artifact was pruned';
        hint := 'Publish the same file again to bring it back.';
        return;
    end if;
    select l.sqlstate, l.message, l.hint into sqlstate, message, hint
    from pgscore.model_version v,
        pgscore_trusted._load(
            v.contract::text, v.signature, v.key_id,
            array(
                select c.type from pgscore.confirmed_type c where c.model = v.model and c.version = v.version
            )
        ) l
    where v.model = _load_refusal.model and v.version = _load_refusal.version;
    hint := replace(replace(hint, '{model}', model), '{version}', version::text);
end
$$;

comment on function pgscore._load_refusal(text, integer) is
    'Hands the artifact of a version to this backend, piece by piece, to be checked and unpickled; why it is not, or NULL where it is';
