-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

-- Its rows go back to one table: they are copied.
lock table pgscore.prediction_log in access exclusive mode;
alter table pgscore.prediction_log rename to prediction_log_by_time;
alter sequence pgscore.prediction_log_id_seq rename to prediction_log_by_time_id_seq;

create table pgscore.prediction_log (
    id bigint generated always as identity primary key,
    logged_at timestamptz not null default clock_timestamp(),
    model text not null,
    version integer not null,
    binding text,
    key text,
    score double precision
);

comment on table pgscore.prediction_log is 'Scores that bindings stored, in the transactions that stored them';
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

insert into pgscore.prediction_log (id, logged_at, model, version, binding, key, score) overriding system value
select t.id, t.logged_at, t.model, t.version, t.binding, t.key, t.score from pgscore.prediction_log_by_time t order by t.id;
select setval('pgscore.prediction_log_id_seq', s.last_value, s.is_called) from pgscore.prediction_log_by_time_id_seq s;
drop table pgscore.prediction_log_by_time;

drop function pgscore._partitioned_table(parent name);

drop function pgscore._partition_bounds(relation regclass);

drop function pgscore._default_partition(relation regclass);

drop function pgscore._partition_start(at timestamptz, step interval);

drop function pgscore._empty_partition(relation regclass, begins timestamptz);

drop function pgscore._move_from_default(relation regclass, target regclass, begins timestamptz, ends timestamptz);

drop function pgscore._add_partition(relation regclass, begins timestamptz, ends timestamptz);

drop function pgscore._make_partitions(parent name, step interval, ahead integer);

drop function pgscore._drop_all(relation regclass, doomed regclass[]);

drop function pgscore._drop_partitions(parent name, older_than interval);

drop function pgscore._drop_partitions_beyond(parent name, keep bigint);

drop function pgscore._partition_state(parent name, out partitions integer, out bytes bigint, out rows bigint, out until timestamptz, out in_default bigint);

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- core/become_oneself.sql
reset search_path;

reset role;
