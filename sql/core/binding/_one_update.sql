create function pgscore._one_update(b pgscore.binding, key text[], brought text[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'update %s p set %s where %s and not (%s);', b.profile,
        string_agg(
            format('%I = %s', r.target, pgscore._grown(r.reducer, format('p.%I', r.target), brought[r.ordinal])), ', '
            order by r.ordinal
        ),
        (
            select string_agg(format('p.%I = %s', k.name, key[k.ordinal]), ' and ' order by k.ordinal)
            from unnest(b.profile_key) with ordinality as k (name, ordinal)
        ),
        pgscore._recounted()
    )
    from pgscore._reducers_of(b) r
    having not coalesce(bool_or(r.kind = 'look'), true)
$$;

comment on function pgscore._one_update(pgscore.binding, text[], text[]) is
    'The statement that moves the counters of one profile; the parts of its key, and what events bring to each reducer, are SQL. It finds none where the apply function has to do it. NULL where a reducer has to look at the events';
