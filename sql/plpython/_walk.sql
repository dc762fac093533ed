create function pgscore_trusted._walk(
    digest text, positive integer, numbers double precision[], texts text[]
) returns double precision
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    walker = GD.get("pgscore_runtime:6ea68f4488b2569c56ff3b99be387545514d59f506a1c8e56c58e5fc55f61fdc" + digest)
    return walker.score(numbers or (), texts or (), positive) if walker else float("nan")
$$;

comment on function pgscore_trusted._walk(text, integer, double precision[], text[]) is
    'Scores a row with a program that this backend has read; NaN where it has not';
revoke all on function pgscore_trusted._walk(text, integer, double precision[], text[]) from public;
-- It computes, and reads nothing but its arguments.
grant execute on function pgscore_trusted._walk(text, integer, double precision[], text[]) to pgscore_owner, pgscore_reader;
