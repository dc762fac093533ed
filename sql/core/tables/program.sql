create table pgscore.program (
    model text not null,
    version integer not null,
    program jsonb not null,
    digest text not null,
    size integer not null,
    -- To write 500 trees as text takes 20 ms, which the first score of each session would wait for.
    document text generated always as (program::text) stored,
    primary key (model, version),
    foreign key (model, version) references pgscore.model_version (model, version),
    constraint digest_is_a_sha256 check (digest ~ '^[0-9a-f]{64}$')
);

comment on table pgscore.program is 'Programs: versions as data, that the database computes by itself. Checked before they are stored; immutable';
comment on column pgscore.program.model is 'The model';
comment on column pgscore.program.version is 'The version that it computes';
comment on column pgscore.program.program is 'The document that docs/program.md describes';
comment on column pgscore.program.digest is 'Hexadecimal sha256 of its text; what backends keep it under';
comment on column pgscore.program.size is 'Nodes of its trees, or what takes as long to plan';
comment on column pgscore.program.document is 'Its text, which backends read for the interpreter';
grant select on pgscore.program to pgscore_reader;
