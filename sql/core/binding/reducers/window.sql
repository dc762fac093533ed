create function pgscore._window_sql(reducer jsonb) returns text
language plpgsql stable
-- A length is read and written the same way whoever attaches.
set search_path = pg_catalog, pg_temp set intervalstyle = 'postgres'
as $$
declare
    given constant interval := (reducer ->> 'window')::interval;
    days constant integer := extract(day from given);
begin
    -- A day is 24 hours. Of an interval of days PostgreSQL would make 23 or 25 by the time zone of a session.
    return format('%L::interval', make_interval(hours => days * 24) + (given - make_interval(days => days)));
end
$$;

comment on function pgscore._window_sql(jsonb) is 'SQL for the length of the window of a reducer, in hours, which no time zone makes longer or shorter';
grant execute on function pgscore._window_sql(jsonb) to pgscore_reader;

create function pgscore._window_length_problem(reducer jsonb) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp set intervalstyle = 'postgres'
as $$
declare
    given interval;
begin
    begin
        given := (reducer ->> 'window')::interval;
    exception when data_exception then
        return format('the window of column "%s" is a time such as "30 days", not "%s"', reducer ->> 'column', reducer ->> 'window');
    end;
    return case
        when not isfinite(given) then format('the window of column "%s" has no end: leave it out', reducer ->> 'column')
        -- PostgreSQL keeps years as months.
        when extract(year from given) <> 0 or extract(month from given) <> 0 then format(
            'the window of column "%s" has months or years, of which one is longer than another: say it in days', reducer ->> 'column'
        )
        -- Compared as 24 hours for each day.
        when given <= interval '0' then format('the window of column "%s" is "%s": it must be longer than nothing', reducer ->> 'column', reducer ->> 'window')
        when given > interval '36500 days' then format('the window of column "%s" is longer than 36500 days', reducer ->> 'column')
    end;
end
$$;

comment on function pgscore._window_length_problem(jsonb) is 'What is wrong with the length of the window of a reducer, in a sentence; NULL where nothing is';
grant execute on function pgscore._window_length_problem(jsonb) to pgscore_reader;

create function pgscore._window_problem(reducer jsonb, events regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    moment constant pg_catalog.pg_attribute := pgscore._column(events, reducer ->> 'time');
begin
    if not reducer ? 'window' then
        return null;
    end if;
    return coalesce(pgscore._window_length_problem(reducer), case
        when moment.attname is null then format('table %s has no column "%s" to say when an event was', events, reducer ->> 'time')
        when moment.atttypid in ('timestamp'::regtype, 'date'::regtype) then format(
            'column "%1$s" of table %2$s is %3$s, of which the moment depends on a time zone, and a window takes timestamp with time zone; run, with the zone it is in: alter table %2$s alter column %4$I type timestamp with time zone using %4$I::timestamp at time zone ''UTC''',
            moment.attname, events, moment.atttypid::regtype, moment.attname
        )
        when moment.atttypid <> 'timestamp with time zone'::regtype then format(
            'column "%s" of table %s is %s, and a window takes timestamp with time zone', moment.attname, events, moment.atttypid::regtype
        )
    end);
end
$$;

comment on function pgscore._window_problem(jsonb, regclass) is 'What is wrong with the window of a reducer, in a sentence; NULL where nothing is';
grant execute on function pgscore._window_problem(jsonb, regclass) to pgscore_reader;

create function pgscore._window_reducer(r pgscore.reducer_sql, events regclass) returns pgscore.reducer_sql
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Events leave by themselves: what a new one brings does not tell the value.
    r.kind := 'look';
    r.delta := null;
    r.is_whole := null;
    r.is_finite := null;
    r.one := null;
    r.folded := null;
    r.signed := null;
    r.merged := null;
    r.grown := null;
    r.looks_by := r.reducer ->> 'time';
    r.looks_down := null;
    r.event_fits := r.event_fits || pgscore._fits_sql(pgscore._column(events, r.reducer ->> 'time'), false);
    return r;
end
$$;

comment on function pgscore._window_reducer(pgscore.reducer_sql, regclass) is 'A reducer of any aggregate, made one of a window: it is always looked up';
grant execute on function pgscore._window_reducer(pgscore.reducer_sql, regclass) to pgscore_reader;

create function pgscore._chosen_sql(reducer jsonb, events regclass, event_key name[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The parts of the key are the arguments of the function that recounts. After them come what is asked for, and the time at
    -- which windows end.
    select concat_ws(
        ' and ',
        format(
            'from %s e where %s', events,
            (select string_agg(format('e.%I = $%s', k.name, k.ordinal), ' and ' order by k.ordinal) from unnest(event_key) with ordinality as k (name, ordinal))
        ),
        pgscore._filter_sql(reducer, events),
        case when reducer ? 'window' then format('e.%I > $%s - %s', reducer ->> 'time', cardinality(event_key) + 2, pgscore._window_sql(reducer)) end
    )
$$;

comment on function pgscore._chosen_sql(jsonb, regclass, name[]) is 'SQL for the events of a key that a reducer takes, from FROM on';
grant execute on function pgscore._chosen_sql(jsonb, regclass, name[]) to pgscore_reader;

create function pgscore._due_sql(events regclass, event_key name[], reducers jsonb) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- What is later than PostgreSQL's last years, as infinity is, never leaves, and adding to it would fail.
    select format(
        e'select least(%s)',
        string_agg(w.leaves, ', ' order by w.first)
    )
    from (
        select l.leaves, min(r.ordinal) as first
        from jsonb_array_elements(reducers) with ordinality as r (reducer, ordinal),
            lateral (select format(
                e'\n    (select case when e.%1$I < make_timestamptz(290000, 1, 1, 0, 0, 0, ''UTC'') then e.%1$I + %2$s end %3$s order by e.%1$I limit 1)',
                r.reducer ->> 'time', pgscore._window_sql(r.reducer), pgscore._chosen_sql(r.reducer, events, event_key)
            ) as leaves) l
        where r.reducer ? 'window'
        group by l.leaves
    ) w
$$;

comment on function pgscore._due_sql(regclass, name[], jsonb) is
    'What the events of a key give for due: when the first of those that are in a window of these reducers leaves it; NULL where none will';
grant execute on function pgscore._due_sql(regclass, name[], jsonb) to pgscore_reader;

create function pgscore._due_reducer(
    r pgscore.reducer_sql, target pg_catalog.pg_attribute, events regclass, event_key name[], reducers jsonb
) returns pgscore.reducer_sql
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    r.problem := case
        when not exists (select from jsonb_array_elements(reducers) w where w ? 'window')
            then format('no reducer of the binding has a window, so column "%s" has nothing to say', target.attname)
        when target.atttypid <> 'timestamp with time zone'::regtype or target.atttypmod <> -1 then format(
            'column "%1$s" must be timestamp with time zone to say when a profile is due; run: alter table %2$s alter column %3$I type timestamp with time zone using null',
            target.attname, target.attrelid::regclass, target.attname
        )
        when target.attnotnull then format(
            'column "%1$s" is NULL where no event will leave a window; run: alter table %2$s alter column %3$I drop not null', target.attname,
            target.attrelid::regclass, target.attname
        )
    end;
    r.kind := 'look';
    r.profile_fits := array[pgscore._fits_sql(target, false)];
    -- Of the others, where they are right: what is wrong with them is said of them.
    if r.problem is null and not exists (
        select from jsonb_array_elements(reducers) w
        where w ? 'window' and coalesce(pgscore._window_problem(w, events), pgscore._filter_problem(w, events)) is not null
    ) then
        r.recounted := pgscore._due_sql(events, event_key, reducers);
    end if;
    r.differs := '{{present}} is distinct from {{recounted}}';
    return r;
end
$$;

comment on function pgscore._due_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, regclass, name[], jsonb) is
    'due: from when on a profile is due, because an event has left a window; NULL where none will';
grant execute on function pgscore._due_reducer(pgscore.reducer_sql, pg_catalog.pg_attribute, regclass, name[], jsonb) to pgscore_reader;

create function pgscore._due_column(b pgscore.binding) returns name
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select (r ->> 'column')::name from jsonb_array_elements(b.reducers) r where r ->> 'aggregate' = 'due'
$$;

comment on function pgscore._due_column(pgscore.binding) is 'The column of the profile that says from when on it is due; NULL for a binding without windows';
grant execute on function pgscore._due_column(pgscore.binding) to pgscore_reader;

create function pgscore._instant_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Of a row that is due, the last moment before it was: until then time alone has changed nothing.
    select format('least(clock_timestamp(), pgscore_row.%I - interval ''1 microsecond'')', pgscore._due_column(b))
    where pgscore._due_column(b) is not null
$$;

comment on function pgscore._instant_sql(pgscore.binding) is
    'SQL for a time at which the windows of a profile, pgscore_row, hold what they held when it was brought up last; NULL for a binding without windows';
grant execute on function pgscore._instant_sql(pgscore.binding) to pgscore_reader;

create function pgscore._due_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when d.many > 1 then 'a binding has one reducer of the aggregate due, for all of its windows'
        when d.windows > 0 and d.many = 0 then format(
            'a binding with windows says in a column of the profile when it is due; add {"column": "due_at", "aggregate": "due"} to the reducers, and run: alter table %s add column due_at timestamp with time zone',
            b.profile
        )
    end
    from (
        select count(*) filter (where r ->> 'aggregate' = 'due') as many, count(*) filter (where r ? 'window') as windows
        from jsonb_array_elements(b.reducers) r
    ) d
$$;

comment on function pgscore._due_problem(pgscore.binding) is 'What is wrong with how a binding says that profiles are due, in a sentence; NULL where nothing is';
grant execute on function pgscore._due_problem(pgscore.binding) to pgscore_reader;
