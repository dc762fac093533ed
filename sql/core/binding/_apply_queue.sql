create function pgscore._apply_queue() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return null;
end
$$;

comment on function pgscore._apply_queue() is
    'At commit: has the owners of profile tables do the work that the transaction queued. It calls what they may replace, so its own owner may do nothing';

-- An owner of functions may create in their schema while it takes them.
grant create on schema pgscore to pgscore_applier;
alter function pgscore._apply_queue() owner to pgscore_applier;
revoke create on schema pgscore from pgscore_applier;
