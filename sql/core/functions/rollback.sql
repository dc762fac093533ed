create function pgscore.rollback(model text) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    target integer;
begin
    perform pgscore._existing_version(model, null);
    perform pgscore._lock_generated();
    target := pgscore._rollback_target(model);
    if target is null then
        raise exception 'model "%" has no version to go back to', model
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Only promotions can be taken back; `pgscore show` lists the versions that can be promoted.';
    end if;
    perform pgscore._prove(model, target);
    update pgscore.promotion p
    set rolled_back_at = now(), rolled_back_by = session_user
    where p.model = rollback.model and p.rolled_back_at is null
        and p.id > (
            select max(t.id) from pgscore.promotion t
            where t.model = rollback.model and t.version = target and t.rolled_back_at is null
        );
    -- It answers again, whatever was thought of it meanwhile.
    delete from pgscore.retirement r where r.model = rollback.model and r.version = target;
    perform pgscore._serve(model, target, null);
    return target;
end
$$;

comment on function pgscore.rollback(text) is
    'Takes the latest promotion back: the version that answered before does again, from the commit of this transaction on';
grant execute on function pgscore.rollback(text) to pgscore_operator;
