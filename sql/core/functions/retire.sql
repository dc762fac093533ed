create function pgscore.retire(model text, version integer, undo boolean default false) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    -- No promotion may come between.
    perform pgscore._lock_generated();
    if undo then
        perform pgscore._refuse_pruned(model, version);
        delete from pgscore.retirement r where r.model = retire.model and r.version = retire.version;
        return;
    end if;
    if version = (select m.serving from pgscore.model m where m.name = retire.model) then
        raise exception 'model "%" version % serves: it cannot be retired', model, version
            using errcode = 'object_in_use', hint = 'Promote another version first, or roll back.';
    end if;
    insert into pgscore.retirement (model, version) values (retire.model, retire.version) on conflict do nothing;
end
$$;

comment on function pgscore.retire(text, integer, boolean) is
    'Marks a version as not to be promoted any more, or takes the mark back; its artifact stays until it is pruned';
grant execute on function pgscore.retire(text, integer, boolean) to pgscore_operator;
