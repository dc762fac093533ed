-- What answers where no function was generated for a table's rows, or one that names another version: slower, by way of
-- JSON, which each promotion replaces; and never another score.

create function pgscore._no_answer(model text) returns double precision
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from pgscore.model m where m.name = _no_answer.model) then
        raise exception 'model "%" has no promoted version', model
            using errcode = 'object_not_in_prerequisite_state',
                  hint = format('An operator runs select pgscore.promote(%L, version).', model);
    end if;
    raise exception 'model % is unknown', coalesce('"' || model || '"', 'NULL')
        using errcode = 'undefined_object',
              hint = 'select name, serving from pgscore.model lists the models.';
end
$$;

comment on function pgscore._no_answer(text) is 'Says why no version answers for a model';

create function pgscore._refuse_misfit(model text, row_type regtype) returns void
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem record;
begin
    select p.* into problem
    from pgscore.model m
    join pgscore.model_version v on v.model = m.name and v.version = m.serving
    join pg_catalog.pg_type t on t.oid = row_type and t.typrelid <> 0
    cross join lateral pgscore._profile_problem(t.typrelid, v.contract -> 'inputs') p
    where m.name = _refuse_misfit.model;
    if problem.message is not null then
        raise exception '%', problem.message using errcode = problem.sqlstate, hint = coalesce(problem.hint, '');
    end if;
end
$$;

comment on function pgscore._refuse_misfit(text, regtype) is
    'Refuses rows of a table whose columns cannot serve as the inputs of the version that answers, with table and column';

create function pgscore._late_score(model text, profile anyelement) returns double precision
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
declare
    payload constant jsonb := to_jsonb(profile);
begin
    perform pgscore._refuse_misfit(model, pg_typeof(profile));
    return case when payload is not null then pgscore.score(model, payload) end;
end
$$;

comment on function pgscore._late_score(text, anyelement) is
    'The score of a row of a table for which no function names the version that answers';

create function pgscore._late_rescore(model text, present anyelement) returns double precision[]
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    answer constant pgscore.scored := pgscore._late_rows(model, array[present]);
begin
    return case when answer.version is not null then array[answer.scores[1], answer.version] end;
end
$$;

comment on function pgscore._late_rescore(text, anyelement) is
    'Score and version of a row of a table for which no function names the version that answers; NULL where no version is promoted';

create function pgscore._late_rows(model text, profiles anyarray) returns pgscore.scored
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
declare
    answer pgscore.scored;
    estimator record;
begin
    if not exists (select from pgscore.model m where m.name = _late_rows.model and m.serving is not null) then
        -- Events come before a version is promoted too, and need not pay for it.
        return null;
    end if;
    perform pgscore._refuse_misfit(model, t.typelem) from pg_catalog.pg_type t where t.oid = pg_typeof(profiles);
    select m.serving, v.digest, v.contract -> 'inputs' as inputs into estimator
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _late_rows.model and pgscore._takes_arrays(m.many_engine);
    if found then
        -- All at once; arrays without elements cannot be put together.
        return (
            select pgscore._estimate(
                model, estimator.serving, estimator.digest, count(*)::integer,
                array_agg(s.numbers order by s.ordinal) filter (where cardinality(s.numbers) > 0),
                array_agg(s.texts order by s.ordinal) filter (where cardinality(s.texts) > 0)
            )
            from (
                select p.ordinal, pgscore._payload_numbers(estimator.inputs, p.payload) as numbers,
                    pgscore._payload_texts(estimator.inputs, p.payload) as texts
                from (
                    select row_number() over () as ordinal, to_jsonb(p) as payload from unnest(profiles) as p
                ) p
            ) s
        );
    end if;
    select max((s.given).version), array_agg((s.given).scores[1]), array_agg((s.given).reasons[1])
    into answer
    from (select pgscore._scored(model, to_jsonb(p)) as given from unnest(profiles) as p offset 0) s;
    return case when answer.version is not null then answer end;
end
$$;

comment on function pgscore._late_rows(text, anyarray) is
    'Scores of rows of a table for which no function names the version that answers, with that version and reasons; NULL where none is promoted';

grant execute on function
    pgscore._no_answer(text), pgscore._refuse_misfit(text, regtype), pgscore._late_score(text, anyelement),
    pgscore._late_rescore(text, anyelement), pgscore._late_rows(text, anyarray)
    to pgscore_reader;
