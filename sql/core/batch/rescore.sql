create function pgscore._end_pass(job pgscore.job, out ends text, out waits double precision)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    j pgscore.job;
    due timestamptz;
begin
    select o.* into j from pgscore.job o where o.id = job.id for update;
    waits := 0;
    if j.id is null then
        ends := 'anew';
    elsif j.finished is not null then
        ends := 'finished';
    elsif not j.handed_out then
        ends := 'working';
    else
        select min(p.due) into due from pgscore.job_part p where p.job = j.id;
        if due is not null then
            -- Others are at work, or rows that were locked are to be tried again later.
            ends := 'working';
            waits := least(greatest(extract(epoch from due - clock_timestamp()), 0.02), 1);
        elsif j.target is null and j.pass < 3 and exists (select from pgscore.binding b where b.number = j.binding and b.version is not null) then
            -- A row may have got another key meanwhile, or a commit may have begun before the promotion.
            update pgscore.job o
            set pass = o.pass + 1, last_key = null, handed_out = false, left_out = case when o.whole then o.left_out else 0 end
            where o.id = j.id;
            if not pgscore._hand_out(job) then
                update pgscore.job o set finished = clock_timestamp() where o.id = j.id;
            end if;
            ends := 'working';
        else
            update pgscore.job o set finished = clock_timestamp() where o.id = j.id;
            ends := 'finished';
        end if;
    end if;
end
$$;

comment on function pgscore._end_pass(pgscore.job) is
    'What there is to do for a worker that found no part: to wait, to look for rows that came meanwhile, or nothing';
grant execute on function pgscore._end_pass(pgscore.job) to pgscore_reader;

create function pgscore._do_part(j pgscore.job, part pgscore.job_part) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    promotions constant bigint := pgscore._promotions(j.model);
    found_rows record;
    many_left bigint := 0;
begin
    if j.version is distinct from (select m.serving from pgscore.model m where m.name = j.model) then
        return false;
    end if;
    begin
        select r.* into found_rows from pgscore._run_rescore(j, 'work', part) r;
        -- Score and version are of one promotion, or nothing of this is kept.
        if promotions <> pgscore._promotions(j.model) then
            raise exception 'another version was promoted meanwhile' using errcode = 'serialization_failure';
        end if;
    exception when serialization_failure then
        return false;
    end;
    if cardinality(found_rows.skipped) > 0 and part.round < (case j.pass when 1 then 3 else 1 end) then
        insert into pgscore.job_part (job, first_key, last_key, keys, rows, round, due)
        values (
            j.id, part.first_key, part.last_key, found_rows.skipped, cardinality(found_rows.skipped), part.round + 1,
            clock_timestamp() + 0.05 * 4 ^ part.round * interval '1 second'
        );
    else
        many_left := case when j.whole and j.pass > 1 then 0 else coalesce(cardinality(found_rows.skipped), 0) end;
    end if;
    delete from pgscore.job_part p where p.id = part.id;
    update pgscore.job o
    -- A later pass finds again what was left.
    set done = o.done + case when j.pass > 1 then coalesce(found_rows.changed, 0) when part.round = 0 then part.rows else 0 end,
        changed = o.changed + coalesce(found_rows.changed, 0),
        refused = o.refused + coalesce(found_rows.refused, 0), left_out = o.left_out + many_left
    where o.id = j.id;
    return true;
end
$$;

comment on function pgscore._do_part(pgscore.job, pgscore.job_part) is
    'Scores the rows of a part, and takes it away; false, and nothing is done, where another version was promoted meanwhile';
grant execute on function pgscore._do_part(pgscore.job, pgscore.job_part) to pgscore_reader;

create function pgscore._rescore_step(
    job bigint,
    out state text, out waits double precision, out total bigint, out done bigint, out changed bigint, out refused bigint, out left_out bigint
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    j pgscore.job;
    b pgscore.binding;
    part pgscore.job_part;
begin
    select o.* into j from pgscore.job o where o.id = job;
    state := 'working';
    if not found then
        state := 'anew';
        return;
    elsif j.finished is not null then
        state := 'finished';
    elsif j.target is null then
        -- Nobody detaches the tables, or attaches them again, while a batch is worked on.
        select o.* into b from pgscore.binding o where o.number = j.binding and o.profile = j.profile and o.owner = j.owner for share;
        if not found then
            raise exception 'the tables were detached meanwhile' using errcode = 'undefined_object';
        end if;
        perform pgscore._check_owner(b.events, b.profile);
        if pg_get_userbyid(b.owner) <> current_user or not pgscore._has_rescore(b) then
            perform pgscore._make_rescore(b);
        end if;
    else
        perform pgscore._check_into(j.profile, j.target);
    end if;
    if state = 'working' then
        select p.* into part from pgscore.job_part p
        where p.job = j.id and p.due <= clock_timestamp() order by p.due, p.id limit 1 for update skip locked;
        if part.id is not null then
            if pgscore._do_part(j, part) then
                -- In the same transaction, so that a part is ready for each worker.
                perform pgscore._hand_out(j);
            else
                state := 'anew';
            end if;
        elsif not pgscore._hand_out(j) then
            select e.ends, e.waits into state, waits from pgscore._end_pass(j) e;
        end if;
        perform pgscore._drop_rescore(b) where b.number is not null;
    end if;
    waits := coalesce(waits, 0);
    select o.total, o.done, o.changed, o.refused, o.left_out into total, done, changed, refused, left_out from pgscore.job o where o.id = j.id;
end
$$;

comment on function pgscore._rescore_step(bigint) is
    'Rescores the next rows of a job, whoever else works on it; what it did stands when the caller commits. state: working, finished, or anew, where another version serves; waits: seconds after which to call it again';
grant execute on function pgscore._rescore_step(bigint) to pgscore_reader;

create function pgscore._report_rescore(job bigint) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    j constant pgscore.job := (select o from pgscore.job o where o.id = job);
begin
    raise info '%: version % of model "%": % rows looked at, % written%', coalesce(j.target, j.profile), j.version, j.model, j.done, j.changed,
        case when j.refused > 0 then format(', %s refused by the model', j.refused) || case when j.target is null then ' (pgscore.stale lists them)' else '' end else '' end;
    if j.left_out > 0 then
        raise notice '% rows of % were locked by others all the time and stand as they were: call it again when these have committed',
            j.left_out, j.profile;
    end if;
end
$$;

comment on function pgscore._report_rescore(bigint) is 'Tells the caller of rescore what came of it';
grant execute on function pgscore._report_rescore(bigint) to pgscore_reader;

create procedure pgscore.rescore(
    model text, profile regclass, whole boolean default false, target regclass default null, batch integer default null
)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, every name here is
    -- qualified, and all that is called is pinned itself.
    pinned pg_catalog.text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    job pg_catalog.int8;
    step pg_catalog.record;
begin
    -- The call has read something, and the level is chosen before.
    commit;
    loop
        set transaction isolation level read committed;
        pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        if job is null then
            select s.id into job from pgscore._start_job(model, profile, whole, target, batch) s;
            commit;
            continue;
        end if;
        select s.* into step from pgscore._rescore_step(job) s;
        commit;
        pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        exit when step.state operator(pg_catalog.=) 'finished';
        if step.state operator(pg_catalog.=) 'anew' then
            job := null;
        elsif step.waits operator(pg_catalog.>) 0 then
            perform pg_catalog.pg_sleep(step.waits);
        end if;
        commit;
    end loop;
    perform pgscore._report_rescore(job);
end
$$;

comment on procedure pgscore.rescore(text, regclass, boolean, regclass, integer) is
    'Brings the scores of a profile table up to the version that serves, in batches that commit: of rows that are outdated, stale or without a score, or of all (whole); or writes key, score, version and time of all to another table (target). After an interruption it goes on where it was; several sessions that call it share the work';
grant execute on procedure pgscore.rescore(text, regclass, boolean, regclass, integer) to pgscore_reader;
