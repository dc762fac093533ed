create function pgscore.promote(model text, version integer, engine text default null) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    -- Before the lock: the estimator may take seconds.
    perform pgscore._prove(model, version);
    perform pgscore._lock_generated();
    if exists (select from pgscore.retirement r where r.model = promote.model and r.version = promote.version) then
        raise exception 'model "%" version % is retired', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = format('`pgscore retire %s %s --undo` takes that back.', model, version);
    end if;
    if version is distinct from (select m.serving from pgscore.model m where m.name = promote.model) then
        insert into pgscore.promotion (model, version) values (promote.model, promote.version);
    end if;
    perform pgscore._serve(model, version, engine);
end
$$;

comment on function pgscore.promote(text, integer, text) is
    'Makes a version the one that answers, from the commit of this transaction on, after replaying its golden rows and measuring its engines; or with the engine that is named';
grant execute on function pgscore.promote(text, integer, text) to pgscore_operator;
