create table pgscore_trusted.allowed_engine (
    engine text primary key,
    megabytes bigint not null default 1024,
    allowed_at timestamptz not null default now(),
    allowed_by name not null default session_user,
    constraint engine_is_one_to_allow check (engine = 'onnx'),
    constraint memory_has_a_bound check (megabytes between 64 and 1048576)
);

comment on table pgscore_trusted.allowed_engine is 'Engines that run a publisher''s data by native code: off, unless a superuser has put them here';
comment on column pgscore_trusted.allowed_engine.engine is 'onnx: onnxruntime, which runs the graphs of all who may publish, signed or not';
comment on column pgscore_trusted.allowed_engine.megabytes is 'How much memory a call of it may take in a backend, beside what that has: whatever needs more is refused';
comment on column pgscore_trusted.allowed_engine.allowed_at is 'Since when it is on';
comment on column pgscore_trusted.allowed_engine.allowed_by is 'The login role that turned it on';
grant select on pgscore_trusted.allowed_engine to pgscore_owner, pgscore_publisher, pgscore_operator;
