create table pgscore.model_version (
    model text not null references pgscore.model (name),
    version integer not null,
    digest text not null,
    sha256 text not null,
    size bigint not null,
    format text not null,
    contract jsonb not null,
    signature bytea,
    key_id text,
    metrics jsonb not null default '{}',
    published_at timestamptz not null default now(),
    published_by name not null default session_user,
    primary key (model, version),
    constraint version_is_positive check (version > 0),
    constraint digest_is_a_sha256 check (digest ~ '^[0-9a-f]{64}$'),
    constraint sha256_is_one check (sha256 ~ '^[0-9a-f]{64}$'),
    constraint size_fits_a_backend check (size between 1 and 1073741824),
    constraint format_is_known check (
        format in (
            'joblib', 'pickle', 'skops', 'xgboost-json', 'xgboost-ubj', 'lightgbm', 'catboost', 'onnx', 'pmml', 'mojo'
        )
    ),
    constraint signature_has_a_key check ((signature is null) = (key_id is null)),
    constraint signature_is_ed25519 check (octet_length(signature) = 64),
    constraint metrics_are_an_object check (jsonb_typeof(metrics) = 'object')
);

-- The same artifact and contract may be vouched for by another key: that is another version.
create unique index model_version_digest on pgscore.model_version (model, digest, coalesce(key_id, ''));

alter table pgscore.model add constraint serving_version_exists
    foreign key (name, serving) references pgscore.model_version (model, version);

comment on table pgscore.model_version is 'Versions of models: everything needed to call and to check an artifact. Immutable';
comment on column pgscore.model_version.model is 'The model';
comment on column pgscore.model_version.version is 'Counts from 1 within the model';
comment on column pgscore.model_version.digest is 'Names artifact and contract together; what backends keep estimators under';
comment on column pgscore.model_version.sha256 is 'Hexadecimal sha256 of the artifact; checked whenever it is loaded';
comment on column pgscore.model_version.size is 'Bytes of the artifact, which pgscore.artifact_chunk holds';
comment on column pgscore.model_version.format is 'How the artifact is stored: joblib, pickle, skops, as a booster''s own file, or as another tool''s: onnx, pmml, mojo';
comment on column pgscore.model_version.contract is 'Inputs with types and nullability, output, library versions';
comment on column pgscore.model_version.signature is 'Ed25519, over sha256 and contract; NULL where it was not signed';
comment on column pgscore.model_version.key_id is 'The key that signed';
comment on column pgscore.model_version.metrics is 'What its publisher says of its quality, by name';
comment on column pgscore.model_version.published_at is 'When it was published';
comment on column pgscore.model_version.published_by is 'The login role that published it';

grant select on pgscore.model_version to pgscore_reader;
