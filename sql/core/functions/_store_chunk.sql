create function pgscore._store_chunk(model text, version integer, content bytea) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    before record;
begin
    select v.size, count(c.ordinal) as chunks, coalesce(sum(octet_length(c.content)), 0) as stored,
        exists (
            select from pgscore.retirement r
            where r.model = v.model and r.version = v.version and r.pruned_at is not null
        ) as pruned
    into before
    from pgscore.model_version v left join pgscore.artifact_chunk c on c.model = v.model and c.version = v.version
    where v.model = _store_chunk.model and v.version = _store_chunk.version
    group by v.model, v.version;
    -- What is complete takes nothing more, so a version that was committed cannot change.
    if before.size is null or before.pruned or before.stored + octet_length(content) > before.size then
        raise exception 'model "%" version % takes no more bytes of an artifact', model, version
            using errcode = 'object_not_in_prerequisite_state', hint = 'Publish a new version instead.';
    end if;
    insert into pgscore.artifact_chunk (model, version, ordinal, content)
    values (_store_chunk.model, _store_chunk.version, before.chunks + 1, _store_chunk.content);
end
$$;

comment on function pgscore._store_chunk(text, integer, bytea) is
    'Adds the next piece of an artifact to a version that this transaction publishes';
grant execute on function pgscore._store_chunk(text, integer, bytea) to pgscore_publisher;
