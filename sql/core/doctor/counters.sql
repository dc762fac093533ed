-- What it takes to compare counters with events. The queries themselves the doctor puts together and runs, with its caller's
-- rights: nothing that belongs to the tables' owner is called, because it may be a superuser who looks.

create function pgscore._doctor_foreign_code(relation regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Planning a query computes what is constant in these.
    select pg_describe_object(d.classid, d.objid, 0)
    from pgscore._doctor_family(relation) f
    cross join lateral (
        select 'pg_class'::regclass::oid as class, f.member::oid as object
        union all
        select 'pg_class'::regclass, i.indexrelid from pg_catalog.pg_index i where i.indrelid = f.member
        union all
        select 'pg_constraint'::regclass, c.oid from pg_catalog.pg_constraint c where c.conrelid = f.member and c.contype = 'c'
        union all
        select 'pg_statistic_ext'::regclass, s.oid from pg_catalog.pg_statistic_ext s where s.stxrelid = f.member
    ) o
    join pg_catalog.pg_depend d on d.classid = o.class and d.objid = o.object
    where d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_opclass'::regclass)
        -- An extension's is a superuser's.
        and not exists (
            select from pg_catalog.pg_depend e where e.classid = d.refclassid and e.objid = d.refobjid and e.deptype = 'e'
        )
    limit 1
$$;

comment on function pgscore._doctor_foreign_code(regclass) is
    'An index, a constraint, a partition key or statistics of a table that call somebody''s function; NULL where none does';
grant execute on function pgscore._doctor_foreign_code(regclass) to pgscore_reader;

create function pgscore._doctor_sights() returns table (
    number integer, obstacle text, because text, has_index boolean,
    key_text text, key_present text, key_columns text, has_queue boolean, queue text, new_partitions text[]
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.number,
        case
            when not (s.may_read and s.may_use) then 'privilege'
            when s.is_hidden then 'row-security'
            when not s.is_ordinary then 'kind'
            when not s.is_own and s.foreign_code is not null then 'code'
        end,
        s.foreign_code,
        exists (
            select from pg_catalog.pg_index i
            where i.indrelid = b.events and i.indisvalid and i.indpred is null
                and (
                    select a.attname from pg_catalog.pg_attribute a where a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                ) = any (b.event_key)
        ),
        pgscore._key_text_sql(b.profile_key, 'pgscore_row'), pgscore._present_sql(b.profile_key, 'pgscore_row'),
        pgscore._columns_sql(b.profile_key, 'pgscore_row'),
        exists (
            select from pg_catalog.pg_class q join pg_catalog.pg_namespace n on n.oid = q.relnamespace
            where n.nspname = b.profile_schema and q.relname = b.profile_prefix || '_queue' and q.relkind = 'r'
                -- It is unlogged: a standby has none of its rows.
                and has_table_privilege(q.oid, 'select') and not pg_is_in_recovery()
        ) and b.number = (select min(f.number) from pgscore.binding f where f.profile = b.profile),
        pgscore._profile_object(b, 'queue'),
        array(
            select t.relation::text from pgscore._doctor_wanted() t
            join pg_catalog.pg_class c on c.oid = t.relation and c.relkind = 'r'
            left join pg_catalog.pg_trigger g on g.tgrelid = t.relation and g.tgname = t.name
            where t.number = b.number and t.is_partition and t.purpose = 'truncate' and g.oid is null
            order by 1 limit 5
        )
    from pgscore.binding b,
        lateral (
            select count(*) = 2 as are_there, bool_and(has_table_privilege(c.oid, 'select')) as may_read,
                bool_and(has_schema_privilege(c.relnamespace, 'usage')) as may_use, bool_or(row_security_active(c.oid)) as is_hidden,
                bool_and(c.relkind in ('r', 'p')) as is_ordinary, bool_and(pg_get_userbyid(c.relowner) = current_user) as is_own,
                min(pgscore._doctor_foreign_code(c.oid::regclass)) as foreign_code
            from pg_catalog.pg_class c where c.oid in (b.events, b.profile)
        ) s
    where s.are_there
    order by b.number
$$;

comment on function pgscore._doctor_sights() is
    'Whether the caller may look into the tables of bindings, and what the query to compare them is made of; obstacle: privilege, row-security, kind, or code of somebody else''s that would run';
grant execute on function pgscore._doctor_sights() to pgscore_reader;

create function pgscore._doctor_counters() returns table (
    number integer, ordinal integer, target text, column_sql text, recounted text, differs text, source text
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    b pgscore.binding;
begin
    for b in
        select o.* from pgscore.binding o
        where (select count(*) from pg_catalog.pg_class c where c.oid in (o.events, o.profile)) = 2
        order by o.number
    loop
        begin
            return query
            -- The generators keep line breaks of literals as this character while they indent.
            select b.number, r.ordinal, r.target::text, quote_ident(r.target), replace(r.recounted, chr(2), chr(10)),
                pgscore._fill(r.differs, jsonb_build_object(
                    'present', format('pgscore_row.%I', r.target), 'recounted', format('r.value_%s', r.ordinal)
                )),
                format('from %s e where', b.events)
            from pgscore._reducers_of(b) r where r.differs is not null order by r.ordinal;
        exception when others then
            -- What does not fit is told as a misfit.
            null;
        end;
    end loop;
end
$$;

comment on function pgscore._doctor_counters() is
    'The counters of bindings that events tell: SQL for what the events of a key give, and for whether that differs from what stands there';
grant execute on function pgscore._doctor_counters() to pgscore_reader;

create function pgscore._doctor_due() returns table (number integer, due_sql text, instant text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.number, quote_ident(pgscore._due_column(b)), pgscore._instant_sql(b)
    from pgscore.binding b
    where pgscore._due_column(b) is not null and 2 = (select count(*) from pg_catalog.pg_class c where c.oid in (b.events, b.profile))
    order by b.number
$$;

comment on function pgscore._doctor_due() is
    'The columns that say from when on profiles are due, of bindings with windows, and SQL for a time at which the windows of a profile, pgscore_row, hold what stands there';
grant execute on function pgscore._doctor_due() to pgscore_reader;

create function pgscore._doctor_keys() returns table (
    number integer, ordinal bigint, argument text, profile_column text, event_column text, type text, profile_collation text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- As an argument of the function that recounts: in the type of keys, and compared as the events' column is.
    select b.number, e.ordinal, format('pgscore_row.%I::%s', p.name, pgscore._key_type(a.atttypid)) || coalesce(
            (
                select format(' collate %I.%I', n.nspname, l.collname)
                from pg_catalog.pg_collation l join pg_catalog.pg_namespace n on n.oid = l.collnamespace where l.oid = a.attcollation
            ), ''
        ),
        quote_ident(p.name), quote_ident(e.name), pgscore._key_type(a.atttypid),
        coalesce(
            (
                select format(' collate %I.%I', n.nspname, l.collname)
                from pg_catalog.pg_collation l join pg_catalog.pg_namespace n on n.oid = l.collnamespace where l.oid = c.attcollation
            ), ''
        )
    from pgscore.binding b,
        unnest(b.event_key) with ordinality as e (name, ordinal)
    join unnest(b.profile_key) with ordinality as p (name, ordinal) using (ordinal)
    join lateral (select c.* from pg_catalog.pg_attribute c where c.attrelid = b.events and c.attname = e.name) a on true
    join lateral (select c.* from pg_catalog.pg_attribute c where c.attrelid = b.profile and c.attname = p.name) c on true
    order by 1, 2
$$;

comment on function pgscore._doctor_keys() is 'SQL for the parts of the keys of profiles, as events are compared with them';
grant execute on function pgscore._doctor_keys() to pgscore_reader;

create function pgscore._doctor_pages(relation regclass) returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- It waits for whoever holds one of them.
    select sum(pg_relation_size(f.member))::bigint / current_setting('block_size')::integer from pgscore._doctor_family(relation) f
$$;

comment on function pgscore._doctor_pages(regclass) is 'How many pages a table has, which the caller has locked, with its partitions';
grant execute on function pgscore._doctor_pages(regclass) to pgscore_reader;

create function pgscore._doctor_still_fits(binding integer) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- An empty table can be made a view, and a column can get a type with a cast of its own: both may call anything.
    select pgscore._tables_problem(b) is null and pgscore._table_keys_problem(b) is null and pgscore._reducers_problem(b) is null
    from pgscore.binding b where b.number = binding
$$;

comment on function pgscore._doctor_still_fits(integer) is
    'Whether the tables of a binding, which the caller has locked, still are such as attach takes';
grant execute on function pgscore._doctor_still_fits(integer) to pgscore_reader;
