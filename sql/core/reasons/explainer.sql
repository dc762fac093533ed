-- The function of a version that says what each input adds: SQL for sums, the interpreter for trees.

create function pgscore._interpret_reasons(
    model text, version integer, digest text, numbers double precision[], texts text[]
) returns double precision[]
language plpgsql stable parallel safe cost 10000
set search_path = pg_catalog, pg_temp
as $$
declare
    reasons double precision[];
begin
    if to_regprocedure('pgscore_trusted._walk_reasons(text,double precision[],text[])') is null then
        raise exception 'model "%" version % cannot be explained: its trees take PL/Python, which this database lacks, or has of an older release',
            model, version
            using errcode = 'feature_not_supported', hint = 'A superuser runs: alembic upgrade plpython@head';
    end if;
    reasons := pgscore_trusted._walk_reasons(digest, numbers, texts);
    -- An array without elements: this backend does not have the program yet.
    if reasons = '{}' then
        perform pgscore._load_reasons(model, version);
        reasons := pgscore_trusted._walk_reasons(digest, numbers, texts);
    end if;
    return reasons;
end
$$;

comment on function pgscore._interpret_reasons(text, integer, text, double precision[], text[]) is
    'What each input adds to the score of a row, then the base, and last the score, by the interpreter; NULL where there is no score';
grant execute on function pgscore._interpret_reasons(text, integer, text, double precision[], text[]) to pgscore_reader;

create function pgscore._load_reasons(model text, version integer) returns void
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    refusal record;
begin
    -- Here, because PL/Python would call it in a subtransaction, which parallel workers cannot have.
    perform pgscore_trusted._runtime();
    select l.sqlstate, l.message, l.hint into refusal
    from pgscore.program p
    join pgscore.model_version v on v.model = p.model and v.version = p.version
    cross join lateral pgscore_trusted._load_reasons(
        p.document, coalesce((v.contract #>> '{output,positive}')::integer, 0)
    ) l
    where p.model = _load_reasons.model and p.version = _load_reasons.version;
    if refusal.message is not null then
        raise exception 'model "%" version % cannot be explained: %', model, version, refusal.message
            using errcode = refusal.sqlstate, hint = refusal.hint;
    end if;
end
$$;

comment on function pgscore._load_reasons(text, integer) is 'Has this backend read the program of a version for its reasons';
grant execute on function pgscore._load_reasons(text, integer) to pgscore_reader;

create function pgscore._array_arguments_sql(inputs jsonb) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        format(case when i.is_text then '($2)[%s]' else '($1)[%s]' end, i.position) order by i.ordinal
    )
    from (
        select e.ordinal, e.is_text, row_number() over (partition by e.is_text order by e.ordinal) as position
        from (
            select l.ordinal, l.input ->> 'type' = 'text' as is_text
            from jsonb_array_elements(inputs) with ordinality as l (input, ordinal)
        ) e
    ) i
$$;

comment on function pgscore._array_arguments_sql(jsonb) is
    'SQL for each input of a program where numbers are the first argument, and texts the second';

create function pgscore._create_explainer(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
    explaining jsonb;
    body text;
    name constant text := pgscore._scorer_name(model, version, 'r');
begin
    select p.program, p.digest, p.size, (v.contract #>> '{output,positive}')::integer as positive into described
    from pgscore.program p join pgscore.model_version v on v.model = p.model and v.version = p.version
    where p.model = _create_explainer.model and p.version = _create_explainer.version;
    if described.program is null or pgscore._explanation_problem(described.program, coalesce(described.positive, 0)) is not null then
        return;
    end if;
    explaining := pgscore._explaining_program(described.program, coalesce(described.positive, 0));
    if explaining is not null and described.size <= pgscore._largest_sql_program() then
        body := pgscore._careful_body_sql(explaining, pgscore._array_arguments_sql(described.program -> 'inputs'));
    else
        body := format(
            E'\nbegin\n    return pgscore._interpret_reasons(%L, %s, %L, $1, $2);\nend\n',
            model, version, format('%s reasons %s', described.digest, coalesce(described.positive, 0))
        );
    end if;
    perform pgscore._create_function((
        name, '{numbers,texts}', '{double precision[],text[]}', 'double precision[]',
        format(
            'plpgsql %s parallel safe set search_path = pg_catalog, pg_temp',
            case when body like '%pgscore._interpret_reasons(%' then 'stable' else 'immutable' end
        ),
        body,
        format('Model "%s" version %s: what each input adds to the score, then the base, and last the score', model, version)
    )::pgscore.generated_function);
end
$$;

comment on function pgscore._create_explainer(text, integer) is
    'Writes the function that says what inputs add to the score of a version, where it has a program that can be explained';
