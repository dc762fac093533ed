-- What bindings store beside a score.

create function pgscore._strongest(model text, version integer, profile record, top integer) returns jsonb
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
-- What becomes JSON on the way does so alike in every session.
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
declare
    payload constant jsonb := to_jsonb(profile);
    found record;
begin
    if version is null then
        return null;
    end if;
    select r.* into found from pgscore._reasons(model, version, payload) r;
    if found.reasons is null then
        return null;
    end if;
    return (
        select coalesce(
            jsonb_agg(
                jsonb_build_object('input', s.name, 'value', payload ->> s.name, 'contribution', s.contribution)
                order by abs(s.contribution) desc, s.ordinal
            ), '[]'
        )
        from (
            select i.input ->> 'name' as name, found.reasons[i.ordinal] as contribution, i.ordinal
            from jsonb_array_elements(found.inputs) with ordinality as i (input, ordinal)
            where found.reasons[i.ordinal] <> 0
            order by abs(found.reasons[i.ordinal]) desc, i.ordinal
            limit top
        ) s
    );
end
$$;

comment on function pgscore._strongest(text, integer, record, integer) is
    'The inputs that add most to the score of a row, up or down, the strongest first; without those that add nothing. NULL where there is no score';
grant execute on function pgscore._strongest(text, integer, record, integer) to pgscore_reader;

create function pgscore._reason_names(reasons jsonb) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case when reasons is not null then array(
        select r.reason ->> 'input' from jsonb_array_elements(reasons) with ordinality as r (reason, ordinal) order by r.ordinal
    ) end
$$;

comment on function pgscore._reason_names(jsonb) is 'The names of the inputs in stored reasons, in their order';
grant execute on function pgscore._reason_names(jsonb) to pgscore_reader;

create function pgscore._refuse_unexplained(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    kept constant text := (
        select string_agg(format('%s', b.profile), ', ' order by b.number)
        from pgscore.binding b where b.model = _refuse_unexplained.model and b.reasons is not null
    );
    problem record;
begin
    if kept is null then
        return;
    end if;
    if to_regprocedure(format('%s(double precision[],text[])', pgscore._scorer_name(model, version, 'r'))) is null then
        perform pgscore._create_explainer(model, version);
    end if;
    select u.* into problem from pgscore._unexplained(model, version) u;
    if problem.message is not null then
        raise exception '%, and reasons are stored in table %', problem.message, kept
            using errcode = 'feature_not_supported',
                  hint = concat_ws(' ', problem.hint, 'Attached again without reasons, the tables take it.');
    end if;
end
$$;

comment on function pgscore._refuse_unexplained(text, integer) is
    'Refuses a version to answer that cannot be explained where bindings store reasons';

create function pgscore._check_reasons(b pgscore.binding) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    problem record;
begin
    select u.* into problem
    from pgscore.model m, pgscore._unexplained(m.name, m.serving) u
    where m.name = b.model and m.serving is not null and b.reasons is not null;
    if problem.message is not null then
        raise exception '%', problem.message using errcode = 'feature_not_supported', hint = problem.hint;
    end if;
end
$$;

comment on function pgscore._check_reasons(pgscore.binding) is
    'Refuses reasons of a model whose version that answers cannot be explained';
grant execute on function pgscore._check_reasons(pgscore.binding) to pgscore_reader;

create function pgscore._explain_sql(b pgscore.binding, version text, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format('pgscore._strongest(%L, %s, %s, %s)', b.model, version, source, b.top)
$$;

comment on function pgscore._explain_sql(pgscore.binding, text, text) is
    'SQL that gives the reasons which a binding stores, of a version and a row given as SQL';
grant execute on function pgscore._explain_sql(pgscore.binding, text, text) to pgscore_reader;

create function pgscore._explained_sql(b pgscore.binding, explanation text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case (pgscore._column(b.profile, b.reasons)).atttypid
        when 'text[]'::regtype then format('pgscore._reason_names(%s)', explanation)
        else explanation
    end
$$;

comment on function pgscore._explained_sql(pgscore.binding, text) is
    'SQL that gives reasons as the column of a binding has them: jsonb, or names';
grant execute on function pgscore._explained_sql(pgscore.binding, text) to pgscore_reader;
