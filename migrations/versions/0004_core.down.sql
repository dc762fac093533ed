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

create or replace function pgscore._doctor_log() returns table (bytes bigint, rows bigint, oldest timestamptz)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    bytes := pg_total_relation_size('pgscore.prediction_log');
    select greatest(c.reltuples, 0) into rows from pg_catalog.pg_class c where c.oid = 'pgscore.prediction_log'::regclass;
    if has_table_privilege('pgscore.prediction_log', 'select') then
        select l.logged_at into oldest from pgscore.prediction_log l order by l.id limit 1;
    end if;
    return next;
end
$$;

drop view pgscore.outdated;

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

drop function pgscore._reading_problem(relation regclass, out sqlstate text, out problem text, out hint text);

drop function pgscore._is_free(relation regclass);

drop function pgscore._query_cost(query text, out cost double precision, out is_index_only boolean);

drop function pgscore._guess_versions(profile regclass, version_column name);

drop function pgscore._count_versions(profile regclass, version_column name, score_column name, every boolean);

drop function pgscore._versions_of(b pgscore.binding);

drop function pgscore._outdated_rows(chosen text);

drop function pgscore._version_score_sql(model text, version integer, profile regclass);

drop function pgscore._compared_profile(model text);

drop function pgscore._refuse_comparing(profile regclass);

drop function pgscore._part_of(profile regclass, key text, sample integer, out source text, out total bigint, out is_sample boolean);

drop function pgscore._change(former double precision, latter double precision);

drop function pgscore._comparison_sql(scored text, bins integer, top integer);

drop function pgscore._both_scores_sql(model text, version integer, other integer, profile regclass, key name[], key_sql text, source text);

drop function pgscore._refuse_comparison(model text, version integer, other integer, sample integer, threshold double precision, top integer);

drop function pgscore.compare(model text, version integer, other integer, profile regclass, sample integer, threshold double precision, top integer, out compared_table text, out total bigint, out is_sample boolean, out rows bigint, out compared bigint, out moved bigint, out lost bigint, out gained bigint, out mean double precision, out quantiles jsonb, out histogram jsonb, out most jsonb, out border double precision, out above bigint, out other_above bigint, out upward bigint, out downward bigint);

drop function pgscore._is_rescore_due(b pgscore.binding, retry interval);

drop function pgscore._maintenance_tasks(rescores boolean, retry interval);

drop function pgscore._maintain_log(keep interval, keep_rows bigint);

drop function pgscore._maintain_jobs(keep interval);

drop function pgscore._maintain_step(task text, model text, relation regclass, job bigint, keep interval, keep_rows bigint, step interval, ahead integer, keep_jobs interval, out state text, out says text, out unfinished bigint, out waits double precision);

drop function pgscore._report_task(model text, relation regclass, state text, says text);

drop function pgscore._end_maintenance(tasks integer, failures text[]);

drop procedure pgscore.maintain(keep interval, keep_rows bigint, step interval, ahead integer, rescores boolean, retry interval, keep_jobs interval);

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- core/become_oneself.sql
reset search_path;

reset role;
