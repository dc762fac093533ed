create function pgscore._reason(model text, version integer, numbers double precision[], texts text[]) returns text
language sql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._program_row_problem(p.program, numbers, texts)
    from pgscore.program p
    where p.model = _reason.model and p.version = _reason.version
$$;

comment on function pgscore._reason(text, integer, double precision[], text[]) is
    'Why the program of a version refuses a row; NULL where it does not, or where a value is missing';
grant execute on function pgscore._reason(text, integer, double precision[], text[]) to pgscore_reader;
