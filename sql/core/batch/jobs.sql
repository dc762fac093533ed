create function pgscore._serving_version(model text) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving constant integer := (select m.serving from pgscore.model m where m.name = _serving_version.model);
begin
    if serving is null then
        perform pgscore._no_answer(model);
    end if;
    return serving;
end
$$;

comment on function pgscore._serving_version(text) is 'The version that answers for a model; fails where none does';
grant execute on function pgscore._serving_version(text) to pgscore_reader;

create function pgscore._promotions(model text) returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A version may have gone and come back. Who rolls back writes to a row that is there.
    select count(*) + count(p.rolled_back_at) from pgscore.promotion p where p.model = _promotions.model
$$;

comment on function pgscore._promotions(text) is 'How many promotions and rollbacks a model has had: the same number twice, and the same version served all the time';
grant execute on function pgscore._promotions(text) to pgscore_reader;

create function pgscore._rescored_binding(model text, profile regclass) returns pgscore.binding
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
declare
    b pgscore.binding;
    problem record;
begin
    if not exists (select from pg_catalog.pg_class c where c.oid = profile) then
        raise exception 'there is no table of the number %: it was dropped', profile::oid using errcode = 'undefined_table';
    end if;
    perform pgscore._check_owner(profile, profile);
    select t.* into b from pgscore._targets_of(_rescored_binding.profile) t where t.model = _rescored_binding.model;
    if not found then
        raise exception 'table % is not attached for model "%", so it has no column for the score', profile, model
            using errcode = 'undefined_object', hint = format(
                'Attach an event table to it, or have the scores written to a table of their own: '
                'call pgscore.rescore(%L, %L, target => ''TABLE'').', model, profile
            );
    end if;
    -- Not while the tables are attached or detached; of several sessions one makes the function.
    select o.* into b from pgscore.binding o where o.number = b.number for update;
    if not found then
        raise exception 'the tables were detached meanwhile' using errcode = 'undefined_object';
    end if;
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._taken_problem(b));
    select p.* into problem
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving,
        lateral pgscore._profile_problem(b.profile, v.contract -> 'inputs') p
    where m.name = b.model;
    if problem.message is not null then
        raise exception '%', problem.message using errcode = problem.sqlstate, hint = coalesce(problem.hint, '');
    end if;
    perform pgscore._make_rescore(b);
    return b;
end
$$;

comment on function pgscore._rescored_binding(text, regclass) is
    'The binding that says where a model''s scores of a profile table go, with the function that writes them; refuses whoever is not the owner';
grant execute on function pgscore._rescored_binding(text, regclass) to pgscore_reader;

create function pgscore._make_rescore(b pgscore.binding) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    statements constant text[] := array(select pgscore._rescore_sql(b, pgscore._rescore_function(b)));
begin
    if pg_get_userbyid(b.owner) = current_user then
        if exists (
            select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
            where n.nspname = b.profile_schema and p.proname = b.profile_prefix || '_rescore' and p.proowner = b.owner and p.prosecdef
                and position(md5(p.prosrc) in statements[2]) > 0
        ) then
            return;
        end if;
        -- The first call makes it; of several sessions one.
        perform from pgscore.binding o where o.number = b.number for update;
    end if;
    perform pgscore._run_all(statements);
end
$$;

comment on function pgscore._make_rescore(pgscore.binding) is
    'Makes the function that rescores, where it does not stand as it is to be, or where the caller is only a member of its owner';
grant execute on function pgscore._make_rescore(pgscore.binding) to pgscore_reader;

create function pgscore._drop_rescore(b pgscore.binding) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A member of the owner runs nothing that another one has put in its place: the function is made in the transaction that
    -- calls it, under a name of the session's own, and is gone before anybody else could see it. It works with the owner's
    -- rights, and so does all that it calls.
    if pg_get_userbyid(b.owner) <> current_user then
        perform pgscore._run_all(array(
            select format('drop function %s', p.oid::regprocedure)
            from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
            where n.nspname = b.profile_schema and p.proname = b.profile_prefix || '_' || pgscore._rescore_function(b) and p.proowner = b.owner
        ));
    end if;
end
$$;

comment on function pgscore._drop_rescore(pgscore.binding) is 'Drops the function that rescores for a member of the owner, in the transaction that made it';
grant execute on function pgscore._drop_rescore(pgscore.binding) to pgscore_reader;

create function pgscore._start_job(
    model text, profile regclass, whole boolean default false, target regclass default null, batch integer default null
) returns pgscore.job
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    wanted pgscore.job;
    j pgscore.job;
    b pgscore.binding;
begin
    if num_nulls(model, profile, whole) > 0 or batch not between 1 and 100000 then
        raise exception 'rescore wants a model, a table, whether it is the whole table, and batches of 1 to 100000 rows'
            using errcode = 'invalid_parameter_value';
    end if;
    wanted.model := model;
    wanted.profile := profile;
    wanted.target := target;
    wanted.version := pgscore._serving_version(model);
    -- Rows of an attached table are locked while their batch is written, and events of theirs wait.
    wanted.batch := coalesce(batch, case when target is null then 10000 else 20000 end);
    if target is null then
        b := pgscore._rescored_binding(model, profile);
        wanted.owner := b.owner;
        wanted.binding := b.number;
        wanted.whole := whole or b.version is null;
    else
        perform pgscore._check_into(profile, target);
        wanted.owner := (select c.relowner from pg_catalog.pg_class c where c.oid = target);
        wanted.whole := true;
    end if;
    for attempt in 1 .. 10 loop
        select o.* into j from pgscore.job o
        where (o.owner, o.model, o.profile, o.whole) = (wanted.owner, wanted.model, wanted.profile, wanted.whole)
            and o.target is not distinct from wanted.target and o.finished is null
        for update;
        if j.version = wanted.version and j.binding is not distinct from wanted.binding then
            update pgscore.job o set batch = coalesce(_start_job.batch, o.batch) where o.id = j.id returning o.* into j;
            exit;
        end if;
        -- Another version serves: what is done of it is to be done again.
        delete from pgscore.job o where o.id = j.id;
        wanted.total := pgscore._rows_to_rescore(wanted);
        insert into pgscore.job (owner, model, profile, binding, target, whole, version, batch, total)
        values (
            wanted.owner, wanted.model, wanted.profile, wanted.binding, wanted.target, wanted.whole, wanted.version, wanted.batch, wanted.total
        )
        on conflict do nothing
        returning * into j;
        exit when j.id is not null;
    end loop;
    if j.id is null then
        raise exception 'others begin and end rescoring table % all the time', profile using errcode = 'lock_not_available';
    end if;
    perform pgscore._drop_rescore(b) where b.number is not null;
    return j;
end
$$;

comment on function pgscore._start_job(text, regclass, boolean, regclass, integer) is
    'The unfinished job that rescores a table, if the version that it began with still serves, or a new one';
grant execute on function pgscore._start_job(text, regclass, boolean, regclass, integer) to pgscore_reader;

create function pgscore._rows_to_rescore(j pgscore.job) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    many bigint;
begin
    -- The pages of an empty table are few; a large one is not read for the sake of a number.
    if j.whole then
        many := (
            select sum(c.reltuples)::bigint
            from pgscore._partitions(j.profile) r join pg_catalog.pg_class c on c.oid = r and c.relkind = 'r' and c.reltuples >= 100000
        );
        if many is not null then
            return many;
        end if;
        execute format('select count(*) from %s', j.profile) into many;
        return many;
    end if;
    return (pgscore._run_rescore(j, 'count', null)).checked;
end
$$;

comment on function pgscore._rows_to_rescore(pgscore.job) is 'How many rows a job has to look at';
grant execute on function pgscore._rows_to_rescore(pgscore.job) to pgscore_reader;

create function pgscore._run_rescore(
    j pgscore.job, task text, part pgscore.job_part,
    out page_first text[], out page_last text[], out checked bigint, out changed bigint, out refused bigint, out skipped text[]
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if j.target is null then
        execute format('select f.* from %s($1, $2, $3, $4, $5, $6, $7, $8) f', (
            select pgscore._profile_object(b, pgscore._rescore_function(b)) from pgscore.binding b where b.number = j.binding
        ))
        into page_first, page_last, checked, changed, refused, skipped
        using j.binding, task, case when j.pass > 1 then 'missed' when j.whole then 'whole' else 'outdated' end, j.version,
            case task when 'page' then j.last_key else part.first_key end, part.last_key, part.keys,
            case task when 'work' then part.rows else j.batch end::integer;
    elsif task = 'page' then
        select p.* into page_first, page_last, checked from pgscore._into_page(j) p;
    else
        select w.* into changed, refused from pgscore._into_work(j, part) w;
    end if;
end
$$;

comment on function pgscore._run_rescore(pgscore.job, text, pgscore.job_part) is
    'Has the owner''s function, or what writes to another table, count rows, hand out the next ones, or do a part of a job';
grant execute on function pgscore._run_rescore(pgscore.job, text, pgscore.job_part) to pgscore_reader;

create function pgscore._hand_out(job pgscore.job) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    j pgscore.job;
    page record;
begin
    -- Locked for no longer than it takes to find the keys: other workers wait here. It is still about what was checked.
    select o.* into j from pgscore.job o
    where o.id = job.id and (o.profile, o.binding, o.target, o.owner) is not distinct from (job.profile, job.binding, job.target, job.owner)
    for update;
    if j.handed_out or j.id is null then
        return false;
    end if;
    select p.* into page from pgscore._run_rescore(j, 'page', null) p;
    if page.checked > 0 then
        insert into pgscore.job_part (job, first_key, last_key, rows) values (j.id, page.page_first, page.page_last, page.checked);
    end if;
    update pgscore.job o
    set last_key = case when page.checked > 0 then page.page_last else o.last_key end, handed_out = page.checked < o.batch
    where o.id = j.id;
    return page.checked > 0;
end
$$;

comment on function pgscore._hand_out(pgscore.job) is 'Makes a part of the next rows of a job; false where there are none';
grant execute on function pgscore._hand_out(pgscore.job) to pgscore_reader;
