create function pgscore._key_type(type oid) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when type in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) then 'bigint'
        when type in ('text'::regtype, 'varchar'::regtype) then 'text'
        when type = 'uuid'::regtype then 'uuid'
    end
$$;

comment on function pgscore._key_type(oid) is 'The type in which keys of a type are queued and compared; NULL where it cannot be a key';
grant execute on function pgscore._key_type(oid) to pgscore_reader;

create function pgscore._key_types(relation regclass, key name[]) returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(pgscore._key_type(c.atttypid) order by k.ordinal)
    from unnest(key) with ordinality as k (name, ordinal), pgscore._column(relation, k.name) as c
$$;

comment on function pgscore._key_types(regclass, name[]) is 'The types in which columns of a key are queued';
grant execute on function pgscore._key_types(regclass, name[]) to pgscore_reader;

create function pgscore._columns_sql(names name[], source text default null) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(coalesce(source || '.', '') || quote_ident(k.name), ', ' order by k.ordinal)
    from unnest(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._columns_sql(name[], text) is 'SQL for a list of columns, of what stands under the name in source';
grant execute on function pgscore._columns_sql(name[], text) to pgscore_reader;

create function pgscore._match_sql(names name[], source text, other_names name[], other text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%s.%I = %s.%I', source, k.name, other, o.name), ' and ' order by k.ordinal)
    from unnest(names) with ordinality as k (name, ordinal)
    join unnest(other_names) with ordinality as o (name, ordinal) using (ordinal)
$$;

comment on function pgscore._match_sql(name[], text, name[], text) is 'SQL that compares columns of two sources in pairs';
grant execute on function pgscore._match_sql(name[], text, name[], text) to pgscore_reader;

create function pgscore._present_sql(names name[], source text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%s.%I is not null', source, k.name), ' and ' order by k.ordinal)
    from unnest(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._present_sql(name[], text) is 'SQL that says whether a key is whole: an event with a NULL in it belongs to no profile';
grant execute on function pgscore._present_sql(name[], text) to pgscore_reader;

create function pgscore._changed_sql(names name[]) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('old.%1$I is distinct from new.%1$I', k.name), ' or ' order by k.ordinal)
    from unnest(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._changed_sql(name[]) is 'SQL that says, in a trigger for rows, whether one of these columns changes';
grant execute on function pgscore._changed_sql(name[]) to pgscore_reader;

create function pgscore._key_text_sql(names name[], source text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- No session's setting changes the text of a key: its columns are integers, texts and uuids.
    select case cardinality(names)
        when 1 then format('%s.%I::text', source, names[1])
        else format('array[%s]::text', (
            select string_agg(format('%s.%I::text', source, k.name), ', ' order by k.ordinal)
            from unnest(names) with ordinality as k (name, ordinal)
        ))
    end
$$;

comment on function pgscore._key_text_sql(name[], text) is 'SQL for a key as people read it in pgscore.stale and the log: of several columns, as the text of an array';
grant execute on function pgscore._key_text_sql(name[], text) to pgscore_reader;

create function pgscore._row_order_sql(profile regclass, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The same order in all sessions, whatever the collation of each column.
    select string_agg(
        format('%s.%I%s', source, k.name, case when c.attcollation <> 0 then ' collate "C"' end), ', ' order by k.ordinal
    )
    from unnest(pgscore._row_key(profile)) with ordinality as k (name, ordinal), pgscore._column(profile, k.name) as c
$$;

comment on function pgscore._row_order_sql(regclass, text) is 'SQL for the order in which rows of a profile table are locked';
grant execute on function pgscore._row_order_sql(regclass, text) to pgscore_reader;
