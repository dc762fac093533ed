create function pgscore._rows_body(
    model text, version integer, inputs jsonb, one_engine text, many_engine text, profile regclass
) returns text
language plpgsql stable
set search_path = ''
as $$
declare
    arguments constant text[] := pgscore._profile_arguments(profile, inputs, 'profile');
    split constant record := pgscore._split_arguments(inputs, arguments);
    -- Asked for only where there is no score.
    reason constant text := format(
        'case when score is null then pgscore._reason(%L, %s, %s, %s) end', model, version, split.numbers, split.texts
    );
    digest constant text := (
        select v.digest from pgscore.model_version v
        where v.model = _rows_body.model and v.version = _rows_body.version
    );
    each_row constant text := ') from unnest($1) as profile)';
    estimated constant text := format(
        'return pgscore._estimate(%L, %s, %L, cardinality($1), %s, %s);', model, version, digest,
        '(select array_agg(' || nullif(split.numbers, 'null') || each_row, '(select array_agg(' || nullif(split.texts, 'null') || each_row
    );
begin
    return format(
        'declare
            profile %s;
            score double precision;
        begin
            if cardinality($1) = 1 then
                profile := $1[1];
                %s
            end if;
            %s
        end',
        profile,
        case one_engine
            when 'estimator' then estimated
            else format(
                'score := %s; return (%s, array[score], array[%s])::pgscore.scored;',
                pgscore._engine_call(one_engine, model, version, arguments), version, reason
            )
        end,
        case many_engine
            when 'estimator' then estimated
            -- A scan of an array is in its order, and the subquery keeps each score from being computed twice.
            else format(
                'return (select (%s, array_agg(s.score), array_agg(s.reason))::pgscore.scored from (
                    select s.score, %s as reason from (select %s as score, profile from unnest($1) as profile offset 0) s
                ) s);',
                version, replace(reason, 'score is null', 's.score is null'),
                pgscore._engine_call(many_engine, model, version, arguments)
            )
        end
    );
end
$$;

comment on function pgscore._rows_body(text, integer, jsonb, text, text, regclass) is
    'The body of the function that bindings call: one row takes one engine, more rows another, and neither pays for the other''s plan';
