create function pgscore._scorer_expression(
    model text, version integer, composite boolean, bare pgscore.bare_expression, careful_call text, arguments text[]
) returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
    given text;
    call text;
begin
    if bare.expression is null then
        return careful_call;
    end if;
    select string_agg(
        case when w.wrap is null then w.argument else format(w.wrap, w.argument) end, ', ' order by w.ordinal
    )
    into given
    from unnest(bare.wraps, arguments) with ordinality as w (wrap, argument, ordinal);
    if composite then
        given := format('row(%s)::%s', given, pgscore._scorer_name(model, version, 'i'));
    end if;
    call := format('%s(%s)', pgscore._scorer_name(model, version, 'b'), given);
    if bare.guard is not null then
        call := format('case when %s then %s end', bare.guard, call);
    end if;
    -- What is NULL is missing or refused, or out of the ordinary.
    return format('coalesce(%s, %s)', call, careful_call);
end
$$;

comment on function pgscore._scorer_expression(text, integer, boolean, pgscore.bare_expression, text, text[]) is
    'SQL for a score: the bare function where the guard lets a row pass and it is sure, else the careful one';
