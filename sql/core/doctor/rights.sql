-- Privileges that were there once, because attach and the migration saw to them.

create function pgscore._doctor_rights() returns table (subject text, role text, lacks text, remedy text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with owners as (
        select distinct b.number, b.name, r.oid as role, s.space, s.is_profile
        from pgscore.binding b
        join pg_catalog.pg_class p on p.oid = b.profile
        join pg_catalog.pg_class e on e.oid = b.events
        join pg_catalog.pg_roles r on r.oid = p.relowner,
            lateral (values (e.relnamespace, false), (p.relnamespace, true)) as s (space, is_profile)
    )
    select distinct o.name, o.role::regrole::text, 'the rights of pgscore_reader', format('grant pgscore_reader to %s', o.role::regrole)
    from owners o where not pg_has_role(o.role, 'pgscore_reader', 'usage')
    union all
    select distinct o.name, o.role::regrole::text, format('%s on schema %s', upper(w.privilege), o.space::regnamespace),
        format('grant %s on schema %s to %s', w.privilege, o.space::regnamespace, o.role::regrole)
    from owners o, unnest(array['usage', 'create']) as w (privilege)
    where not has_schema_privilege(o.role, o.space, w.privilege)
    union all
    select distinct t.profile::text, 'pgscore_owner', format('USAGE on schema %s', c.relnamespace::regnamespace),
        format('grant usage on schema %s to pgscore_owner', c.relnamespace::regnamespace)
    from (select profile from pgscore.model_profile union select profile from pgscore.binding) t
    join pg_catalog.pg_class c on c.oid = t.profile
    where not has_schema_privilege('pgscore_owner', c.relnamespace, 'usage')
    union all
    select 'pgscore', 'pgscore_reader', format('USAGE on schema %s', n.oid::regnamespace),
        format('grant usage on schema %s to pgscore_reader', n.oid::regnamespace)
    from pg_catalog.pg_namespace n
    where n.nspname in ('pgscore', 'pgscore_models') and not has_schema_privilege('pgscore_reader', n.oid, 'usage')
    union all
    -- What a promotion generates, and what calls it.
    select case n.nspname when 'pgscore_models' then split_part(p.proname, ' ', 1) else 'pgscore' end, 'pgscore_reader',
        format('EXECUTE on function %s', p.oid::regprocedure), format('grant execute on function %s to pgscore_reader', p.oid::regprocedure)
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where (
            -- One whose name begins with an underscore is an engine's: some are for pgscore_owner alone.
            n.nspname = 'pgscore_models' and p.proname !~ '^_'
            or n.nspname = 'pgscore' and p.proname in ('score', 'predict', '_rescore', '_score_rows')
        )
        and not has_function_privilege('pgscore_reader', p.oid, 'execute')
    order by 1, 3
$$;

comment on function pgscore._doctor_rights() is 'Privileges that tables'' owners, pgscore_owner or pgscore_reader lack, with the GRANT';
grant execute on function pgscore._doctor_rights() to pgscore_reader;
