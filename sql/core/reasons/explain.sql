create function pgscore._unexplained(model text, version integer, out message text, out hint text)
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
begin
    select v.version, p.program, (v.contract #>> '{output,positive}')::integer as positive, r.pruned_at into described
    from pgscore.model_version v
    left join pgscore.program p on p.model = v.model and p.version = v.version
    left join pgscore.retirement r on r.model = v.model and r.version = v.version
    where v.model = _unexplained.model and v.version = _unexplained.version;
    if described.version is null then
        message := format('model "%s" has no version %s', model, version);
        hint := format('`pgscore show %s` lists its versions.', model);
    elsif described.pruned_at is not null then
        message := format('model "%s" version %s was pruned: its artifact is gone', model, version);
        hint := 'Publish the same file again to bring it back.';
    else
        message := pgscore._explanation_problem(described.program, coalesce(described.positive, 0));
        if message is not null then
            message := format('model "%s" version %s cannot be explained: %s', model, version, message);
            hint := 'docs/guide/explaining.md says which models can.';
        elsif to_regprocedure(format('%s(double precision[],text[])', pgscore._scorer_name(model, version, 'r'))) is null then
            message := format('model "%s" version %s has no function that explains it', model, version);
            hint := format('An operator runs select pgscore.promote(%L, %s).', model, version);
        elsif to_regprocedure('pgscore_trusted._walk_reasons(text,double precision[],text[])') is null
            and exists (
                select from pg_catalog.pg_proc f
                where f.oid = to_regprocedure(format('%s(double precision[],text[])', pgscore._scorer_name(model, version, 'r')))
                    and f.provolatile = 's'
            )
        then
            message := format(
                'model "%s" version %s cannot be explained: its trees take PL/Python, which this database lacks, or has of an older release',
                model, version
            );
            hint := 'A superuser runs: alembic upgrade plpython@head';
        end if;
    end if;
end
$$;

comment on function pgscore._unexplained(text, integer) is
    'Why the scores of a version cannot be explained here; NULL where they can';
grant execute on function pgscore._unexplained(text, integer) to pgscore_reader;

create function pgscore._reasons(model text, version integer, payload jsonb, out inputs jsonb, out reasons double precision[])
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    explainer constant regprocedure := to_regprocedure(pgscore._scorer_name(model, version, 'r') || '(double precision[],text[])');
    problem record;
begin
    if explainer is null then
        select u.* into problem from pgscore._unexplained(model, version) u;
        raise exception '%', problem.message using errcode = 'feature_not_supported', hint = coalesce(problem.hint, '');
    end if;
    select v.contract -> 'inputs' into inputs
    from pgscore.model_version v where v.model = _reasons.model and v.version = _reasons.version;
    execute format('select %s($1, $2)', explainer::regproc) into reasons
    using pgscore._payload_numbers(inputs, payload), pgscore._payload_texts(inputs, payload);
    -- Last stands the score: where it is no number there is nothing to explain.
    if reasons[cardinality(reasons)] is null then
        reasons := null;
    end if;
end
$$;

comment on function pgscore._reasons(text, integer, jsonb) is
    'What each input of a version adds to the score of a row as JSON, then the base, and last the score; NULL where there is no score';
grant execute on function pgscore._reasons(text, integer, jsonb) to pgscore_reader;

create function pgscore.explain(model text, payload jsonb, version integer default null)
returns table (input text, value text, contribution double precision)
language plpgsql stable parallel restricted rows 20
set search_path = pg_catalog, pg_temp
as $$
declare
    found record;
begin
    version := coalesce(version, (select m.serving from pgscore.model m where m.name = model));
    if version is null then
        perform pgscore._no_answer(model);
    elsif payload is null then
        return;
    end if;
    select r.* into found from pgscore._reasons(model, version, payload) r;
    if found.reasons is null then
        return;
    end if;
    value := null;
    contribution := found.reasons[cardinality(found.reasons) - 1];
    return next;
    return query
    select i.input ->> 'name', payload ->> (i.input ->> 'name'), found.reasons[i.ordinal]
    from jsonb_array_elements(found.inputs) with ordinality as i (input, ordinal)
    order by abs(found.reasons[i.ordinal]) desc, i.ordinal;
end
$$;

comment on function pgscore.explain(text, jsonb, integer) is
    'What each input of a model adds to the score of a row as JSON, the strongest first, after the base, whose input is NULL: together they are the score in the space of the link (log-odds, log, the value itself). No rows where there is no score. Of the version that answers, unless one is named';
grant execute on function pgscore.explain(text, jsonb, integer) to pgscore_reader;

create function pgscore.explain(model text, profile record, version integer default null)
returns table (input text, value text, contribution double precision)
language plpgsql stable parallel restricted rows 20
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return query select e.* from pgscore.explain(model, to_jsonb(profile), version) e;
end
$$;

comment on function pgscore.explain(text, record, integer) is
    'What each input of a model adds to the score of any row that has its inputs as columns, as for a row as JSON';
grant execute on function pgscore.explain(text, record, integer) to pgscore_reader;
