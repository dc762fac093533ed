-- Which version answers. What takes long, replaying golden rows and measuring, comes first and is bounded in time; then
-- promotions, rollbacks, retirements and prunings wait for each other at pgscore.promotion, which only they lock.

create function pgscore._proof(model text, version integer, max_seconds double precision, out proved jsonb)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    worst record;
begin
    perform pgscore._refuse_pruned(model, version);
    with compared as materialized (
        select d.*
        from pgscore._golden_differences(_proof.model, _proof.version, coalesce(max_seconds, 'Infinity')) d
    ),
    engines as (
        select c.engine, count(*) as rows, max(c.difference) as max_abs_diff from compared c group by c.engine
    )
    select
        (
            select jsonb_agg(
                jsonb_build_object('engine', e.engine, 'rows', e.rows, 'max_abs_diff', e.max_abs_diff, 'ok', true)
                order by e.engine
            )
            from engines e
        ) as engines,
        w.*
    into worst
    from (values (null)) as one (row)
    left join lateral (
        select c.* from compared c where c.ok is not true order by c.difference desc, c.ordinal limit 1
    ) w on true;
    if worst.ordinal is not null then
        raise exception 'model "%" version % is not promoted: golden row % gives % in the % engine, and the fitted estimator gave %',
            model, version, worst.ordinal, coalesce(worst.score::text, 'NULL'), worst.engine,
            coalesce(worst.expected::text, 'NULL')
            using errcode = 'data_exception',
                  detail = coalesce(worst.reason, format('They differ by %s.', worst.difference)),
                  hint = '`pgscore doctor` compares the libraries.';
    end if;
    proved := worst.engines;
end
$$;

comment on function pgscore._proof(text, integer, double precision) is
    'Replays the golden rows of a version in each of its engines, and says what came of it, as pgscore.verify does; refused where one differs, with the worst row, or where it takes longer';

create function pgscore._rollback_target(model text) returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select p.version
    from pgscore.promotion p
    join pgscore.model m on m.name = p.model
    where p.model = _rollback_target.model and p.rolled_back_at is null and p.version <> m.serving
    order by p.id desc
    limit 1
$$;

comment on function pgscore._rollback_target(text) is
    'The version that answered before the one that does, promotions that were rolled back left out; NULL where there is none';

create function pgscore._lock_releases() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Whoever may only read the table cannot stand in the way of this lock, nor does it in theirs.
    lock table pgscore.promotion in share row exclusive mode;
end
$$;

comment on function pgscore._lock_releases() is
    'Until the transaction ends, no other one changes which version answers, or prunes';

create function pgscore._serve(
    model text, version integer, engine text, one_engine text default null, many_engine text default null
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if one_engine is null then
        select c.one_engine, c.many_engine into one_engine, many_engine
        from pgscore._choose_engines(_serve.model, _serve.version, _serve.engine) c;
    end if;
    update pgscore.model m
    set serving = _serve.version, engine = _serve.engine, one_engine = _serve.one_engine, many_engine = _serve.many_engine
    where m.name = _serve.model;
    if to_regprocedure(format('%s(double precision[],text[])', pgscore._scorer_name(model, version, 'r'))) is null then
        perform pgscore._create_explainer(model, version);
    end if;
    perform pgscore._create_function(f) from pgscore._model_functions(model) f;
    perform pgscore._create_function(f) from pgscore._payload_dispatch() f;
    perform pgscore._replace_profiles(model);
end
$$;

comment on function pgscore._serve(text, integer, text, text, text) is
    'Has a version answer, with these engines: replaces the functions that name it. Callers hold the lock on releases';

create function pgscore._restore_models() returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    perform pgscore._lock_releases();
    perform pgscore._compile_program(p.model, p.version) from pgscore.program p;
    perform pgscore._create_explainer(p.model, p.version), pgscore._create_coder(p.model, p.version) from pgscore.program p;
    perform pgscore._serve(m.name, m.serving, m.engine, m.one_engine, m.many_engine)
    from pgscore.model m
    where m.serving is not null;
    -- Triggers call something of models without a version that answers too.
    perform pgscore._replace_profiles(t.model)
    from (select distinct s.model from pgscore._scored_tables() s) t
    where not exists (select from pgscore.model m where m.name = t.model and m.serving is not null);
end
$$;

comment on function pgscore._restore_models() is
    'Makes the functions of all versions and models anew, where they were dropped; versions and engines stay what they are';
grant execute on function pgscore._restore_models() to pgscore_operator;

create function pgscore._promote(
    model text, version integer, engine text, max_seconds double precision, despite_dependents boolean, out proved jsonb
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    chosen record;
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    proved := pgscore._proof(model, version, max_seconds);
    select c.* into chosen
    from pgscore._choose_engines(_promote.model, _promote.version, _promote.engine, max_seconds) c;
    -- With the same version another engine may differ in the last digit, which is enough for an index.
    if despite_dependents is not true and exists (
        select from pgscore.model m
        where m.name = _promote.model
            and (m.serving, m.one_engine, m.many_engine) <> (_promote.version, chosen.one_engine, chosen.many_engine)
    ) then
        perform pgscore._refuse_dependents(
            model, version, format(
                'select pgscore.promote(%L, %s%s, despite_dependents => true)', model, version,
                case when engine is null then '' else format(', %L', engine) end
            )
        );
    end if;
    perform pgscore._lock_releases();
    perform pgscore._refuse_pruned(model, version);
    perform pgscore._refuse_unexplained(model, version);
    if exists (select from pgscore.retirement r where r.model = _promote.model and r.version = _promote.version) then
        raise exception 'model "%" version % is retired', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = format('`pgscore retire %s %s --undo` takes that back.', model, version);
    end if;
    if version is distinct from (select m.serving from pgscore.model m where m.name = _promote.model) then
        insert into pgscore.promotion (model, version) values (_promote.model, _promote.version);
    end if;
    perform pgscore._note_measurements(model, version, chosen.measured);
    perform pgscore._serve(model, version, engine, chosen.one_engine, chosen.many_engine);
end
$$;

comment on function pgscore._promote(text, integer, text, double precision, boolean) is
    'What pgscore.promote does; says what came of the golden rows, so that whoever wants to know need not replay them again';
grant execute on function pgscore._promote(text, integer, text, double precision, boolean) to pgscore_operator;

create function pgscore.promote(
    model text, version integer, engine text default null, max_seconds double precision default 10,
    despite_dependents boolean default false
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    perform pgscore._promote(model, version, engine, max_seconds, despite_dependents);
end
$$;

comment on function pgscore.promote(text, integer, text, double precision, boolean) is
    'Makes a version the one that answers, from the commit of this transaction on, after replaying its golden rows, which is to take no longer than that, and measuring its engines; or with the engine that is named. Refused while indexes, materialized views and the like hold scores of the model, unless despite_dependents';
grant execute on function pgscore.promote(text, integer, text, double precision, boolean) to pgscore_operator;

create function pgscore.rollback(
    model text, max_seconds double precision default 10, despite_dependents boolean default false
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    target integer;
    chosen record;
begin
    perform pgscore._existing_version(model, null);
    target := pgscore._rollback_target(model);
    if target is not null then
        perform pgscore._proof(model, target, max_seconds);
        select c.* into chosen from pgscore._choose_engines(model, target, null, max_seconds) c;
        if despite_dependents is not true then
            perform pgscore._refuse_dependents(
                model, target, format('select pgscore.rollback(%L, despite_dependents => true)', model)
            );
        end if;
    end if;
    perform pgscore._lock_releases();
    if target is distinct from pgscore._rollback_target(model) then
        raise exception 'another version of model "%" was promoted meanwhile: nothing was rolled back', model
            using errcode = 'serialization_failure', hint = 'Look which one answers, and roll back again if it should not.';
    elsif target is null then
        raise exception 'model "%" has no version to go back to', model
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Only promotions can be taken back; `pgscore show` lists the versions that can be promoted.';
    end if;
    perform pgscore._refuse_pruned(model, target);
    perform pgscore._refuse_unexplained(model, target);
    update pgscore.promotion p
    set rolled_back_at = now(), rolled_back_by = session_user
    where p.model = rollback.model and p.rolled_back_at is null
        and p.id > (
            select max(t.id) from pgscore.promotion t
            where t.model = rollback.model and t.version = target and t.rolled_back_at is null
        );
    -- It answers again, whatever was thought of it meanwhile.
    delete from pgscore.retirement r where r.model = rollback.model and r.version = target;
    perform pgscore._note_measurements(model, target, chosen.measured);
    perform pgscore._serve(model, target, null, chosen.one_engine, chosen.many_engine);
    return target;
end
$$;

comment on function pgscore.rollback(text, double precision, boolean) is
    'Takes the latest promotion back: the version that answered before does again, from the commit of this transaction on; replaying its golden rows is to take no longer than that. Refused like a promotion while something holds scores';
grant execute on function pgscore.rollback(text, double precision, boolean) to pgscore_operator;

create function pgscore.retire(model text, version integer, undo boolean default false) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    -- No promotion may come between.
    perform pgscore._lock_releases();
    if undo then
        perform pgscore._refuse_pruned(model, version);
        delete from pgscore.retirement r where r.model = retire.model and r.version = retire.version;
        return;
    end if;
    if version = (select m.serving from pgscore.model m where m.name = retire.model) then
        raise exception 'model "%" version % serves: it cannot be retired', model, version
            using errcode = 'object_in_use', hint = 'Promote another version first, or roll back.';
    end if;
    insert into pgscore.retirement (model, version) values (retire.model, retire.version) on conflict do nothing;
end
$$;

comment on function pgscore.retire(text, integer, boolean) is
    'Marks a version as not to be promoted any more, or takes the mark back; its artifact stays until it is pruned';
grant execute on function pgscore.retire(text, integer, boolean) to pgscore_operator;

create function pgscore.prune(
    model text, older_than interval default '0', keep integer default 0, dry_run boolean default false
) returns table (version integer, bytes bigint)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    target integer;
begin
    perform pgscore._existing_version(model, null);
    if keep is null or keep < 0 or older_than is null then
        raise exception 'prune takes an age and a count that is not negative, not % and %',
            coalesce(older_than::text, 'NULL'), coalesce(keep::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    -- Neither a promotion nor a rollback may come between.
    perform pgscore._lock_releases();
    target := pgscore._rollback_target(model);
    for version, bytes in
        select r.version, v.size
        from (
            select r.*, row_number() over (order by r.retired_at desc, r.version desc) as position
            from pgscore.retirement r
            where r.model = prune.model and r.pruned_at is null
        ) r
        join pgscore.model_version v on v.model = r.model and v.version = r.version
        where r.position > keep and r.retired_at <= now() - older_than and r.version is distinct from target
        order by r.version
    loop
        if not dry_run then
            update pgscore.retirement r set pruned_at = now(), pruned_by = session_user
            where r.model = prune.model and r.version = prune.version;
            begin
                perform pgscore._drop_scorer(model, version);
            exception when dependent_objects_still_exist then
                -- A view of somebody's names them. They are small; the artifact is not.
                null;
            end;
            delete from pgscore.artifact_chunk c where c.model = prune.model and c.version = prune.version;
        end if;
        return next;
    end loop;
end
$$;

comment on function pgscore.prune(text, interval, integer, boolean) is
    'Removes the artifacts of versions retired longer ago than that, but for the latest few; never that of the version to roll back to';
grant execute on function pgscore.prune(text, interval, integer, boolean) to pgscore_operator;
