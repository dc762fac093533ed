create function pgscore._row_order(profile regclass, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The same order in all sessions, whatever the collation of each column.
    select string_agg(
        format('%s.%I%s', source, k.name, case when c.attcollation <> 0 then ' collate "C"' else '' end), ', '
        order by k.ordinal
    )
    from unnest(pgscore._row_key(profile)) with ordinality as k (name, ordinal), pgscore._column(profile, k.name) as c
$$;

comment on function pgscore._row_order(regclass, text) is 'SQL for the order in which rows of a profile table are locked';
