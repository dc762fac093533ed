create function pgscore._scorer_call_typed(
    model text, version integer, program jsonb, positive integer, arguments text[], ordinary boolean[]
) returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
    inputs constant integer := jsonb_array_length(program -> 'inputs');
    bare pgscore.bare_expression := pgscore._program_best_bare(program, positive, arguments);
begin
    for number in 1 .. inputs loop
        if ordinary[number] then
            bare.wraps[number] := null;
        end if;
    end loop;
    return pgscore._scorer_expression(
        model, version, inputs > 100, bare,
        format('(%s)[%s]', pgscore._scorer_call(model, version, inputs, arguments, true), coalesce(positive, 0) + 1),
        arguments
    );
end
$$;

comment on function pgscore._scorer_call_typed(text, integer, jsonb, integer, text[], boolean[]) is
    'The same as the score''s call, with less work where an argument is ordinary: of an integer type, boolean or real';
