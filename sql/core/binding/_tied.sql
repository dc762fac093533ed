create function pgscore._tied(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A plan that works on rows of a table and does not read it would not notice that its columns change. A constant of type
    -- regclass makes it depend on the table, and a function that is not immutable keeps the planner from folding it away.
    select format('pg_typeof(%L::regclass) is not null', profile)
$$;

comment on function pgscore._tied(regclass) is 'SQL that is true, and ties a plan to a table: a change of its columns reaches the plans of open sessions';
