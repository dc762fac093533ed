create function pgscore._hand_over(b pgscore.binding, task text, keys text, deltas text, source text) returns text
language sql stable
set search_path = ''
as $$
    -- Kept for the commit, or done at once.
    select case b.timing
        when 'commit' then format(
            'insert into %1$s (binding, task, keys, deltas, wakes) select %2$s, %3$s, %4$s, %5$s, not exists (
                select from %1$s q where q.transaction = pg_current_xact_id() and q.wakes
            ) %6$s;',
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
