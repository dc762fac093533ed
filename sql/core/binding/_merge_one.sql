create function pgscore._merge_one(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'elsif here.taken.binding = %1$s and here.first.binding = %1$s and here.taken.task = ''move'' and here.first.task = ''move''
            and cardinality(here.taken.keys) = 1 and here.taken.keys = here.first.keys
        then
            here.first.deltas := array[array[%2$s]::text[]::text];',
        b.number,
        string_agg(
            format(
                -- NULL stands for nothing that came.
                '(coalesce((here.first.deltas[1]::text[])[%1$s]::numeric + (here.taken.deltas[1]::text[])[%1$s]::numeric, (here.first.deltas[1]::text[])[%1$s]::numeric, (here.taken.deltas[1]::text[])[%1$s]::numeric))::text',
                r.ordinal
            ), ', ' order by r.ordinal
        )
    )
    from pgscore._reducers_of(b) r
    having bool_and(r.kind = 'add')
$$;

comment on function pgscore._merge_one(pgscore.binding) is
    'What the drain function does where several statements had events of one profile: their deltas are added; NULL where not all reducers add';
