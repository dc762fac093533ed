-- Models, what they need, and whether they still give what their fitted estimators gave.

create function pgscore._doctor_models() returns table (
    model text, version integer, one_engine text, many_engine text, has_program boolean, key_id text,
    needs_frame boolean, latest integer
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select m.name, m.serving, m.one_engine, m.many_engine, p.model is not null, v.key_id,
        coalesce((v.contract ->> 'frame')::boolean, false),
        (
            select max(o.version) from pgscore.model_version o
            where o.model = m.name and not exists (
                select from pgscore.retirement r where r.model = o.model and r.version = o.version
            )
        )
    from pgscore.model m
    left join pgscore.model_version v on v.model = m.name and v.version = m.serving
    left join pgscore.program p on p.model = m.name and p.version = m.serving
    order by m.name
$$;

comment on function pgscore._doctor_models() is 'Models with the version that serves, its engines and what it was signed by';
grant execute on function pgscore._doctor_models() to pgscore_reader;

create function pgscore._doctor_libraries() returns table (model text, version integer, library text, fitted text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select m.name, m.serving, l.key, l.value
    from pgscore.model m
    join pgscore.model_version v on v.model = m.name and v.version = m.serving,
        jsonb_each_text(v.contract -> 'libraries') l
    order by m.name, l.key
$$;

comment on function pgscore._doctor_libraries() is 'The libraries that the versions that serve were fitted with';
grant execute on function pgscore._doctor_libraries() to pgscore_reader;

create function pgscore._doctor_profiles() returns table (
    model text, profile text, is_gone boolean, is_bound boolean, problem text, hint text, inputs integer
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select t.model, case when c.oid is not null then t.profile::text end, c.oid is null, t.is_bound, p.message, p.hint,
        jsonb_array_length(v.contract -> 'inputs')
    from (
        select o.model, o.profile, bool_or(o.is_bound) as is_bound
        from (
            select p.model, p.profile, false as is_bound from pgscore.model_profile p
            union all
            select b.model, b.profile, true from pgscore.binding b
        ) o
        group by o.model, o.profile
    ) t
    left join pg_catalog.pg_class c on c.oid = t.profile
    left join pgscore.model m on m.name = t.model
    left join pgscore.model_version v on v.model = m.name and v.version = m.serving
    left join lateral pgscore._profile_problem(c.oid::regclass, v.contract -> 'inputs') p on c.oid is not null and v.model is not null
    order by 1, 2
$$;

comment on function pgscore._doctor_profiles() is
    'The tables that models score, with what keeps their columns from serving as inputs of the version that answers';
grant execute on function pgscore._doctor_profiles() to pgscore_reader;

create function pgscore._doctor_golden(max_seconds double precision, estimators boolean) returns table (
    model text, version integer, engine text, rows bigint, max_abs_diff double precision, ok boolean, problem text, hint text
)
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    began constant timestamptz := clock_timestamp();
    next record;
begin
    for next in
        select m.name, m.serving, e.engine
        from pgscore.model m
        left join pgscore.program p on p.model = m.name and p.version = m.serving,
            lateral (select distinct e as engine from unnest(array[m.one_engine, m.many_engine]) e) e
        where m.serving is not null and (estimators or not pgscore._takes_arrays(e.engine))
        -- What is cheap comes first.
        order by pgscore._takes_arrays(e.engine), p.size, m.name, e.engine
    loop
        model := next.name; version := next.serving; engine := next.engine;
        rows := null; max_abs_diff := null; ok := null; problem := null; hint := null;
        if clock_timestamp() <= began + make_interval(secs => max_seconds) then
            begin
                select count(*), max(d.difference), bool_and(d.ok) into rows, max_abs_diff, ok
                from pgscore._golden_differences(
                    next.name, next.serving,
                    greatest(0.1, max_seconds - extract(epoch from clock_timestamp() - began)), array[next.engine]
                ) d;
            exception
                when program_limit_exceeded then null;
                when others then
                    ok := false;
                    get stacked diagnostics problem = message_text, hint = pg_exception_hint;
            end;
        end if;
        return next;
    end loop;
end
$$;

comment on function pgscore._doctor_golden(double precision, boolean) is
    'Replays the golden rows of the versions that serve in the engines that do, small ones first; ok is NULL of those for which there was no time';
grant execute on function pgscore._doctor_golden(double precision, boolean) to pgscore_publisher, pgscore_operator;

create function pgscore._doctor_python() returns jsonb
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- With pgscore_owner's rights, which may register the runtime; publishers and operators may not.
    return pgscore_trusted._environment();
end
$$;

comment on function pgscore._doctor_python() is 'The server''s Python, its search path and the packages that matter';
grant execute on function pgscore._doctor_python() to pgscore_publisher, pgscore_operator;
