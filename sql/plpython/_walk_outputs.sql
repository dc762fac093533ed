create function pgscore_trusted._walk_outputs(digest text, numbers double precision[], texts text[])
returns double precision[]
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    walker = GD.get("pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189" + digest)
    return walker.outputs(numbers or (), texts or ())[0] if walker else []
$$;

comment on function pgscore_trusted._walk_outputs(text, double precision[], text[]) is
    'All outputs of a program that this backend has read, NULL where there is no score; no elements where it has not';
revoke all on function pgscore_trusted._walk_outputs(text, double precision[], text[]) from public;
grant execute on function pgscore_trusted._walk_outputs(text, double precision[], text[]) to pgscore_owner, pgscore_reader;
