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

create function pgscore._generated_names(b pgscore.binding) returns table (kind text, schema name, name text, what text, is_shared boolean)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select 'function', b.event_schema, b.event_prefix || '_' || w.what, w.what, false
    from unnest(array['insert', 'update', 'delete', 'row', 'truncate', 'recount', 'reconcile', 'tick']) as w (what)
    union all
    select 'function', b.profile_schema, b.profile_prefix || '_' || w.what, w.what, true
    from unnest(array['apply', 'commit', 'run', 'score', 'is_marked', 'has_mark', 'arrive', 'forget', 'rekey', 'tell', 'notify', 'rescore']) as w (what)
    union all
    select 'table', b.profile_schema, b.profile_prefix || '_' || w.what, w.what, true
    from unnest(array['queue', 'arrival']) as w (what)
$$;

comment on function pgscore._generated_names(pgscore.binding) is
    'All that may be generated for a binding, by name; is_shared: beside the profile table, for all of its bindings';
grant execute on function pgscore._generated_names(pgscore.binding) to pgscore_reader;

create function pgscore._generated_functions(b pgscore.binding) returns table (oid oid, owner oid, schema name, name text, what text, is_shared boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select p.oid, p.proowner, g.schema, g.name, g.what, g.is_shared
    from pgscore._generated_names(b) g
    join pg_catalog.pg_namespace n on n.nspname = g.schema
    join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = g.name
    where g.kind = 'function'
$$;

comment on function pgscore._generated_functions(pgscore.binding) is
    'The functions that stand under the names of what is generated for a binding, whoever owns them';
grant execute on function pgscore._generated_functions(pgscore.binding) to pgscore_reader;

create function pgscore._generated_tables(b pgscore.binding) returns table (oid oid, owner oid, kind "char", object text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select c.oid, c.relowner, c.relkind, format('%I.%I', g.schema, g.name)
    from pgscore._generated_names(b) g
    join pg_catalog.pg_namespace n on n.nspname = g.schema
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = g.name
    where g.kind = 'table'
$$;

comment on function pgscore._generated_tables(pgscore.binding) is
    'What stands under the names of the tables that are generated for a binding, whoever owns it';
grant execute on function pgscore._generated_tables(pgscore.binding) to pgscore_reader;

create function pgscore._is_wanted(b pgscore.binding, what text) returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when what in ('insert', 'update', 'delete') then not pgscore._is_partitioned(b.events)
        when what = 'row' then pgscore._is_partitioned(b.events)
        when what in ('tell', 'notify') then exists (select from pgscore._tell_triggers(b.profile) t where t.function = what)
        when what = 'run' then exists (select from pgscore._bindings_of(b.profile) o where pgscore._is_together(o))
        -- A release before this one had no condition for the trigger that scores.
        when what in ('is_marked', 'has_mark') then pgscore._procedure(b.profile_schema, b.profile_prefix || '_is_marked') is not null
        when what = 'tick' then pgscore._due_column(b) is not null
        -- Made when it is first called.
        when what = 'rescore' then pgscore._has_rescore(b)
        else true
    end;
end
$$;

comment on function pgscore._is_wanted(pgscore.binding, text) is
    'Whether a binding has what may be generated under a name, as its tables, its options and the other bindings are';
grant execute on function pgscore._is_wanted(pgscore.binding, text) to pgscore_reader;
