-- What is to be done from time to time, for who calls: partitions, the log and finished jobs, and rows that a promotion has
-- left behind. A task that fails leaves the others to be done.

create function pgscore._is_rescore_due(b pgscore.binding, retry interval) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    promoted constant timestamptz := (
        select max(greatest(p.promoted_at, p.rolled_back_at)) from pgscore.promotion p where p.model = b.model
    );
    last_began timestamptz;
    is_unfinished boolean;
begin
    -- Rows that stay stale, because the model refuses them, are not tried all the time.
    select max(j.started) filter (where j.finished is not null), coalesce(bool_or(j.finished is null), false)
    into last_began, is_unfinished
    from pgscore.job j where j.model = b.model and j.profile = b.profile and j.target is null;
    return is_unfinished or last_began is null or last_began <= promoted
        or last_began < now() - retry and (
            exists (select from pgscore.stale_row s where s.binding = b.number and s.cause = 'score')
            or exists (
                select from pgscore._versions_of(b) v
                where v.rows > 0 and (
                    not v.is_scored or v.version <> (select m.serving from pgscore.model m where m.name = b.model)
                )
            )
        );
end
$$;

comment on function pgscore._is_rescore_due(pgscore.binding, interval) is
    'Whether rows of a binding''s profile table wait to be rescored: since a promotion, or for longer than that because they are stale or without a score';
grant execute on function pgscore._is_rescore_due(pgscore.binding, interval) to pgscore_reader;

create function pgscore._maintenance_tasks(rescores boolean default true, retry interval default '1 hour') returns table (
    task text, model text, relation regclass
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if has_function_privilege('pgscore._make_partitions(name, interval, integer)', 'execute') then
        return query
        select 'prune', null::text, r from unnest(array['pgscore.prediction_log', 'pgscore.score_change']::regclass[]) r
        union all
        -- When what is too old is gone: no partition is made for that.
        select 'partitions', null, 'pgscore.prediction_log'::regclass;
    end if;
    return query select 'jobs', null::text, 'pgscore.job'::regclass;
    if rescores is not true then
        return;
    end if;
    return query
    select 'rescore', t.model, t.profile
    from (select distinct on (b.profile, b.model) b.* from pgscore.binding b order by b.profile, b.model, b.number) t
    join pg_catalog.pg_class c on c.oid = t.profile
    join pgscore.model m on m.name = t.model and m.serving is not null
    -- A superuser does not touch what is another role's.
    where (pgscore._owner_problem(t.profile, t.profile)).problem is null
        and pgscore._is_rescore_due((select o from pgscore.binding o where o.number = t.number), retry);
end
$$;

comment on function pgscore._maintenance_tasks(boolean, interval) is
    'What there is to do for the current role: partitions and prune, for operators; jobs; and for owners the tables whose rows are to be rescored';
grant execute on function pgscore._maintenance_tasks(boolean, interval) to pgscore_reader;

create function pgscore._maintain_log(keep interval, keep_rows bigint) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    dropped integer := 0;
begin
    if keep is not null then
        dropped := pgscore._drop_partitions('prediction_log', keep);
    end if;
    if keep_rows is not null then
        dropped := dropped + pgscore._drop_partitions_beyond('prediction_log', keep_rows);
    end if;
    return format('%s partitions dropped', dropped);
end
$$;

comment on function pgscore._maintain_log(interval, bigint) is 'Prunes the prediction log by age and by count, where these are not NULL; what it did';
grant execute on function pgscore._maintain_log(interval, bigint) to pgscore_operator;

create function pgscore._maintain_jobs(keep interval) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    gone bigint;
begin
    -- One that somebody works on is locked, or has begun since.
    with doomed as (
        select j.id from pgscore.job j
        where coalesce(j.finished, j.started) < now() - keep
            or not exists (select from pg_catalog.pg_class c where c.oid = j.profile)
            or j.target is not null and not exists (select from pg_catalog.pg_class c where c.oid = j.target)
        for update skip locked
    ), taken as (delete from pgscore.job j using doomed d where d.id = j.id returning j.id)
    select count(*) into gone from taken;
    return format('%s jobs tidied away', gone);
end
$$;

comment on function pgscore._maintain_jobs(interval) is
    'Takes away jobs that finished, or were left unfinished, longer ago than that, and those of tables that are gone; what it did';
grant execute on function pgscore._maintain_jobs(interval) to pgscore_reader;

create function pgscore._maintain_step(
    task text, model text, relation regclass, job bigint, keep interval, keep_rows bigint, step interval, ahead integer, keep_jobs interval,
    keep_changes interval, out state text, out says text, out unfinished bigint, out waits double precision
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    looked_at bigint;
    written bigint;
begin
    state := 'finished';
    waits := 0;
    if task = 'partitions' then
        says := format('%s partitions made', pgscore._make_partitions((select c.relname from pg_catalog.pg_class c where c.oid = relation), step, ahead));
    elsif task = 'prune' and relation = 'pgscore.score_change'::regclass then
        says := format('%s partitions dropped', pgscore.prune_score_changes(keep_changes));
    elsif task = 'prune' then
        says := pgscore._maintain_log(keep, keep_rows);
    elsif task = 'jobs' then
        says := pgscore._maintain_jobs(keep_jobs);
    elsif job is null then
        select s.id into unfinished from pgscore._start_job(model, relation) s;
        state := 'working';
    else
        select s.state, s.waits, s.done, s.changed into state, waits, looked_at, written from pgscore._rescore_step(job) s;
        -- Where another version serves meanwhile it begins anew.
        unfinished := case state when 'working' then job end;
        state := case state when 'finished' then state else 'working' end;
        says := format('%s rows looked at, %s written', looked_at, written);
    end if;
exception when others then
    -- The next task is another table's.
    state := 'failed';
    says := sqlerrm;
    unfinished := null;
    waits := 0;
end
$$;

comment on function pgscore._maintain_step(text, text, regclass, bigint, interval, bigint, interval, integer, interval, interval) is
    'Does a task, or the next batch of it. state: finished, working, or failed, and says why; what it did stands when the caller commits';
grant execute on function pgscore._maintain_step(text, text, regclass, bigint, interval, bigint, interval, integer, interval, interval) to pgscore_reader;

create function pgscore._report_task(model text, relation regclass, state text, says text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    subject constant text := relation::text || coalesce(' by model "' || model || '"', '');
begin
    if state = 'failed' then
        raise warning '%: %', subject, says;
        return format('%s: %s', subject, says);
    end if;
    raise info '%: %', subject, says;
    return null;
end
$$;

comment on function pgscore._report_task(text, regclass, text, text) is
    'Tells the caller of maintain what came of a task; what failed is returned too';
grant execute on function pgscore._report_task(text, regclass, text, text) to pgscore_reader;

create function pgscore._end_maintenance(tasks integer, failures text[]) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if tasks = 0 then
        raise notice 'there is nothing to maintain for %: operators keep the log, owners their tables', current_user;
    elsif cardinality(failures) > 0 then
        raise exception '% of % tasks failed: %', cardinality(failures), tasks, array_to_string(failures, '; ')
            using hint = 'What the others did stands.';
    end if;
end
$$;

comment on function pgscore._end_maintenance(integer, text[]) is 'Fails, when all is done, if a task has failed: so whoever schedules it sees';
grant execute on function pgscore._end_maintenance(integer, text[]) to pgscore_reader;

create procedure pgscore.maintain(
    keep interval default '1 year', keep_rows bigint default null, step interval default '7 days', ahead integer default 4,
    rescores boolean default true, retry interval default '1 hour', keep_jobs interval default '30 days',
    keep_changes interval default '30 days'
)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, every name here is
    -- qualified, and all that is called is pinned itself.
    pinned pg_catalog.text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    tasks pg_catalog.text[];
    models pg_catalog.text[];
    relations pg_catalog.oid[];
    job pg_catalog.int8;
    done pg_catalog.record;
    failures pg_catalog.text[] := '{}';
    failure pg_catalog.text;
begin
    -- The call has read something, and the level is chosen before.
    commit;
    set transaction isolation level read committed;
    pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    select pg_catalog.array_agg(t.task), pg_catalog.array_agg(t.model), pg_catalog.array_agg(t.relation::pg_catalog.oid)
    into tasks, models, relations
    from pgscore._maintenance_tasks(rescores, retry) t;
    commit;
    for number in 1 .. coalesce(pg_catalog.cardinality(tasks), 0) loop
        job := null;
        loop
            set transaction isolation level read committed;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            select s.* into done
            from pgscore._maintain_step(
                tasks[number], models[number], relations[number]::pg_catalog.regclass, job, keep, keep_rows, step, ahead, keep_jobs,
                keep_changes
            ) s;
            commit;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            exit when done.state operator(pg_catalog.<>) 'working';
            job := done.unfinished;
            if done.waits operator(pg_catalog.>) 0 then
                perform pg_catalog.pg_sleep(done.waits);
            end if;
            commit;
        end loop;
        failure := pgscore._report_task(models[number], relations[number]::pg_catalog.regclass, done.state, done.says);
        if failure is not null then
            failures := pg_catalog.array_append(failures, failure);
        end if;
        commit;
    end loop;
    pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    perform pgscore._end_maintenance(coalesce(pg_catalog.cardinality(tasks), 0), failures);
end
$$;

comment on procedure pgscore.maintain(interval, bigint, interval, integer, boolean, interval, interval, interval) is
    'Does what is to be done from time to time, for the current role: operators have partitions made ahead, the log pruned (keep: its age, keep_rows: about how many rows; NULL: all) and the outbox too (keep_changes), owners have rows of their tables rescored that are outdated, stale or without a score, and old jobs go. What fails leaves the rest to be done, and is told at the end';
grant execute on procedure pgscore.maintain(interval, bigint, interval, integer, boolean, interval, interval, interval) to pgscore_reader;
