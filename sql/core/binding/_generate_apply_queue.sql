create function pgscore._generate_apply_queue() returns void
language plpgsql volatile
set search_path = ''
as $$
declare
    -- In one order for all transactions. A table that has gone has no work, so nothing calls its function.
    calls constant text := (
        select string_agg(
            format(
                case p.tables
                    when 1 then '%2$s'
                    -- Whose row it is has work, and most transactions have none for another table.
                    else 'if tg_relid = %1$L::regclass then %2$s elsif exists (select from %1$s q where q.transaction = pg_current_xact_id()) then %2$s end if;'
                end,
                pgscore._queue_name(p.number),
                -- A call in a simple expression; PERFORM would run a query.
                format('if %s() is not null then null; end if;', pgscore._generated_name(p.profile, 'profile', p.number, 'drain'))
            ), ' ' order by p.profile::oid
        )
        from (
            select o.*, count(*) over () as tables from pgscore.bound_profile o join pg_catalog.pg_class c on c.oid = o.profile
        ) p
    );
begin
    -- Replaced, and so still its owner's.
    execute format(
        'create or replace function pgscore._apply_queue() returns trigger language plpgsql volatile security definer
        set search_path = '''' as %L', format('begin %s return null; end', calls)
    );
end
$$;

comment on function pgscore._generate_apply_queue() is 'Writes the function that runs at commit: a call for each bound profile table';

-- As it is while nothing is tied.
select pgscore._generate_apply_queue();
