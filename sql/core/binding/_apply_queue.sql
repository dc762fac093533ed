create function pgscore._apply_queue() returns trigger
language plpgsql volatile security definer
set search_path = ''
as $$
begin
    -- It fires for each queued row; the first call takes all rows of the transaction, the others find none.
    perform pgscore._apply(false);
    return null;
end
$$;

comment on function pgscore._apply_queue() is 'At commit: the work of all bindings that the transaction touched';

-- Events are queued already folded, a row for each statement, so this fires once for a statement of any size.
create constraint trigger apply after insert on pgscore.queue
    deferrable initially deferred
    for each row execute function pgscore._apply_queue();

comment on trigger apply on pgscore.queue is 'Runs when the transaction commits, or at SET CONSTRAINTS ALL IMMEDIATE';

-- A role without any rights of its own: see _apply. An owner of functions may create in their schema while it takes them.
grant create on schema pgscore to pgscore_applier;
alter function pgscore._apply(boolean) owner to pgscore_applier;
alter function pgscore._apply_statement() owner to pgscore_applier;
alter function pgscore._apply_queue() owner to pgscore_applier;
revoke create on schema pgscore from pgscore_applier;
