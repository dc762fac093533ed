create function pgscore._score_trigger_name(profile_number integer) returns name
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Triggers fire in the order of their names: this one comes last, and sees what the others made of the row.
    select format('~pgscore_%s_score', profile_number)::name
$$;

comment on function pgscore._score_trigger_name(integer) is 'The trigger that scores rows of a bound profile table before they are stored';
