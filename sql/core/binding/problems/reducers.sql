create function pgscore._has_following_keys(events regclass, profile regclass) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_catalog.pg_constraint c
        where c.contype = 'f' and c.conrelid = events and c.confrelid = profile and c.confupdtype = 'c'
    )
$$;

comment on function pgscore._has_following_keys(regclass, regclass) is
    'Whether events follow a profile whose key changes, by a foreign key on update cascade';
grant execute on function pgscore._has_following_keys(regclass, regclass) to pgscore_reader;

create function pgscore._reducers_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if jsonb_typeof(b.reducers) is distinct from 'array' or jsonb_array_length(b.reducers) not between 1 and 50 then
        return 'reducers are a list of 1 to 50 such as [{"column": "n", "aggregate": "count"}]';
    end if;
    return coalesce(
        (
            select r.problem from pgscore._reducers_of(b) r where r.problem is not null order by r.ordinal limit 1
        ),
        pgscore._due_problem(b),
        (
            select format('with a foreign key on update cascade and timing statement column "%s" cannot ignore deletes', r ->> 'column')
            from jsonb_array_elements(b.reducers) r
            where r ? 'deletes' and b.timing = 'statement' and pgscore._has_following_keys(b.events, b.profile) limit 1
        )
    );
end
$$;

comment on function pgscore._reducers_problem(pgscore.binding) is 'What is wrong with the reducers of a binding, in a sentence; NULL where nothing is';
grant execute on function pgscore._reducers_problem(pgscore.binding) to pgscore_reader;
