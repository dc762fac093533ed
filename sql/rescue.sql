-- Takes away what pgscore left beside users' tables, where the schema pgscore is gone and every insert fails:
--
--     psql -d shop -f sql/rescue.sql                                           removes it, and prints what
--     PGOPTIONS='-c pgscore.rescue=list' psql -d shop -f sql/rescue.sql        only prints it
--
-- It needs nothing of pgscore's. An owner of tables runs it for their own, a superuser for all: it drops what pgscore
-- made, and runs nobody's code. Data stays, counters and scores included. Where pgscore is there, what its bindings
-- need stays. What a user's view or trigger needs stays, too, and is printed as in use.

create temporary table if not exists pgscore_left_over (
    kind pg_catalog.text not null,
    object pg_catalog.text not null,
    on_table pg_catalog.text,
    owner pg_catalog.name not null,
    statement pg_catalog.text not null,
    state pg_catalog.text not null,
    position integer generated always as identity
);

delete from pg_temp.pgscore_left_over;

do language plpgsql $rescue$
declare
    bindings pg_catalog.oid;
    bound pg_catalog.jsonb := '[]';
    functions pg_catalog.oid[];
    one pg_catalog.record;
begin
    perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    perform set_config('lock_timeout', '5s', true), set_config('client_min_messages', 'warning', true);

    -- Only what the role of pgscore's owns is asked: anybody may have made a schema of that name meanwhile.
    bindings := (
        select c.oid
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'pgscore' and c.relname = 'binding' and c.relkind = 'r'
            and c.relowner = to_regrole('pgscore_owner') and n.nspowner = c.relowner
    );
    if bindings is not null then
        if not has_schema_privilege('pgscore', 'usage') or not has_table_privilege(bindings, 'select') then
            raise exception 'pgscore is installed here, and % may not read which tables are attached', current_user
                using errcode = 'insufficient_privilege',
                      hint = 'The tables'' owners may, and superusers: members of pgscore_reader.';
        end if;
        execute 'select coalesce(jsonb_agg(to_jsonb(b)), ''[]'') from ('
            'select event_schema as space, event_prefix as prefix from pgscore.binding'
            ' union select profile_schema, profile_prefix from pgscore.binding) b'
        into bound;
    end if;

    -- By name, by comment, or by the posture where a copy has no comments; and never what a binding needs.
    select array_agg(p.oid) into functions
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    join pg_language l on l.oid = p.prolang
    where p.proname ~ (
            '^_pgscore_.*_(insert|update|delete|row|truncate|recount|reconcile|tick|commit|apply|run|score|is_marked|has_mark|arrive|forget|rekey|tell|notify|rescore)$'
        )
        and l.lanname = 'plpgsql' and n.nspname !~ '^pgscore'
        and (
            starts_with(obj_description(p.oid, 'pg_proc'), 'pgscore: ')
            or obj_description(p.oid, 'pg_proc') is null and strpos(p.prosrc, 'pgscore') > 0
                and (p.prosecdef and p.proconfig @> array['search_path=pg_catalog, pg_temp'] or p.proname ~ '_is_marked$')
        )
        and not exists (
            select from jsonb_to_recordset(bound) as b (space name, prefix name)
            where b.space = n.nspname and starts_with(p.proname, b.prefix || '_')
        );

    insert into pgscore_left_over (kind, object, on_table, owner, statement, state)
    select 'trigger', quote_ident(t.tgname), t.tgrelid::regclass, pg_get_userbyid(c.relowner),
        format('drop trigger if exists %I on %s', t.tgname, t.tgrelid::regclass),
        case when pg_has_role(c.relowner, 'usage') then 'left over' else 'not yours' end
    from pg_trigger t
    join pg_class c on c.oid = t.tgrelid
    where t.tgfoid = any (functions) and t.tgname ~ '^[~!]?pgscore_' and not t.tgisinternal and t.tgparentid = 0
    order by t.tgrelid::regclass::text, t.tgname;

    insert into pgscore_left_over (kind, object, owner, statement, state)
    select
        'function', f.oid::regprocedure, pg_get_userbyid(f.proowner), format('drop function %s', f.oid::regprocedure),
        case when pg_has_role(f.proowner, 'usage') then 'left over' else 'not yours' end
    from pg_proc f
    where f.oid = any (functions)
    order by f.oid::regprocedure::text;

    insert into pgscore_left_over (kind, object, owner, statement, state)
    select 'table', c.oid::regclass, pg_get_userbyid(c.relowner), format('drop table %s', c.oid::regclass),
        case when pg_has_role(c.relowner, 'usage') then 'left over' else 'not yours' end
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relname ~ '^_pgscore_.*_(queue|arrival)$' and c.relkind = 'r' and n.nspname !~ '^pgscore'
        and case when obj_description(c.oid, 'pg_class') is not null
            then starts_with(obj_description(c.oid, 'pg_class'), 'pgscore: ')
            -- A copy without comments: columns that only these have.
            else exists (
                select from pg_attribute a
                where a.attrelid = c.oid and a.attname in ('pgscore_task', 'slot') and not a.attisdropped
            )
        end
        and not exists (
            select from jsonb_to_recordset(bound) as b (space name, prefix name)
            where b.space = n.nspname and c.relname in (b.prefix || '_queue', b.prefix || '_arrival')
        )
    order by c.oid::regclass::text;

    if current_setting('pgscore.rescue', true) = 'list' then
        return;
    end if;
    for one in select * from pg_temp.pgscore_left_over l where l.state = 'left over' order by l.position loop
        begin
            -- Never with what depends on it: that is a user's.
            execute one.statement;
            update pg_temp.pgscore_left_over l set state = 'removed' where l.position = one.position;
        exception
            when dependent_objects_still_exist then
                update pg_temp.pgscore_left_over l set state = 'in use' where l.position = one.position;
            when lock_not_available then
                update pg_temp.pgscore_left_over l set state = 'locked' where l.position = one.position;
        end;
    end loop;
end
$rescue$;

select kind, object, on_table, owner, state from pg_temp.pgscore_left_over order by position;
