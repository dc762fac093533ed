create function pgscore_trusted._walk_reasons(digest text, numbers double precision[], texts text[])
returns double precision[]
language plpython3u stable parallel safe cost 10000
set search_path = pg_catalog, pg_temp
as $$
    explainer = GD.get("pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189" + digest)
    return explainer.reasons(numbers or (), texts or ()) if explainer else []
$$;

comment on function pgscore_trusted._walk_reasons(text, double precision[], text[]) is
    'What each input adds to the score of a row, by a program that this backend has read; NULL where there is no score; no elements where it has not';
revoke all on function pgscore_trusted._walk_reasons(text, double precision[], text[]) from public;
-- It computes, and reads nothing but its arguments.
grant execute on function pgscore_trusted._walk_reasons(text, double precision[], text[]) to pgscore_owner, pgscore_reader;
