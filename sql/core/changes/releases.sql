create function pgscore._tell_release() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- PostgreSQL does not prepare a transaction that has notified. Whoever follows releases looks every few seconds, too:
    -- where transactions can be prepared it is told only by one that is certain to commit. Its command is COMMIT, or it
    -- has begun with its command, or there is none any more: a statement of its own, in the extended protocol. After SET
    -- CONSTRAINTS ALL IMMEDIATE, within a transaction, nothing of that is so.
    if current_setting('max_prepared_transactions') <> '0' and (
        current_query() ~* pgscore._prepares()
        or not (
            coalesce(current_query(), 'commit') ~* '(^|;)[[:space:]]*(commit|end)[[:>:]][^;]*;?[[:space:]]*$'
            or transaction_timestamp() >= statement_timestamp()
        )
    ) then
        return null;
    end if;
    perform pg_notify('pgscore_release', json_build_object('model', new.name, 'version', new.serving)::text);
    return null;
end
$$;

comment on function pgscore._tell_release() is 'Tells whoever listens to the channel pgscore_release which version of a model answers from now on';

-- At commit, where the command says whether the transaction is prepared.
create constraint trigger tell_release after update on pgscore.model deferrable initially deferred
    for each row when (old.serving is distinct from new.serving) execute function pgscore._tell_release();
comment on trigger tell_release on pgscore.model is 'A promotion, or a rollback, is told when it is committed';
