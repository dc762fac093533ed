-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

-- core/engine/_replay_estimator.sql
create or replace function pgscore._replay_estimator(model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    with asked as materialized (
        select
            v.digest,
            count(*)::integer as rows,
            -- Arrays without elements cannot be put together.
            array_agg(g.numbers order by g.ordinal) filter (where cardinality(g.numbers) > 0) as numbers,
            array_agg(g.texts order by g.ordinal) filter (where cardinality(g.texts) > 0) as texts,
            array_agg(g.ordinal order by g.ordinal) as ordinals,
            case v.contract #>> '{output,kind}'
                when 'probability' then jsonb_array_length(v.contract #> '{output,classes}') + 1
                else 1
            end as width,
            v.contract #>> '{output,kind}' as kind,
            (v.contract #>> '{output,positive}')::integer as positive
        from pgscore.model_version v
        cross join lateral (
            select
                r.ordinal,
                pgscore._payload_numbers(v.contract -> 'inputs', r.inputs) as numbers,
                pgscore._payload_texts(v.contract -> 'inputs', r.inputs) as texts
            from pgscore.golden_row r
            where r.model = v.model and r.version = v.version and r.ordinal between first and last
        ) g
        where v.model = _replay_estimator.model and v.version = _replay_estimator.version
        group by v.digest, v.contract
    ),
    answered as materialized (
        select
            a.width, a.ordinals, a.kind, a.positive,
            pgscore._estimate(
                _replay_estimator.model, _replay_estimator.version, a.digest, a.rows, a.numbers, a.texts, true
            ) as scored
        from asked a
    ),
    rows as (
        select
            a.ordinals[r.position] as ordinal, a.kind, a.positive, r.reason,
            (a.scored).scores[(r.position - 1) * a.width + 1 : r.position * a.width] as outputs
        from answered a, unnest((a.scored).reasons) with ordinality as r (reason, position)
    )
    -- One call for both: the score is one of the outputs.
    select
        r.ordinal,
        case r.kind
            when 'probability' then r.outputs[r.positive + 1]
            when 'indicator' then (r.outputs[1] = r.positive)::integer
            else r.outputs[1]
        end,
        r.reason, r.outputs
    from rows r
$$;

comment on function pgscore._replay_estimator(text, integer, integer, integer) is
    'Scores and outputs that the estimator engine gives for some golden rows of a version, in one call';

-- core/engine/_replay.sql
create or replace function pgscore._replay(engine text, model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    arguments constant text[] := (
        select pgscore._payload_arguments(v.contract -> 'inputs', 'g.inputs')
        from pgscore.model_version v
        where v.model = _replay.model and v.version = _replay.version
    );
begin
    if engine = 'estimator' then
        return query select r.* from pgscore._replay_estimator(model, version, first, last) r;
        return;
    end if;
    return query execute format(
        'select g.ordinal, %s, null::text, %s from pgscore.golden_row g where g.model = $1 and g.version = $2'
            ' and g.ordinal between $3 and $4',
        pgscore._engine_call(engine, model, version, arguments),
        pgscore._engine_call(engine, model, version, arguments, true)
    )
    using model, version, first, last;
end
$$;

-- core/engine/_golden_differences.sql
create or replace function pgscore._golden_differences(
    model text, version integer, max_seconds double precision default 'Infinity', engines text[] default null
) returns table (
    engine text, ordinal integer, expected double precision, score double precision, reason text,
    difference double precision, ok boolean
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    began constant timestamptz := clock_timestamp();
    last_row constant integer := (
        select max(g.ordinal) from pgscore.golden_row g
        where g.model = _golden_differences.model and g.version = _golden_differences.version
    );
    named text;
    first integer;
    last integer;
    turn_began timestamptz;
    seconds double precision;
    step integer;
begin
    foreach named in array coalesce(engines, pgscore._engines(model, version)) loop
        first := 1;
        step := 10;
        -- The clock is looked at between some rows and the next: a timeout that is set in here would interrupt nothing.
        while first <= last_row loop
            turn_began := clock_timestamp();
            last := least(first + step - 1, last_row);
            return query
            with replayed as materialized (
                select r.* from pgscore._replay(named, _golden_differences.model, _golden_differences.version, first, last) r
            ),
            compared as (
                select
                    g.ordinal, g.expected, r.score, r.reason, g.scale,
                    greatest(
                        pgscore._distance(g.expected, r.score),
                        (
                            select max(pgscore._distance(o.expected, o.output))
                            from unnest(g.outputs, r.outputs) as o (expected, output)
                            where g.outputs is not null
                        )
                    ) as difference
                from pgscore.golden_row g
                join replayed r on r.ordinal = g.ordinal
                where g.model = _golden_differences.model and g.version = _golden_differences.version
            )
            -- The same estimator may differ in the last bits when another processor's arithmetic adds in another order,
            -- and a sum of large terms in more of them.
            select named, c.ordinal, c.expected, c.score, c.reason, c.difference,
                -- Of an infinite score everything would be a small part.
                c.difference = 0
                    or c.difference < 'Infinity' and c.difference <= 1e-12 * greatest(1, abs(c.expected), c.scale)
            from compared c;
            seconds := extract(epoch from clock_timestamp() - began);
            if seconds > max_seconds then
                raise exception 'model "%" version % takes too long: % seconds to golden row % of % in the % engine, and % are allowed',
                    model, version, round(seconds::numeric, 1), last, last_row, named, max_seconds
                    using errcode = 'program_limit_exceeded',
                          hint = '--max-seconds, or max_seconds of pgscore.promote, allows more.';
            end if;
            step := case
                when clock_timestamp() < turn_began + interval '50 milliseconds' then least(10 * step, 1000)
                else greatest(step / 4, 1)
            end;
            first := last + 1;
        end loop;
    end loop;
end
$$;

create or replace function pgscore._measure(
    model text, version integer, engines text[], max_seconds double precision
) returns table (engine text, one_us double precision[], many_us double precision[])
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- A plan that is kept is what a trigger has. To compile one would take longer than all that is measured.
set plan_cache_mode = 'force_generic_plan'
set jit = off
as $$
declare
    described constant jsonb := (
        select v.contract -> 'inputs' from pgscore.model_version v
        where v.model = _measure.model and v.version = _measure.version
    );
    allowed constant interval := least(max_seconds, 3) * interval '1 second';
    began constant timestamptz := clock_timestamp();
    numbers double precision[];
    texts text[];
    count integer;
    source text;
    arguments text[];
    one jsonb;
    many jsonb;
    rows integer;
begin
    -- Rows that have a score: the others end before they cost anything.
    select count(*), array_agg(g.numbers) filter (where cardinality(g.numbers) > 0),
        array_agg(g.texts) filter (where cardinality(g.texts) > 0)
    into count, numbers, texts
    from (
        select pgscore._payload_numbers(described, g.inputs) as numbers, pgscore._payload_texts(described, g.inputs) as texts
        from pgscore.golden_row g
        where g.model = _measure.model and g.version = _measure.version and g.expected is not null
        order by g.ordinal
        limit 100
    ) g;
    if count = 0 then
        return;
    end if;
    select
        format('from (select %s from generate_series(1, $3) as g (i) offset 0) r', string_agg(
            format('%s[1 + mod(i, %s)][%s] as a%s', case when c.is_text then '($2)' else '($1)' end, count, c.position, c.ordinal),
            ', ' order by c.ordinal
        )),
        array_agg('r.a' || c.ordinal order by c.ordinal)
    into source, arguments
    from (
        select
            i.ordinal, i.input ->> 'type' = 'text' as is_text,
            row_number() over (partition by i.input ->> 'type' = 'text' order by i.ordinal) as position
        from jsonb_array_elements(described) with ordinality as i (input, ordinal)
    ) c;
    one := (
        select jsonb_object_agg(engines[t.query], t.times)
        from pgscore._time_in_turn(
            pgscore._measured_queries(model, version, engines, 'inlined', 'select %s ' || source, arguments),
            numbers, texts, 1, 30, began + allowed / 2
        ) t
    );
    -- What takes long for one row is not asked for many: half a second's worth.
    rows := (
        select least(2000, greatest(20, 5e5 / greatest(max(t.least_time), 1)))
        from (select min(u::double precision) as least_time from jsonb_each(one) e, jsonb_array_elements(e.value) u group by e.key) t
    );
    many := (
        select jsonb_object_agg(engines[t.query], t.times)
        from pgscore._time_in_turn(
            pgscore._measured_queries(model, version, engines, null, 'select count(%s) ' || source, arguments),
            numbers, texts, rows, 5, began + allowed
        ) t
    );
    return query
    select
        e, array(select u::double precision from jsonb_array_elements(one -> e) u),
        array(select u::double precision / rows from jsonb_array_elements(many -> e) u)
    from unnest(engines) e;
end
$$;

-- core/functions/release.sql
-- Which version answers. What takes long, replaying golden rows and measuring, comes first and is bounded in time; then
-- promotions, rollbacks, retirements and prunings wait for each other at pgscore.promotion, which only they lock.

create function pgscore._prove(model text, version integer, max_seconds double precision) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    worst record;
begin
    perform pgscore._refuse_pruned(model, version);
    select d.* into worst
    from pgscore._golden_differences(_prove.model, _prove.version, coalesce(max_seconds, 'Infinity')) d
    where d.ok is not true
    order by d.difference desc, d.ordinal
    limit 1;
    if found then
        raise exception 'model "%" version % is not promoted: golden row % gives % in the % engine, and the fitted estimator gave %',
            model, version, worst.ordinal, coalesce(worst.score::text, 'NULL'), worst.engine,
            coalesce(worst.expected::text, 'NULL')
            using errcode = 'data_exception',
                  detail = coalesce(worst.reason, format('They differ by %s.', worst.difference)),
                  hint = '`pgscore doctor` compares the libraries.';
    end if;
end
$$;

comment on function pgscore._prove(text, integer, double precision) is
    'Replays the golden rows of a version in each of its engines; refused where one differs, with the worst row, or where it takes longer';

create or replace function pgscore.promote(
    model text, version integer, engine text default null, max_seconds double precision default 10,
    despite_dependents boolean default false
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    chosen record;
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    perform pgscore._prove(model, version, max_seconds);
    select c.* into chosen from pgscore._choose_engines(promote.model, promote.version, promote.engine, max_seconds) c;
    -- With the same version another engine may differ in the last digit, which is enough for an index.
    if despite_dependents is not true and exists (
        select from pgscore.model m
        where m.name = promote.model
            and (m.serving, m.one_engine, m.many_engine) <> (promote.version, chosen.one_engine, chosen.many_engine)
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
    if exists (select from pgscore.retirement r where r.model = promote.model and r.version = promote.version) then
        raise exception 'model "%" version % is retired', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = format('`pgscore retire %s %s --undo` takes that back.', model, version);
    end if;
    if version is distinct from (select m.serving from pgscore.model m where m.name = promote.model) then
        insert into pgscore.promotion (model, version) values (promote.model, promote.version);
    end if;
    perform pgscore._note_measurements(model, version, chosen.measured);
    perform pgscore._serve(model, version, engine, chosen.one_engine, chosen.many_engine);
end
$$;

create or replace function pgscore.rollback(
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
        perform pgscore._prove(model, target, max_seconds);
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

drop function pgscore._array_elements(inputs jsonb, source text);

drop function pgscore._golden_arrays(model text, version integer, first integer, last integer);

drop function pgscore._proof(model text, version integer, max_seconds double precision, out proved jsonb);

drop function pgscore._promote(model text, version integer, engine text, max_seconds double precision, despite_dependents boolean, out proved jsonb);

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- core/become_oneself.sql
reset search_path;

reset role;
