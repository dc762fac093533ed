create table pgscore.measurement (
    model text not null,
    version integer not null,
    engine text not null,
    one_us double precision not null,
    many_us double precision not null,
    measured_at timestamptz not null default now(),
    primary key (model, version, engine),
    foreign key (model, version) references pgscore.model_version (model, version),
    constraint engine_is_known check (engine in ('sql', 'interpreter', 'estimator', 'onnx'))
);

comment on table pgscore.measurement is 'How long engines took for golden rows, in this database, when a version was last promoted';
comment on column pgscore.measurement.model is 'The model';
comment on column pgscore.measurement.version is 'The version';
comment on column pgscore.measurement.engine is 'The engine';
comment on column pgscore.measurement.one_us is 'Microseconds for one row in a statement of its own, on a warm connection';
comment on column pgscore.measurement.many_us is 'Microseconds for a row among many';
comment on column pgscore.measurement.measured_at is 'When it was measured';
grant select on pgscore.measurement to pgscore_reader;
