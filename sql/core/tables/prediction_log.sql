-- After what makes partitions, and last in a migration: applications write to it.
create table pgscore.prediction_log (
    id bigint generated always as identity,
    logged_at timestamptz not null default clock_timestamp(),
    model text not null,
    version integer not null,
    binding text,
    key text,
    score double precision
) partition by range (logged_at);

comment on table pgscore.prediction_log is 'Scores that bindings stored, in the transactions that stored them; partitioned by time';
comment on column pgscore.prediction_log.id is 'Counts up';
comment on column pgscore.prediction_log.logged_at is 'When the score was computed';
comment on column pgscore.prediction_log.model is 'The model';
comment on column pgscore.prediction_log.version is 'The version that gave the score';
comment on column pgscore.prediction_log.binding is 'The binding that stored it';
comment on column pgscore.prediction_log.key is 'The key of the profile row';
comment on column pgscore.prediction_log.score is 'The score; NULL where an input is NULL that the model does not accept';
grant select on pgscore.prediction_log to pgscore_operator;

-- Functions of a profile table's owner write here, each for its own bindings.
grant insert (model, version, binding, key, score) on pgscore.prediction_log to pgscore_reader;
alter table pgscore.prediction_log enable row level security;
create policy read_all on pgscore.prediction_log for select to pgscore_operator using (true);
create policy own_bindings on pgscore.prediction_log for insert
    with check (
        exists (
            select from pgscore.binding b
            where b.name = prediction_log.binding and b.model = prediction_log.model
                and pg_get_userbyid(b.owner) = current_user
        )
    );

comment on policy read_all on pgscore.prediction_log is 'Operators read what all bindings logged';
comment on policy own_bindings on pgscore.prediction_log is 'The owner of a profile table logs scores of its rows';

-- A week each: few enough that a session learns of them at once, small enough to be dropped one by one.
select pgscore._make_partitions('prediction_log', '7 days', 4);
