-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

-- core/engine/_array_elements.sql
create function pgscore._array_elements(inputs jsonb, source text) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        format(case when c.is_text then '%s.texts[%s]' else 'nullif(%s.numbers[%s], ''NaN'')' end, source, c.position)
        order by c.ordinal
    )
    from (
        select
            i.ordinal, i.input ->> 'type' = 'text' as is_text,
            row_number() over (partition by i.input ->> 'type' = 'text' order by i.ordinal) as position
        from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    ) c
$$;

comment on function pgscore._array_elements(jsonb, text) is
    'SQL for each input of a contract, out of the arrays numbers, with NaN for NULL, and texts of the row that stands under the name in source';

-- core/engine/_golden_arrays.sql
create function pgscore._golden_arrays(model text, version integer, first integer, last integer) returns table (
    ordinal integer, expected double precision, numbers double precision[], texts text[]
)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    with described as materialized (
        select i.input ->> 'name' as name, i.input ->> 'type' as type, i.ordinal
        from pgscore.model_version v, jsonb_array_elements(v.contract -> 'inputs') with ordinality as i (input, ordinal)
        where v.model = _golden_arrays.model and v.version = _golden_arrays.version
    )
    select g.ordinal, g.expected, a.numbers, a.texts
    from pgscore.golden_row g
    -- An object is taken apart once: to look up each input in it would read all of it as often.
    cross join lateral (
        select
            -- NaN for NULL: to reach an element behind NULLs goes through all that stand before it.
            coalesce(
                array_agg(
                    case
                        when jsonb_typeof(e.value) = 'null' then 'NaN'
                        when d.type = 'boolean' and jsonb_typeof(e.value) = 'boolean' then e.value::boolean::integer
                        when d.type = 'double precision' and jsonb_typeof(e.value) = 'number'
                            and length(e.value::text) <= 300
                        then e.value::double precision
                        when d.type = 'boolean'
                        then pgscore._payload_value(g.inputs, d.name, 'boolean')::boolean::integer
                        -- Infinity, numbers past a double's range, and what is refused.
                        else pgscore._payload_value(g.inputs, d.name, 'double precision')::double precision
                    end
                    order by d.ordinal
                ) filter (where d.type <> 'text'),
                '{}'
            ) as numbers,
            coalesce(
                array_agg(
                    case
                        when jsonb_typeof(e.value) in ('string', 'null') then e.value #>> '{}'
                        else pgscore._payload_value(g.inputs, d.name, 'text')
                    end
                    order by d.ordinal
                ) filter (where d.type = 'text'),
                '{}'
            ) as texts
        from described d left join jsonb_each(g.inputs) e on e.key = d.name
    ) a
    where g.model = _golden_arrays.model and g.version = _golden_arrays.version and g.ordinal between first and last
    order by g.ordinal
$$;

comment on function pgscore._golden_arrays(text, integer, integer, integer) is
    'Some golden rows of a version with their number inputs, booleans as 0 and 1, NaN for NULL, and their text inputs, in the contract''s order; refused where one is not there or of another type';

-- core/engine/_replay_estimator.sql
create or replace function pgscore._replay_estimator(model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    with described as materialized (
        select
            v.digest, v.contract #>> '{output,kind}' as kind, (v.contract #>> '{output,positive}')::integer as positive,
            case v.contract #>> '{output,kind}'
                when 'probability' then jsonb_array_length(v.contract #> '{output,classes}') + 1
                else 1
            end as width
        from pgscore.model_version v
        where v.model = _replay_estimator.model and v.version = _replay_estimator.version
    ),
    asked as materialized (
        select
            count(*)::integer as rows,
            -- Arrays without elements cannot be put together.
            array_agg(g.numbers order by g.ordinal) filter (where cardinality(g.numbers) > 0) as numbers,
            array_agg(g.texts order by g.ordinal) filter (where cardinality(g.texts) > 0) as texts,
            array_agg(g.ordinal order by g.ordinal) as ordinals
        from pgscore._golden_arrays(_replay_estimator.model, _replay_estimator.version, first, last) g
        -- One call for all that have a score. A row that is refused has the whole call refused, so each is asked alone.
        group by case when g.expected is null then g.ordinal end
    ),
    answered as materialized (
        select
            d.width, a.ordinals, d.kind, d.positive,
            pgscore._estimate(
                _replay_estimator.model, _replay_estimator.version, d.digest, a.rows, a.numbers, a.texts, true
            ) as scored
        from asked a, described d
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
    'Scores and outputs that the estimator engine gives for some golden rows of a version: in one call for those that have a score';

-- core/engine/_replay.sql
create or replace function pgscore._replay(engine text, model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    elements constant text[] := (
        select pgscore._array_elements(v.contract -> 'inputs', 'g')
        from pgscore.model_version v
        where v.model = _replay.model and v.version = _replay.version
    );
    arguments constant text[] := array(select 'r.a' || n from generate_series(1, cardinality(elements)) n order by n);
begin
    if engine = 'estimator' then
        return query select r.* from pgscore._replay_estimator(model, version, first, last) r;
        return;
    end if;
    -- The inputs are taken out of the arrays once, for the score and for the outputs.
    return query execute format(
        'select r.ordinal, %s, null::text, %s'
            ' from (select g.ordinal, %s from pgscore._golden_arrays($1, $2, $3, $4) g offset 0) r',
        pgscore._engine_call(engine, model, version, arguments),
        pgscore._engine_call(engine, model, version, arguments, true),
        (
            select string_agg(format('%s as a%s', e.element, e.ordinal), ', ')
            from unnest(elements) with ordinality as e (element, ordinal)
        )
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
    replayed_engines constant text[] := coalesce(engines, pgscore._engines(model, version));
    -- For the rows between two looks at the clock.
    allowed constant interval := least(max_seconds, 1e6) / 5 * interval '1 second';
    began timestamptz;
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
    -- What the first one in a session waits for, seconds of imports, is no replaying.
    if 'estimator' = any (replayed_engines) then
        perform pgscore._loadable(model, version);
    end if;
    began := clock_timestamp();
    foreach named in array replayed_engines loop
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
                    case
                        when g.expected = r.score and g.outputs = r.outputs then 0
                        else greatest(
                            pgscore._distance(g.expected, r.score),
                            (
                                select max(pgscore._distance(o.expected, o.output))
                                from unnest(g.outputs, r.outputs) as o (expected, output)
                                where g.outputs is not null
                            )
                        )
                    end as difference
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
            -- A call costs something whatever it is asked for, so few rows in each would take longer, not less.
            step := case
                when clock_timestamp() < turn_began + allowed then least(10 * step, 1000)
                when clock_timestamp() > turn_began + 2 * allowed then greatest(step / 4, 1)
                else step
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
    -- Where there is nothing to choose, it only says how long it takes.
    allowed constant interval :=
        least(max_seconds, case when cardinality(engines) > 1 then 2 else 0.5 end) * interval '1 second';
    began constant timestamptz := clock_timestamp();
    elements constant text[] := pgscore._array_elements(described, 's');
    width constant integer := cardinality(elements);
    numbers double precision[];
    texts text[];
    count integer;
    source text;
    arguments text[];
    one jsonb;
    many jsonb;
    rows integer;
begin
    -- Rows that have a score: the others end before they cost anything. Of wide ones fewer, since each statement is given
    -- them all.
    with scored as (
        select min(c.ordinal) as first, max(c.ordinal) as last
        from (
            select g.ordinal from pgscore.golden_row g
            where g.model = _measure.model and g.version = _measure.version and g.expected is not null
            order by g.ordinal
            limit greatest(10, least(100, 5000 / width))
        ) c
    )
    select count(*), array_agg(g.numbers order by g.ordinal) filter (where cardinality(g.numbers) > 0),
        array_agg(g.texts order by g.ordinal) filter (where cardinality(g.texts) > 0)
    into count, numbers, texts
    from scored s, pgscore._golden_arrays(_measure.model, _measure.version, s.first, s.last) g
    where g.expected is not null;
    if count = 0 then
        return;
    end if;
    -- A row's own arrays are cut out of all first: to reach a text goes through all that stand before it.
    select
        format(
            'from (select %s from generate_series(1, $3) as i (i) join ('
                'select g.g, ($1)[g.g:g.g] as numbers, ($2)[g.g:g.g] as texts'
                ' from generate_series(1, least($3, %%1$s)) as g (g) offset 0'
            ') s on s.g = 1 + mod(i.i - 1, %%1$s) offset 0) r',
            string_agg(format('%s as a%s', replace(e.element, '[', '[1]['), e.ordinal), ', ' order by e.ordinal)
        ),
        array_agg('r.a' || e.ordinal order by e.ordinal)
    into source, arguments
    from unnest(elements) with ordinality as e (element, ordinal);
    one := (
        select jsonb_object_agg(engines[t.query], t.times)
        from pgscore._time_in_turn(
            pgscore._measured_queries(model, version, engines, 'inlined', 'select %s ' || format(source, 1), arguments),
            numbers[1:1], texts[1:1], 1, 30, began + allowed / 2
        ) t
    );
    -- What takes long for one row is not asked for many: a thirtieth of a second's worth.
    rows := (
        select least(2000, greatest(20, 3e4 / greatest(max(t.least_time), 1)))
        from (select min(u::double precision) as least_time from jsonb_each(one) e, jsonb_array_elements(e.value) u group by e.key) t
    );
    many := (
        select jsonb_object_agg(engines[t.query], t.times)
        from pgscore._time_in_turn(
            pgscore._measured_queries(
                model, version, engines, null, 'select count(%s) ' || format(source, count), arguments
            ),
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

create or replace function pgscore.promote(
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

drop function pgscore._prove(model text, version integer, max_seconds double precision);

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- core/become_oneself.sql
reset search_path;

reset role;
