create function pgscore._scorer_call(
    model text, version integer, inputs integer, arguments text[], outputs boolean default false
) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        case when inputs > 100 then '%s(row(%s)::%s)' else '%s(%s)' end,
        pgscore._scorer_name(model, version, case when outputs then 'p' else '' end),
        array_to_string(arguments, ', '),
        pgscore._scorer_name(model, version, 'i')
    )
$$;

comment on function pgscore._scorer_call(text, integer, integer, text[], boolean) is
    'SQL that calls the score of a version, or all its outputs, with arguments given as SQL, double precision or text';
