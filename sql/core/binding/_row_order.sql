create function pgscore._row_order(profile regclass, row_key name[]) returns text
language sql stable
set search_path = ''
as $$
    -- One order for all sessions, whatever the collation of each column.
    select string_agg(
        format('pgscore_row.%I%s', k.name, case when c.attcollation <> 0 then ' collate "C"' else '' end), ', '
        order by k.ordinal
    )
    from unnest(row_key) with ordinality as k (name, ordinal), pgscore._column(profile, k.name) as c
$$;

comment on function pgscore._row_order(regclass, name[]) is 'SQL for the order in which rows of a profile table are locked';
