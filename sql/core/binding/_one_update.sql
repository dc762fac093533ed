create function pgscore._one_update(b pgscore.binding, key text, delta text) returns text
language sql stable
set search_path = ''
as $$
    select format(
        'update %s p set %s where %s and not (%s);', b.profile,
        string_agg(
            format(
                '%I = %s', r.target,
                pgscore._grown(r.reducer, format('p.%I', r.target), format('(%s)[%s]::%s', delta, r.ordinal, r.typed))
            ), ', ' order by r.ordinal
        ),
        pgscore._key_match(b.profile, b.profile_key, 'p', key), pgscore._recounted()
    )
    from pgscore._reducers_of(b) r
    having not coalesce(bool_or(r.kind = 'look'), true)
$$;

comment on function pgscore._one_update(pgscore.binding, text, text) is
    'The statement that moves the counters of one profile by a delta, a text array; it finds none where the apply function has to do it; NULL where a reducer has to look at the events';
