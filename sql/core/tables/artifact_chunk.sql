create table pgscore.artifact_chunk (
    model text not null,
    version integer not null,
    ordinal integer not null,
    content bytea not null,
    primary key (model, version, ordinal),
    foreign key (model, version) references pgscore.model_version (model, version),
    constraint chunk_is_not_empty check (octet_length(content) > 0)
);

-- An artifact is compressed by who wrote it, or not at all: the server need not try again.
alter table pgscore.artifact_chunk alter column content set storage external;

comment on table pgscore.artifact_chunk is 'Artifacts in pieces, so that neither side ever holds one twice. Immutable until pruned';
comment on column pgscore.artifact_chunk.model is 'The model';
comment on column pgscore.artifact_chunk.version is 'The version that the artifact belongs to';
comment on column pgscore.artifact_chunk.ordinal is 'Counts from 1 within the artifact';
comment on column pgscore.artifact_chunk.content is 'The bytes: they may hold what a model learnt about people, so nobody may read them';
