-- Why attach would refuse now what it took once.

create function pgscore._doctor_columns(b pgscore.binding) returns table (relation regclass, name name, type text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.events, k, null from unnest(pgscore._read_columns(b)) k
    union
    select b.profile, k, null from unnest(b.profile_key) k
    union
    select b.profile, (r ->> 'column')::name, null from jsonb_array_elements(b.reducers) r
    union
    select b.profile, n.name, n.type
    from (values (b.score, 'double precision'), (b.version, 'integer'), (b.scored_at, 'timestamp with time zone')) n (name, type)
    where n.name is not null
    union
    select b.profile, b.reasons, coalesce(
        (select format_type(a.atttypid, null) from pgscore._column(b.profile, b.reasons) a where a.atttypid = 'text[]'::regtype), 'jsonb'
    )
    where b.reasons is not null
$$;

comment on function pgscore._doctor_columns(pgscore.binding) is
    'The columns that a binding names; with a type, those that pgscore fills and anybody can add';
grant execute on function pgscore._doctor_columns(pgscore.binding) to pgscore_reader;

create function pgscore._doctor_renamed(b pgscore.binding, relation regclass) returns name
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The only column that was changed after what is generated, and that no binding names.
    select min(a.attname)
    from pg_catalog.pg_attribute a,
        lateral (
            select max(age(f.xmin)) as generated
            from pg_catalog.pg_proc f join pg_catalog.pg_namespace n on n.oid = f.pronamespace
            where n.nspname = b.event_schema and f.proname = b.event_prefix || '_recount'
        ) g
    where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and age(a.xmin) < g.generated
        and not exists (
            select from pgscore.binding o, pgscore._doctor_columns(o) c
            where o.events in (b.events, b.profile) or o.profile in (b.events, b.profile)
            group by c.relation, c.name having c.relation = a.attrelid and c.name = a.attname
        )
    having count(*) = 1
$$;

comment on function pgscore._doctor_renamed(pgscore.binding, regclass) is
    'What a column of a table is called now that a binding names otherwise, as far as that can be told; NULL where it cannot';
grant execute on function pgscore._doctor_renamed(pgscore.binding, regclass) to pgscore_reader;

create function pgscore._doctor_misfit(b pgscore.binding) returns table (
    code text, relation text, column_name text, column_type text, renamed text, other text
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select 'row-security'::text, c.oid::regclass::text, null::text, null::text, null::text, null::text
    from pg_catalog.pg_class c where c.oid in (b.events, b.profile) and c.relforcerowsecurity;
    return query
    select 'child'::text, c.oid::regclass::text, null::text, null::text, null::text, min(i.inhrelid::regclass::text)
    from pg_catalog.pg_class c join pg_catalog.pg_inherits i on i.inhparent = c.oid
    where c.oid in (b.events, b.profile) and c.relkind = 'r'
    group by c.oid;
    return query
    select 'column'::text, c.relation::text, quote_ident(c.name), c.type, quote_ident(pgscore._doctor_renamed(b, c.relation)), null::text
    from pgscore._doctor_columns(b) c
    where (pgscore._column(c.relation, c.name)).attname is null
    order by 2, 3;
    if found then
        return;
    end if;
    return query
    select 'unique'::text, b.profile::text, pgscore._columns_sql(b.profile_key), null::text, null::text, null::text
    where not exists (
        select from pg_catalog.pg_index i
        where i.indrelid = b.profile and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null
            and i.indnkeyatts = cardinality(b.profile_key)
            and (
                select array_agg(a.attname order by a.attname)
                from unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
                join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
                where k.ordinal <= i.indnkeyatts
            ) = (select array_agg(k order by k) from unnest(b.profile_key) k)
    );
    if found then
        return;
    end if;
    return query
    select 'other'::text, null::text, null::text, null::text, null::text, p.sentence
    from (
        select coalesce(
            pgscore._tables_problem(b), pgscore._table_keys_problem(b), pgscore._reducers_problem(b), pgscore._columns_problem(b)
        ) as sentence
    ) p
    where p.sentence is not null and not exists (
        select from pg_catalog.pg_class c left join pg_catalog.pg_inherits i on i.inhparent = c.oid and c.relkind = 'r'
        where c.oid in (b.events, b.profile) and (c.relforcerowsecurity or i.inhparent is not null)
    );
end
$$;

comment on function pgscore._doctor_misfit(pgscore.binding) is
    'Why attach would refuse the tables of a binding now: row-security, child, column, unique, or other, with what attach would say';
grant execute on function pgscore._doctor_misfit(pgscore.binding) to pgscore_reader;

create function pgscore._doctor_misfits() returns table (
    number integer, code text, relation text, column_name text, column_type text, renamed text, other text
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
            return query select b.number, m.* from pgscore._doctor_misfit(b) m;
        exception when insufficient_privilege then
            -- Names in a schema that the caller may not use: nothing is known of them.
            null;
        end;
    end loop;
end
$$;

comment on function pgscore._doctor_misfits() is 'Why attach would refuse the tables of bindings now, a row for each reason';
grant execute on function pgscore._doctor_misfits() to pgscore_reader;
