create function pgscore._generate_apply_queue() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    -- In one order for all transactions. It fires for each queued row, and the first call leaves nothing to the others. A table
    -- that has gone has no work, so nothing calls its function. IF, because PERFORM would run a query.
    calls constant text := (
        select string_agg(
            format(
                'if exists (select from %s q where q.transaction = pg_current_xact_id()) then if %s() is not null then null; end if; end if;',
                pgscore._queue_name(p.number), pgscore._generated_name(p.profile, 'profile', p.number, 'drain')
            ), ' ' order by p.profile::oid
        )
        from pgscore.bound_profile p join pg_catalog.pg_class c on c.oid = p.profile
    );
begin
    -- Replaced, and so still its owner's.
    execute format(
        'create or replace function pgscore._apply_queue() returns trigger language plpgsql volatile security definer
        set search_path = pg_catalog, pg_temp as %L', format(
            'begin
                -- Notes about rows that are being changed wait for what follows them, even where constraints are immediate.
                if new.task = ''scored'' or (new.task = ''rekey'' and pg_trigger_depth() > 1) then
                    return null;
                end if;
                %s return null;
            end', calls
        )
    );
end
$$;

comment on function pgscore._generate_apply_queue() is 'Writes the function that runs at commit: a call for each bound profile table';

-- As it is while nothing is tied.
select pgscore._generate_apply_queue();
