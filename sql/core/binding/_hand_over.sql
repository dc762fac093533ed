create function pgscore._hand_over(b pgscore.binding, task text, keys text, deltas text, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Kept for the commit, or done at once.
    select case b.timing
        when 'commit' then format(
            'insert into %s (binding, task, keys, deltas) select %s, %s, %s, %s %s;',
            pgscore._queue_name(b.profile_number), b.number, task, keys, deltas, source
        )
        else format(
            'perform %s(array[%s]) %s;', pgscore._generated_name(b.profile, 'profile', b.profile_number, 'apply'),
            pgscore._work_of(b, task, keys, deltas), source
        )
    end
$$;

comment on function pgscore._hand_over(pgscore.binding, text, text, text, text) is
    'The statement with which a trigger hands work over; the parts of the work are SQL, over the rows of source';
