create function pgscore._recount_all(b pgscore.binding) returns void
language plpgsql volatile
set search_path = ''
as $$
begin
    -- The tables are locked, so nobody adds to what is counted when this transaction commits.
    perform pgscore._as_role(
        o.profile_owner,
        format(
            'insert into %s (binding, task, keys, deltas) values (%s, ''recount all'', ''{}'', ''{}'')',
            pgscore._queue_name(o.profile_number), o.number
        )
    )
    from pgscore.binding o where o.number = b.number;
end
$$;

comment on function pgscore._recount_all(pgscore.binding) is 'Has all profiles counted when the transaction that ties the tables commits';
grant execute on function pgscore._recount_all(pgscore.binding) to pgscore_reader;
