create function pgscore._short_prefix(name text) returns name
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    prefix text := '_pgscore_' || name;
begin
    -- The longest ending is "_reconcile" or "_truncate".
    if octet_length(prefix) > 53 then
        while octet_length(prefix) > 44 loop
            prefix := left(prefix, -1);
        end loop;
        prefix := prefix || '_' || left(md5(name), 8);
    end if;
    return prefix;
end
$$;

comment on function pgscore._short_prefix(text) is 'What names of generated objects begin with, short enough for all their endings';
grant execute on function pgscore._short_prefix(text) to pgscore_reader;

create function pgscore._event_prefix(b pgscore.binding) returns name
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select p.prefix
    from pg_catalog.pg_class e, pg_catalog.pg_class c,
        lateral (values
            (1, pgscore._short_prefix(e.relname)), (2, pgscore._short_prefix(format('%s_%s', e.relname, c.relname))),
            (3, pgscore._short_prefix(format('%s_%s_%s', e.relname, c.relname, b.model))),
            (4, pgscore._short_prefix(format('%s_%s_%s_%s_%s', e.relname, c.relname, b.model, e.oid, c.oid)))
        ) as p (step, prefix)
    where e.oid = b.events and c.oid = b.profile and not exists (
        select from pgscore.binding o
        where o.event_schema = (select n.nspname from pg_catalog.pg_namespace n where n.oid = e.relnamespace) and o.event_prefix = p.prefix and o.number is distinct from b.number
    )
    order by p.step limit 1
$$;

comment on function pgscore._event_prefix(pgscore.binding) is
    'What names of the functions of a binding begin with: the event table''s name, and more where that is taken';
grant execute on function pgscore._event_prefix(pgscore.binding) to pgscore_reader;

create function pgscore._profile_prefix(profile regclass) returns name
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        (select b.profile_prefix from pgscore.binding b where b.profile = _profile_prefix.profile limit 1),
        (
            select p.prefix
            from pg_catalog.pg_class c,
                lateral (values
                    (1, pgscore._short_prefix(c.relname)), (2, pgscore._short_prefix(format('%s_%s', c.relname, c.oid)))
                ) as p (step, prefix)
            where c.oid = profile and not exists (
                select from pgscore.binding o
                where o.profile_schema = (select n.nspname from pg_catalog.pg_namespace n where n.oid = c.relnamespace) and o.profile_prefix = p.prefix and o.profile <> c.oid
            )
            order by p.step limit 1
        )
    )
$$;

comment on function pgscore._profile_prefix(regclass) is
    'What names begin with of the functions and tables that the bindings of a profile table share';
grant execute on function pgscore._profile_prefix(regclass) to pgscore_reader;

create function pgscore._profile_endings() returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select array['commit', 'apply', 'score', 'is_marked', 'has_mark', 'arrive', 'forget', 'rekey', 'tell', 'notify', 'rescore']
$$;

comment on function pgscore._profile_endings() is 'What names end with of the functions that the bindings of a profile table share';
grant execute on function pgscore._profile_endings() to pgscore_reader;

create function pgscore._event_object(b pgscore.binding, what text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format('%I.%I', b.event_schema, b.event_prefix || '_' || what)
$$;

comment on function pgscore._event_object(pgscore.binding, text) is 'A generated function of a binding, in the schema of its event table';
grant execute on function pgscore._event_object(pgscore.binding, text) to pgscore_reader;

create function pgscore._profile_object(b pgscore.binding, what text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format('%I.%I', b.profile_schema, b.profile_prefix || '_' || what)
$$;

comment on function pgscore._profile_object(pgscore.binding, text) is
    'A function or table that the bindings of a profile table share, in the schema of the table';
grant execute on function pgscore._profile_object(pgscore.binding, text) to pgscore_reader;
