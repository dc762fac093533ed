create function pgscore._load(model text, version integer) returns void
language plpgsql stable parallel restricted
set search_path = ''
as $$
declare
    piece record;
    refusal record;
begin
    for piece in
        select c.ordinal, c.content from pgscore.artifact_chunk c
        where c.model = _load.model and c.version = _load.version
        order by c.ordinal
    loop
        perform pgscore_trusted._receive(piece.ordinal, piece.content);
    end loop;
    if piece.ordinal is null then
        raise exception 'model "%" version % was pruned: its artifact is gone', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Publish the same file again to bring it back.';
    end if;
    select l.sqlstate, l.message, l.hint into refusal
    from pgscore.model_version v,
        pgscore_trusted._load(
            v.contract::text, v.signature, v.key_id,
            array(
                select c.type from pgscore.confirmed_type c where c.model = v.model and c.version = v.version
            )
        ) l
    where v.model = _load.model and v.version = _load.version;
    if refusal.message is not null then
        raise exception 'model "%" version % cannot be loaded: %', model, version, refusal.message
            using errcode = refusal.sqlstate,
                  hint = replace(replace(refusal.hint, '{model}', model), '{version}', version::text);
    end if;
end
$$;

comment on function pgscore._load(text, integer) is
    'Hands the artifact of a version to this backend, piece by piece, and has it checked and unpickled there';
