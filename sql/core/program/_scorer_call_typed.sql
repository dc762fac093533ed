create function pgscore._scorer_call_typed(
    model text, version integer, program jsonb, positive integer, arguments text[], ordinary boolean[]
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return pgscore._scorer_expression(
        model, version, program, positive, pgscore._program_best_bare(program, positive, arguments),
        format(
            '(%s)[%s]',
            pgscore._scorer_call(model, version, jsonb_array_length(program -> 'inputs'), arguments, true),
            coalesce(positive, 0) + 1
        ),
        arguments, ordinary
    );
end
$$;

comment on function pgscore._scorer_call_typed(text, integer, jsonb, integer, text[], boolean[]) is
    'The same as the score''s call, with less work where an argument is ordinary: of an integer type, boolean or real. For string bodies; past 100 inputs much faster than the call';
