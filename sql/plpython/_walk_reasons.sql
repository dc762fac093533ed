create function pgscore_trusted._walk_reasons(digest text, numbers double precision[], texts text[])
returns double precision[]
language plpython3u stable parallel safe cost 10000
set search_path = pg_catalog, pg_temp
as $$
    explainer = GD.get("pgscore_runtime:7b7f0b6cecaac903ff6b8c5166c3a96c296dec0abb58ccbd4b0563879b675982" + digest)
    return explainer.reasons(numbers or (), texts or ()) if explainer else []
$$;

comment on function pgscore_trusted._walk_reasons(text, double precision[], text[]) is
    'What each input adds to the score of a row, by a program that this backend has read; NULL where there is no score; no elements where it has not';
revoke all on function pgscore_trusted._walk_reasons(text, double precision[], text[]) from public;
-- It computes, and reads nothing but its arguments.
grant execute on function pgscore_trusted._walk_reasons(text, double precision[], text[]) to pgscore_owner, pgscore_reader;
