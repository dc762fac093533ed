create function pgscore._program_best_bare(program jsonb, positive integer, arguments text[]) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    attempt record;
    found pgscore.bare_expression;
begin
    for attempt in
        select a.* from (values
            (1, true, 'Infinity'::double precision), (2, true, '1e300'), (3, false, 'Infinity'), (4, false, '1e300'),
            (5, false, '1e150'), (6, false, '1e100'), (7, false, '1e30')
        ) as a (ordinal, wild_ones, box)
        order by a.ordinal
    loop
        found := pgscore._program_bare(program, positive, arguments, attempt.wild_ones, attempt.box);
        exit when found.expression is not null;
    end loop;
    return found;
end
$$;

comment on function pgscore._program_best_bare(jsonb, integer, text[]) is
    'The SQL that guards least among those that serve; without an expression where none does';
