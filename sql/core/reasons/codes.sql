-- Reason codes of a scorecard: points of its characteristics, added by code and ranked. As jpmml-evaluator does.

create function pgscore._reason_registers_problem(program jsonb, contract jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    kinds text;
    step jsonb;
begin
    if program is null then
        return 'they go with a program, and there is none';
    elsif program ->> 'link' <> 'identity' or contract #>> '{output,kind}' <> 'value' then
        return 'they go with a score that is a sum, and the program makes something else of its sums';
    end if;
    select string_agg(case when i.input ->> 'type' = 'text' then 't' else 'n' end, '' order by i.ordinal) into kinds
    from jsonb_array_elements(program -> 'inputs') with ordinality as i (input, ordinal);
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        kinds := kinds || pgscore._step_kinds(step, kinds);
    end loop;
    return (
        select replace(
            coalesce(
                pgscore._registers_problem('partial', jsonb_agg(c.value -> 'partial' order by c.ordinal), kinds, 'n'),
                pgscore._registers_problem(
                    'by', jsonb_agg(case c.value -> 'by' when 'null' then c.value -> 'partial' else c.value -> 'by' end order by c.ordinal),
                    kinds, 'n'
                )
            ), 'come before it', 'exist'
        )
        from jsonb_array_elements(contract #> '{reason_codes,characteristics}') with ordinality as c (value, ordinal)
    );
end
$$;

comment on function pgscore._reason_registers_problem(jsonb, jsonb) is
    'Where valid reason codes of a complete contract do not fit its valid program; NULL where they do';

create function pgscore._create_coder(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
begin
    select p.program, v.contract #> '{reason_codes,characteristics}' as characteristics into described
    from pgscore.program p join pgscore.model_version v on v.model = p.model and v.version = p.version
    where p.model = _create_coder.model and p.version = _create_coder.version
        and p.size <= pgscore._largest_sql_program();
    if described.characteristics is null then
        return;
    end if;
    perform pgscore._create_function((
        pgscore._scorer_name(model, version, 'c'), '{numbers,texts}', '{double precision[],text[]}', 'double precision[]',
        'plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp',
        pgscore._careful_body_sql(
            (described.program - 'decide') || jsonb_build_object(
                'scores', (
                    select jsonb_agg(n.register order by c.ordinal, n.place)
                    from jsonb_array_elements(described.characteristics) with ordinality as c (value, ordinal),
                        lateral (values
                            (1, c.value -> 'partial'),
                            (2, case c.value -> 'by' when 'null' then c.value -> 'partial' else c.value -> 'by' end)
                        ) as n (place, register)
                ) || (described.program -> 'scores')
            ),
            pgscore._array_arguments_sql(described.program -> 'inputs')
        ),
        format('Model "%s" version %s: of each characteristic its partial score and what tells its reason code, and last the score', model, version)
    )::pgscore.generated_function);
end
$$;

comment on function pgscore._create_coder(text, integer) is
    'Writes the function that reason codes are ranked by, where the version has some and its program is not too large for SQL';

create function pgscore._refuse_uncoded(model text, version integer) returns void
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
begin
    select v.version, v.contract ? 'reason_codes' as has_codes, r.pruned_at, p.size into described
    from pgscore.model_version v
    left join pgscore.retirement r on r.model = v.model and r.version = v.version
    left join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _refuse_uncoded.model and v.version = _refuse_uncoded.version;
    if described.version is null then
        raise exception 'model "%" has no version %', model, version
            using errcode = 'undefined_object', hint = format('`pgscore show %s` lists its versions.', model);
    elsif not described.has_codes then
        raise exception 'model "%" version % has no reason codes', model, version
            using errcode = 'feature_not_supported',
                  hint = 'Scorecards of PMML have some. What inputs add to the score of others pgscore.explain says.';
    elsif described.pruned_at is not null then
        raise exception 'model "%" version % was pruned: its artifact is gone', model, version
            using errcode = 'feature_not_supported', hint = 'Publish the same file again to bring it back.';
    elsif described.size > pgscore._largest_sql_program() then
        raise exception 'model "%" version % has no reason codes in the database: its program, of size %, is too large for SQL',
            model, version, described.size
            using errcode = 'feature_not_supported', hint = format('The largest has size %s.', pgscore._largest_sql_program());
    end if;
    raise exception 'model "%" version % has no function that tells its reason codes', model, version
        using errcode = 'feature_not_supported', hint = 'An operator runs select pgscore._restore_models().';
end
$$;

comment on function pgscore._refuse_uncoded(text, integer) is 'Says why a version tells no reason codes';
grant execute on function pgscore._refuse_uncoded(text, integer) to pgscore_reader;

create function pgscore._ranked(codes jsonb, numbers double precision[])
returns table (rank integer, code text, points double precision)
language plpgsql immutable parallel safe rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
    sign constant double precision := case codes ->> 'algorithm' when 'pointsAbove' then 1 else -1 end;
    listed record;
    place integer;
    named text[] := '{}';
    sums double precision[] := '{}';
begin
    for listed in
        select
            c.value, numbers[2 * c.ordinal - 1] as partial, numbers[2 * c.ordinal] as chosen,
            (c.value -> 'baseline')::double precision as baseline, c.value -> 'by' = 'null' as is_one
        from jsonb_array_elements(codes -> 'characteristics') with ordinality as c (value, ordinal)
        order by c.ordinal
    loop
        if listed.is_one then
            code := listed.value #>> '{codes,0}';
        else
            code := (
                select listed.value -> 'codes' ->> (k.ordinal - 1)::integer
                from jsonb_array_elements(listed.value -> 'keys') with ordinality as k (key, ordinal)
                where k.key::double precision = listed.chosen
            );
        end if;
        continue when code is null;
        -- What is past the largest double is infinite. The difference turned round is that of the two the other way.
        if abs(listed.partial) < '1e300' and abs(listed.baseline) < '1e300' then
            points := sign * (listed.partial - listed.baseline);
        else
            points := sign * pgscore._add(listed.partial, -1 * listed.baseline);
        end if;
        place := array_position(named, code collate "C");
        if place is null then
            named := named || code;
            -- So that none is -0.0, as in a sum that begins with 0.0.
            sums := sums || (points + 0);
        elsif abs(sums[place]) < '1e300' and abs(points) < '1e300' then
            sums[place] := sums[place] + points;
        else
            sums[place] := pgscore._add(sums[place], points);
        end if;
    end loop;
    return query
    select (row_number() over (order by s.points desc, s.ordinal))::integer, s.code, s.points
    from unnest(named, sums) with ordinality as s (code, points, ordinal)
    where s.points >= 0
    order by 1;
end
$$;

comment on function pgscore._ranked(jsonb, double precision[]) is
    'The reason codes of a row, by the numbers that its version''s function gives: those of no points or more, the most points first, of equals the one that comes first';
grant execute on function pgscore._ranked(jsonb, double precision[]) to pgscore_reader;

create function pgscore.reason_codes(model text, payload jsonb, version integer default null, most integer default null)
returns table (rank integer, code text, points double precision)
language plpgsql stable parallel restricted rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
    coder regprocedure;
    numbers double precision[];
begin
    version := coalesce(version, (select m.serving from pgscore.model m where m.name = model));
    if version is null then
        perform pgscore._no_answer(model);
    end if;
    select v.contract -> 'inputs' as inputs, v.contract -> 'reason_codes' as codes into described
    from pgscore.model_version v where v.model = reason_codes.model and v.version = reason_codes.version;
    coder := to_regprocedure(pgscore._scorer_name(model, version, 'c') || '(double precision[],text[])');
    if described.codes is null or coder is null then
        perform pgscore._refuse_uncoded(model, version);
    elsif payload is null then
        return;
    end if;
    execute format('select %s($1, $2)', coder::regproc) into numbers
    using pgscore._payload_numbers(described.inputs, payload), pgscore._payload_texts(described.inputs, payload);
    -- Last stands the score: where it is no number nothing is a reason for it.
    if numbers[cardinality(numbers)] is not null then
        return query select r.rank, r.code, r.points from pgscore._ranked(described.codes, numbers) r order by r.rank limit most;
    end if;
end
$$;

comment on function pgscore.reason_codes(text, jsonb, integer, integer) is
    'The reason codes of a scorecard for a row as JSON, ranked by their points as the model says, those of negative points left out; at most so many. No rows where there is no score. Of the version that answers, unless one is named';
grant execute on function pgscore.reason_codes(text, jsonb, integer, integer) to pgscore_reader;

create function pgscore.reason_codes(model text, profile record, version integer default null, most integer default null)
returns table (rank integer, code text, points double precision)
language plpgsql stable parallel restricted rows 10
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return query select c.* from pgscore.reason_codes(model, to_jsonb(profile), version, most) c;
end
$$;

comment on function pgscore.reason_codes(text, record, integer, integer) is
    'The reason codes of a scorecard for any row that has its inputs as columns, as for a row as JSON';
grant execute on function pgscore.reason_codes(text, record, integer, integer) to pgscore_reader;
