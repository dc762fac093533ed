-- Inlined; a body of SQL's own standard, because the operator that nullif takes is found when the body is parsed.
create function pgscore._known(score double precision) returns double precision
language sql immutable parallel safe
return nullif(score, 'NaN'::double precision);

comment on function pgscore._known(double precision) is
    'A score of the interpreter''s; NULL where it says by NaN that this session does not have the program yet';
grant execute on function pgscore._known(double precision) to pgscore_reader;

create function pgscore._engine_call(
    engine text, model text, version integer, arguments text[], every boolean default false,
    ordinary boolean[] default null, manner text default null
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
    split record;
    call text;
begin
    select
        v.digest, v.contract -> 'inputs' as inputs, v.contract #>> '{output,kind}' as kind,
        (v.contract #>> '{output,positive}')::integer as positive, p.program, p.digest as program_digest
    into strict described
    from pgscore.model_version v left join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _engine_call.model and v.version = _engine_call.version;
    select * into split from pgscore._split_arguments(described.inputs, arguments);
    if pgscore._takes_arrays(engine) and manner in ('query', 'scan') then
        return format(
            '(pgscore._estimate_row(%L, %s, %L, %s, %s, %s)).scores%s', model, version, described.digest,
            split.numbers, split.texts, every::text, case when every then '' else '[1]' end
        );
    elsif pgscore._takes_arrays(engine) then
        return format(
            '(pgscore._estimate(%L, %s, %L, 1, %s, %s, %s)).scores%s', model, version, described.digest,
            split.numbers, split.texts, every::text, case when every then '' else '[1]' end
        );
    elsif engine = 'sql' and not every and ordinary is not null and manner = 'scan' then
        return pgscore._scan_call_typed_sql(
            model, version, described.program, described.positive, arguments, ordinary
        );
    elsif engine = 'sql' and not every and ordinary is not null then
        return pgscore._scorer_call_typed_sql(
            model, version, described.program, described.positive, arguments, ordinary, case manner when 'walk' then 'w' else 'b' end,
            -- To set the careful call up, in each transaction anew, costs as much as all the rest, and hardly a row needs it.
            coalesce(manner = 'brief', false)
        );
    elsif engine = 'sql' and manner = 'inlined' and pgscore._has_expression(model, version) then
        call := format('%s(%s)', pgscore._scorer_name(model, version, 'e'), array_to_string(arguments, ', '));
    elsif engine = 'sql' then
        call := pgscore._scorer_call_sql(model, version, cardinality(arguments), arguments, every);
    elsif every then
        call := format(
            'pgscore._interpret_outputs(%L, %s, %L, %s, %s)', model, version, described.program_digest,
            split.numbers, split.texts
        );
    elsif manner = 'apart' then
        call := format(
            'pgscore._interpret(%L, %s, %L, %s, %s, %s)', model, version, described.program_digest,
            coalesce(described.positive, 0), split.numbers, split.texts
        );
    elsif manner in ('walk', 'brief') then
        -- Half the expression: to set it up, in each transaction anew, costs as much as to walk the program.
        call := format(
            case manner when 'walk' then '%s' else 'pgscore._known(%s)' end,
            format(
                'pgscore_trusted._walk(%L, %s, %s, %s)', described.program_digest, coalesce(described.positive, 0),
                split.numbers, split.texts
            )
        );
    else
        -- NaN: this backend does not have the program yet. NULL as well takes the way through plpgsql, which most rows
        -- are spared.
        call := format(
            'coalesce(pgscore._known(pgscore_trusted._walk(%3$L, %4$s, %5$s, %6$s)),'
                ' pgscore._interpret(%1$L, %2$s, %3$L, %4$s, %5$s, %6$s))',
            model, version, described.program_digest, coalesce(described.positive, 0), split.numbers, split.texts
        );
    end if;
    return case
        when every and described.program ? 'decide' then
            format('pgscore._with_decided_label(%s, %L)', call, described.program ->> 'tie')
        when every then format('pgscore._with_label(%s, %L, %L)', call, described.kind, described.program ->> 'tie')
        else call
    end;
end
$$;

comment on function pgscore._engine_call(text, text, integer, text[], boolean, boolean[], text) is
    'SQL that scores a row with one engine of a version, its inputs given as SQL; with every, all outputs and the position of the label. Of the interpreter walk names what may answer NaN, and brief what may answer NULL, where this session has to read the program first; apart names nothing outside of pgscore. Of sql brief may answer NULL where the careful call has a score; walk needs no plan, scan is for many rows, query for one of a query, and inlined sets the expression up in each statement, as sessions do in each transaction';
