create function pgscore_trusted._walk(
    digest text, positive integer, numbers double precision[], texts text[]
) returns double precision
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    walker = GD.get("pgscore_runtime:0c8c8cae37ccb8071f39c90f9d83fb1f8aeae788e0eacfe5302a7a31c7f598a4" + digest)
    return walker.score(numbers or (), texts or (), positive) if walker else float("nan")
$$;

comment on function pgscore_trusted._walk(text, integer, double precision[], text[]) is
    'Scores a row with a program that this backend has read; NaN where it has not';
revoke all on function pgscore_trusted._walk(text, integer, double precision[], text[]) from public;
-- It computes, and reads nothing but its arguments.
grant execute on function pgscore_trusted._walk(text, integer, double precision[], text[]) to pgscore_owner, pgscore_reader;
