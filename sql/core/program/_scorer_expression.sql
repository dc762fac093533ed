create function pgscore._scorer_expression(
    model text, version integer, program jsonb, positive integer, bare pgscore.bare_expression, careful_call text,
    arguments text[], ordinary boolean[] default null
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wrapped constant text[] := array(
        select case when w.wrap is null or w.ordinary then w.argument else format(w.wrap, w.argument) end
        from unnest(bare.wraps, arguments, ordinary) with ordinality as w (wrap, argument, ordinary, ordinal)
        order by w.ordinal
    );
    call text;
begin
    if bare.expression is null then
        return careful_call;
    elsif jsonb_array_length(program -> 'inputs') <= 100 then
        call := format('%s(%s)', pgscore._scorer_name(model, version, 'b'), array_to_string(wrapped, ', '));
    elsif wrapped = arguments then
        call := bare.expression;
    else
        -- A row as the argument would be copied into each reference to one of its fields.
        call := (pgscore._program_best_bare(program, positive, wrapped)).expression;
    end if;
    if bare.guard is not null then
        call := format('case when %s then %s end', bare.guard, call);
    end if;
    -- What is NULL is missing or refused, or out of the ordinary.
    return format('coalesce(%s, %s)', call, careful_call);
end
$$;

comment on function pgscore._scorer_expression(text, integer, jsonb, integer, pgscore.bare_expression, text, text[], boolean[]) is
    'SQL for a score: the bare expression where the guard lets a row pass and it is sure, else the careful call. An ordinary argument is not wrapped';
