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
            select p
            from jsonb_array_elements(b.reducers) with ordinality as e (r, ordinal), pgscore._reducer_problem(r, b.events, b.profile) p
            where p is not null order by ordinal limit 1
        ),
        (
            select format('with a foreign key on update cascade and timing statement column "%s" cannot ignore deletes', r ->> 'column')
            from jsonb_array_elements(b.reducers) r
            where r ? 'deletes' and b.timing = 'statement' and pgscore._follows_keys(b.events, b.profile) limit 1
        )
    );
end
$$;

comment on function pgscore._reducers_problem(pgscore.binding) is 'What is wrong with the reducers of a binding, in a sentence; NULL where nothing is';
