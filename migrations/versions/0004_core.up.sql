-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

-- Windows of time, and what brings profiles up that are due.
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

create function pgscore._tick_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: brings up the next rows of {{profile}} that are due, because events have left their windows.
-- Generated; change it with pgscore.attach.
<<here>>
declare
    page {{profile}}[];
begin
    -- Those that were due first come first.
    if $3 is null then
        select array_agg(l.pgscore_row order by {{page_order}}) into page
        from (
            select pgscore_row from {{profile}} pgscore_row
            where pgscore_row.{{due}} <= $2 and {{present}}
            order by {{order}} limit $1
        ) l;
    else
        select array_agg(l.pgscore_row order by {{page_order}}) into page
        from (
            select pgscore_row from {{profile}} pgscore_row
            where pgscore_row.{{due}} between $3 and $2 and {{present}} and ({{order}}) > ({{after}})
            order by {{order}} limit $1
        ) l;
    end if;
    -- Nothing comes, and so what adds up stays as it is: windows alone are looked up. Without waiting for anybody: who has locked a
    -- row may bring it up, and otherwise the next call does.
    insert into {{queue}} (pgscore_binding, pgscore_task, {{columns}})
    select {{number}}, 'move', {{values}}
    from (
        select pgscore_row
        from unnest(here.page) as u join {{profile}} pgscore_row on {{page_match}}
        where pgscore_row.{{due}} <= $2
        for no key update of pgscore_row skip locked
    ) l;
    get diagnostics ticked = row_count;
    -- In this snapshot, which sees what others have brought up meanwhile.
    select count(*) into locked
    from unnest(here.page) as u join {{profile}} pgscore_row on {{page_match}}
    where pgscore_row.{{due}} <= $2;
    locked := locked - ticked;
    if ticked > 0 then
        perform {{apply}}(null);
    end if;
    finished := coalesce(cardinality(page), 0) < $1;
    last_due := page[cardinality(page)].{{due}};
    last_key := {{last}};
    -- Deferred triggers of the tables fire here, with the owner's rights, and not with those of a member who called.
    set constraints all immediate;
exception when others then
    {{fail}}
end
$template$ $function$;

comment on function pgscore._tick_template() is
    'Template: the function that brings up some profiles which are due';

grant execute on function pgscore._tick_template() to pgscore_reader;

create function pgscore._tick_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    due constant name := pgscore._due_column(b);
begin
    if due is null then
        return;
    end if;
    return query select * from pgscore._function_sql(
        format(
            '%s(rows integer, until timestamptz, after_due timestamptz, after_key text[], '
            'out ticked bigint, out locked bigint, out last_due timestamptz, out last_key text[], out finished boolean)',
            pgscore._event_object(b, 'tick')
        ),
        null, 'plpgsql volatile set jit = off',
        pgscore._fill(pgscore._tick_template(), jsonb_build_object(
            'binding', b.events, 'number', b.number, 'fail', pgscore._fail_sql(b), 'profile', b.profile, 'due', quote_ident(due),
            'queue', pgscore._profile_object(b, 'queue'), 'apply', pgscore._profile_object(b, 'apply'),
            'present', pgscore._present_sql(b.profile_key, 'pgscore_row'), 'order', pgscore._columns_sql(due || b.profile_key, 'pgscore_row'),
            'page_order', pgscore._columns_sql(due || b.profile_key, '(l.pgscore_row)'),
            'after', (
                select '$3, ' || string_agg(format('$4[%s]::%s', k.ordinal, k.type), ', ' order by k.ordinal)
                from unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as k (type, ordinal)
            ),
            'last', (
                select format('array[%s]', string_agg(format('page[cardinality(page)].%I::text', k), ', ' order by o))
                from unnest(b.profile_key) with ordinality u (k, o)
            ),
            'page_match', pgscore._match_sql(b.profile_key, 'pgscore_row', b.profile_key, 'u'),
            'columns', pgscore._columns_sql(b.profile_key), 'values', pgscore._columns_sql(b.profile_key, '(l.pgscore_row)')
        )),
        format('binding %s, brings up rows of %s that are due', b.events, b.profile), b.owner
    );
end
$$;

comment on function pgscore._tick_sql(pgscore.binding) is 'What makes the function that brings up profiles which are due; nothing for a binding without windows';

grant execute on function pgscore._tick_sql(pgscore.binding) to pgscore_reader;

create function pgscore._due_index_advice(b pgscore.binding) returns table (sentence text, statements text[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Rows that will never be due can be left out of it.
    select
        format('no index of %s begins with %s: each tick reads all of the table', b.profile, d.due),
        array(select pgscore._index_statements(b.profile, array[d.due], false))
    from (select pgscore._due_column(b) as due) d
    where d.due is not null and not exists (
        select from pg_catalog.pg_index i
        join pg_catalog.pg_class x on x.oid = i.indexrelid
        join pg_catalog.pg_am m on m.oid = x.relam
        join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = b.profile and i.indisvalid and i.indisready and m.amname = 'btree' and a.attname = d.due
            and (i.indpred is null or pgscore._is_implied(pg_get_expr(i.indpred, i.indrelid), array[d.due]))
    )
$$;

comment on function pgscore._due_index_advice(pgscore.binding) is
    'The index by which tick finds profiles that are due, where a binding has windows and the table has none, with a sentence and with what makes it';

grant execute on function pgscore._due_index_advice(pgscore.binding) to pgscore_reader;

create function pgscore._make_sure(b pgscore.binding, what text, statements text[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if pg_get_userbyid(b.owner) <> current_user or not exists (
        select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where n.nspname = b.event_schema and p.proname = b.event_prefix || '_' || what and p.proowner = b.owner and p.prosecdef
            and position(md5(p.prosrc) in statements[2]) > 0
    ) then
        -- Made anew in this transaction, and so what it was generated as: a member of the owner runs nothing that another one
        -- has put in its place. It works with the owner's rights, and so does all that it calls.
        perform pgscore._run_all(statements);
    end if;
end
$$;

comment on function pgscore._make_sure(pgscore.binding, text, text[]) is
    'Makes a function of a binding that is about to be called, unless it is the caller''s own and as it would be generated';

grant execute on function pgscore._make_sure(pgscore.binding, text, text[]) to pgscore_reader;

create function pgscore._bindings_to_tick(events regclass, profile regclass) returns integer[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    attached integer[];
    numbers integer[];
begin
    if num_nulls(events, profile) = 1 then
        raise exception 'name the event table and the profile table, or neither' using errcode = 'invalid_parameter_value';
    elsif events is null then
        return array(
            select b.number from pgscore.binding b
            where pgscore._due_column(b) is not null and (select p.problem from pgscore._owner_problem(b.events, b.profile) p) is null
                -- One whose table was dropped has nothing that could be due.
                and 2 = (select count(*) from pg_catalog.pg_class c where c.oid in (b.events, b.profile))
            order by b.number
        );
    end if;
    attached := pgscore._bindings_to_reconcile(events, profile);
    numbers := array(
        select b.number from pgscore.binding b
        where b.number = any (attached) and pgscore._due_column(b) is not null
        order by b.number
    );
    if cardinality(numbers) = 0 then
        raise exception 'no reducer of % has a window, so time alone changes nothing of %', events, profile using errcode = 'invalid_parameter_value';
    end if;
    return numbers;
end
$$;

comment on function pgscore._bindings_to_tick(regclass, regclass) is
    'The bindings of two tables that have windows, or all that are the caller''s; fails where the tables have none';

grant execute on function pgscore._bindings_to_tick(regclass, regclass) to pgscore_reader;

create function pgscore._tick_step(
    binding integer, until timestamptz, after_due timestamptz default null, after_key text[] default null, rows integer default 200,
    out ticked bigint, out locked bigint, out last_due timestamptz, out last_key text[], out finished boolean
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    b pgscore.binding;
begin
    -- One at a time, and none while the tables are attached or detached. Who lists a row as stale does not wait.
    select o.* into b from pgscore.binding o where o.number = binding for no key update;
    if not found then
        raise exception 'the tables were detached meanwhile' using errcode = 'undefined_object';
    end if;
    perform pgscore._check_owner(b.events, b.profile);
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._taken_problem(b));
    perform pgscore._make_sure(b, 'tick', array(select pgscore._tick_sql(b)));
    execute format('select f.* from %s($1, $2, $3, $4) f', pgscore._event_object(b, 'tick'))
        into ticked, locked, last_due, last_key, finished using rows, until, after_due, after_key;
end
$$;

comment on function pgscore._tick_step(integer, timestamptz, timestamptz, text[], integer) is
    'Brings up the next profiles of a binding that are due, after the last one of an earlier step; what it did stands when the caller commits';

grant execute on function pgscore._tick_step(integer, timestamptz, timestamptz, text[], integer) to pgscore_reader;

create procedure pgscore.tick(events regclass default null, profile regclass default null)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, every name here is
    -- qualified, and all that is called is pinned itself.
    pinned pg_catalog.text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    bindings pg_catalog.int4[] := pgscore._bindings_to_tick(events, profile);
    until pg_catalog.timestamptz := pg_catalog.clock_timestamp();
    next pg_catalog.int4;
    events_name pg_catalog.text;
    step pg_catalog.record;
    last_due pg_catalog.timestamptz;
    last_key pg_catalog.text[];
    ticked pg_catalog.int8;
    locked pg_catalog.int8;
    finished pg_catalog.bool;
    failed pg_catalog.text;
begin
    if pg_catalog.cardinality(bindings) = 0 then
        raise notice 'no binding of yours has a window, so nothing is due';
    end if;
    foreach next in array bindings loop
        select b.name into events_name from pgscore.binding b where b.number operator(pg_catalog.=) next;
        last_due := null;
        last_key := null;
        ticked := 0;
        locked := 0;
        finished := false;
        while not finished loop
            -- The first thing of a transaction: whatever the session's default is.
            commit;
            set transaction isolation level read committed;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            -- One that fails does not keep the others from being brought up.
            begin
                select s.* into step from pgscore._tick_step(next, until, last_due, last_key) s;
                ticked := ticked operator(pg_catalog.+) step.ticked;
                locked := locked operator(pg_catalog.+) step.locked;
                last_due := step.last_due;
                last_key := step.last_key;
                finished := step.finished;
            exception when others then
                failed := pg_catalog.concat_ws('; ', failed, pg_catalog.format('%s: %s', events_name, sqlerrm));
                finished := true;
            end;
        end loop;
        commit;
        pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        raise info '%: % profiles brought up%', events_name, ticked, case when locked operator(pg_catalog.>) 0
            then pg_catalog.format('; %s were locked by others and are due until the next tick', locked) else '' end;
    end loop;
    if failed is not null then
        raise exception '%', failed using hint = 'What was brought up before stays so.';
    end if;
end
$$;

comment on procedure pgscore.tick(regclass, regclass) is
    'Brings up profiles that are due, because events have left their windows, and their scores: of two tables, or of all bindings that are the caller''s. Some hundred at a time, each in a transaction; rows that others have locked are left to the next call, and counted';

grant execute on procedure pgscore.tick(regclass, regclass) to pgscore_reader;

create function pgscore._doctor_due() returns table (number integer, due_sql text, instant text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.number, quote_ident(pgscore._due_column(b)), pgscore._instant_sql(b)
    from pgscore.binding b
    where pgscore._due_column(b) is not null and 2 = (select count(*) from pg_catalog.pg_class c where c.oid in (b.events, b.profile))
    order by b.number
$$;

comment on function pgscore._doctor_due() is
    'The columns that say from when on profiles are due, of bindings with windows, and SQL for a time at which the windows of a profile, pgscore_row, hold what stands there';

grant execute on function pgscore._doctor_due() to pgscore_reader;

alter table pgscore.model_version drop constraint format_is_known;
alter table pgscore.model_version add constraint format_is_known check (
    format in (
        'joblib', 'pickle', 'skops', 'xgboost-json', 'xgboost-ubj', 'lightgbm', 'catboost', 'onnx', 'pmml', 'mojo'
    )
);

comment on column pgscore.model_version.format is 'How the artifact is stored: joblib, pickle, skops, as a booster''s own file, or as another tool''s: onnx, pmml, mojo';

-- From jsonb to text for all versions that are there: some ms for each.
alter table pgscore.program add column document text generated always as (program::text) stored;

comment on column pgscore.program.document is 'Its text, which backends read for the interpreter';

alter table pgscore.measurement drop constraint engine_is_known;
alter table pgscore.measurement add constraint engine_is_known check (engine in ('sql', 'interpreter', 'estimator', 'onnx'));

alter table pgscore.binding
    add column notify_above double precision,
    add column notify_below double precision,
    add column changes boolean not null default false,
    add column reasons name,
    add column top integer,
    add constraint top_is_positive check (top > 0),
    add constraint reasons_have_a_top check (reasons is null or top is not null);

comment on column pgscore.binding.notify_above is 'NOTIFY pgscore tells of scores that rise above it; NULL: of none';

comment on column pgscore.binding.notify_below is 'NOTIFY pgscore tells of scores that fall below it; NULL: of none';

comment on column pgscore.binding.changes is 'Whether changes of the score are written to pgscore.score_change';

comment on column pgscore.binding.reasons is 'The profile''s column for the inputs that add most to the score; NULL: they are not stored';

comment on column pgscore.binding.top is 'How many of them';

grant insert (
    name, owner, events, profile, model, event_key, profile_key, reducers, score, version, scored_at, timing, on_error, on_missing,
    max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix, columns, notify_above, notify_below, changes, reasons, top
) on pgscore.binding to pgscore_reader;

grant update (
    owner, event_key, profile_key, reducers, score, version, scored_at, columns, timing, on_error, on_missing, max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix,
    notify_above, notify_below, changes, reasons, top
) on pgscore.binding to pgscore_reader;

-- core/tables/crossing.sql
create unlogged table pgscore.crossing (
    transaction xid8 not null default pg_current_xact_id(),
    binding integer not null,
    key text not null,
    former double precision,
    primary key (transaction, binding, key)
);

comment on table pgscore.crossing is 'Scores that crossed a threshold in transactions in flight; taken back at commit, and never seen by another transaction';

comment on column pgscore.crossing.transaction is 'The transaction';

comment on column pgscore.crossing.binding is 'The binding''s number';

comment on column pgscore.crossing.key is 'A hash of the key of the profile row';

comment on column pgscore.crossing.former is 'The score before it crossed first in the transaction';

-- Functions of a profile table's owner write here, each for its own bindings.
grant select, delete on pgscore.crossing to pgscore_reader;

grant insert (binding, key, former) on pgscore.crossing to pgscore_reader;

alter table pgscore.crossing enable row level security;

create policy own_crossings on pgscore.crossing
    using (
        exists (
            select from pgscore.binding b
            where b.number = crossing.binding and pg_has_role(current_user, b.owner::oid, 'usage')
        )
    );

comment on policy own_crossings on pgscore.crossing is 'The owner of a profile table notes what crosses in its rows';

-- core/tables/score_change.sql
create sequence pgscore.score_change_ordinal;

comment on sequence pgscore.score_change_ordinal is 'Orders the changes of scores that have one position';

grant usage on sequence pgscore.score_change_ordinal to pgscore_reader;

-- The position is never less than the transaction that writes, so nothing comes in below the oldest one in flight. And of
-- one row it never falls: who changes a row after another transaction has a snapshot in which that one is completed. The
-- transaction's number alone would not do, since a transaction may change a row after one that began later.
create table pgscore.score_change (
    position xid8 not null default greatest(
        pg_current_xact_id(), (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text::xid8
    ),
    ordinal bigint not null default nextval('pgscore.score_change_ordinal'),
    at timestamptz not null default clock_timestamp(),
    binding text not null,
    owner regrole not null,
    model text not null,
    key text not null,
    former double precision,
    score double precision,
    version integer
) partition by range (at);

create table pgscore.score_change_default partition of pgscore.score_change default;

-- By itself it is nobody's: who may read or write goes by the parent.
alter table pgscore.score_change_default enable row level security;

create index score_change_position on pgscore.score_change (position, ordinal);

comment on table pgscore.score_change is 'Changes of scores, of the bindings that want them told; pgscore.score_changes reads them in order, without gaps';

comment on column pgscore.score_change.position is 'The transaction, or a later one that another change of the row may have had before';

comment on column pgscore.score_change.ordinal is 'Counts up';

comment on column pgscore.score_change.at is 'When';

comment on column pgscore.score_change.binding is 'The binding that told it';

comment on column pgscore.score_change.owner is 'The owner of the binding''s tables';

comment on column pgscore.score_change.model is 'The model';

comment on column pgscore.score_change.key is 'The key of the profile row';

comment on column pgscore.score_change.former is 'The score before; NULL: there was none';

comment on column pgscore.score_change.score is 'The score; NULL: there is none any more, or no such row';

comment on column pgscore.score_change.version is 'The version that gave it; NULL where the binding names no column for it';

comment on table pgscore.score_change_default is 'Changes of times for which no partition was made';

-- Functions of a profile table's owner write here, each for its own bindings.
grant select on pgscore.score_change to pgscore_reader;

grant insert (binding, owner, model, key, former, score, version) on pgscore.score_change to pgscore_reader;

alter table pgscore.score_change enable row level security;

create policy tell_own on pgscore.score_change for insert
    with check (
        pg_get_userbyid(owner) = current_user
        and exists (
            select from pgscore.binding b
            where b.name = score_change.binding and b.owner = score_change.owner and b.model = score_change.model
        )
    );

create policy read_own_changes on pgscore.score_change for select using (pg_has_role(current_user, owner::oid, 'usage'));

create policy read_all_changes on pgscore.score_change for select to pgscore_operator using (true);

comment on policy tell_own on pgscore.score_change is 'The owner of a profile table tells of its rows';

comment on policy read_own_changes on pgscore.score_change is 'Owners, and members of them, read what their bindings told';

comment on policy read_all_changes on pgscore.score_change is 'Operators read what all bindings told';

create table pgscore.pruned_change (
    model text primary key,
    position xid8 not null,
    ordinal bigint not null
);

comment on table pgscore.pruned_change is 'Up to where changes of scores were pruned: who has read less than that has missed some';

comment on column pgscore.pruned_change.model is 'The model';

comment on column pgscore.pruned_change.position is 'The position of the last of those that were pruned';

comment on column pgscore.pruned_change.ordinal is 'Its ordinal';

grant select on pgscore.pruned_change to pgscore_reader;

-- A row for each outbox that has left changes here: the one of this database, and that of a dump that was restored.
create table pgscore.change_origin (
    server text not null
);

comment on table pgscore.change_origin is 'Where the changes of scores were written, as pgscore._change_server says it: another place is one that a dump came from';

comment on column pgscore.change_origin.server is 'The cluster and the table';

grant select on pgscore.change_origin to pgscore_reader;

create table pgscore.change_consumer (
    reader regrole not null default current_user::regrole,
    name text not null,
    position text not null,
    moved_at timestamptz not null default now(),
    primary key (reader, name)
);

comment on table pgscore.change_consumer is 'How far consumers have read the changes of scores; pgscore listen keeps it';

comment on column pgscore.change_consumer.reader is 'Whose consumer it is';

comment on column pgscore.change_consumer.name is 'What it is called';

comment on column pgscore.change_consumer.position is 'The position of the last change that was done with';

comment on column pgscore.change_consumer.moved_at is 'When that was';

grant select, insert, update, delete on pgscore.change_consumer to pgscore_reader;

alter table pgscore.change_consumer enable row level security;

create policy own_positions on pgscore.change_consumer using (pg_has_role(current_user, reader::oid, 'usage'));

create policy read_all_positions on pgscore.change_consumer for select to pgscore_operator using (true);

comment on policy own_positions on pgscore.change_consumer is 'Readers keep the positions of their own consumers';

comment on policy read_all_positions on pgscore.change_consumer is 'Operators see how far each has come';

-- core/tables/export.sql
create table pgscore.export (
    number integer generated always as identity primary key,
    exporter regrole not null default to_regrole(quote_ident(current_user)),
    binding integer not null references pgscore.binding (number) on delete cascade,
    target text not null,
    shape text,
    partitions oid[],
    snapshot pg_snapshot,
    server text,
    stamp uuid,
    versions jsonb,
    rows bigint,
    changed boolean,
    exported timestamptz,
    unique (exporter, binding, target),
    constraint all_is_known_of_what_was_exported check (
        num_nulls(exported, shape, partitions, snapshot, server, stamp, versions, rows, changed) in (0, 9)
    )
);

comment on table pgscore.export is 'What was exported last to each target: an export of changes goes on from there';

comment on column pgscore.export.number is 'What names it';

comment on column pgscore.export.exporter is 'The role that exports; it alone goes on from its own exports';

comment on column pgscore.export.binding is 'The binding whose profile table holds the scores';

comment on column pgscore.export.target is 'Where to, and how it is laid out there; without password';

comment on column pgscore.export.shape is 'The columns that were exported, by number, name and type: other ones are exported in full';

comment on column pgscore.export.partitions is 'The tables that held the rows: one that is attached later brings rows that nobody has written since';

comment on column pgscore.export.snapshot is 'The snapshot that was exported. A row may have changed since where its transaction is not before the oldest that was open then';

comment on column pgscore.export.server is 'Cluster, timeline and database whose transactions these are: after a restore or a failover numbers say nothing';

comment on column pgscore.export.stamp is 'What the target was marked with, so that one that was emptied or restored is noticed';

comment on column pgscore.export.versions is 'How many rows each version had scored; {} where the binding names no column for it';

comment on column pgscore.export.rows is 'How many rows were exported';

comment on column pgscore.export.changed is 'Whether these were changes since the export before, and not all rows';

comment on column pgscore.export.exported is 'When the last that succeeded took its snapshot; NULL: none has';

-- Whoever may read a profile table exports it, and keeps the account of it. The number is the database's to give.
grant select, delete on pgscore.export to pgscore_reader;

grant insert (binding, target) on pgscore.export to pgscore_reader;

grant update (shape, partitions, snapshot, server, stamp, versions, rows, changed, exported) on pgscore.export to pgscore_reader;

alter table pgscore.export enable row level security;

create policy own_exports on pgscore.export using (pg_get_userbyid(exporter) = current_user);

create policy operators_read_exports on pgscore.export for select to pgscore_operator using (true);

create policy owners_read_exports on pgscore.export for select
    using (
        exists (
            select from pgscore.binding b
            where b.number = export.binding and pg_has_role(current_user, b.owner::oid, 'usage')
        )
    );

comment on policy own_exports on pgscore.export is 'Who exports keeps the account of it';

comment on policy operators_read_exports on pgscore.export is 'Operators see where scores go';

comment on policy owners_read_exports on pgscore.export is 'The owner of a profile table sees where its scores go';

-- core/tables/stream_offset.sql
create table pgscore.stream_offset (
    consumer regrole not null default to_regrole(quote_ident(current_user)),
    consumer_group text not null,
    topic text not null,
    partition integer not null,
    topic_id text not null,
    next_offset bigint not null,
    claim uuid not null,
    claimed_at timestamptz not null default now(),
    moved_at timestamptz,
    primary key (consumer, consumer_group, topic, partition),
    constraint offset_is_no_less_than_0 check (next_offset >= 0),
    constraint partition_is_no_less_than_0 check (partition >= 0)
);

comment on table pgscore.stream_offset is 'How far consumers of streams have come: it moves in the transaction that stores what the messages have done, so each is done once';

comment on column pgscore.stream_offset.consumer is 'The role that consumes';

comment on column pgscore.stream_offset.consumer_group is 'The group of consumers that share the topic''s partitions';

comment on column pgscore.stream_offset.topic is 'The topic';

comment on column pgscore.stream_offset.partition is 'The partition of it';

comment on column pgscore.stream_offset.topic_id is 'What the broker knows the topic by: one that was made anew under the same name has another, and its offsets mean other messages';

comment on column pgscore.stream_offset.next_offset is 'The first message that was not done yet';

comment on column pgscore.stream_offset.claim is 'Of the worker that was given the partition last: who holds another one stores nothing any more';

comment on column pgscore.stream_offset.claimed_at is 'When that worker was given it';

comment on column pgscore.stream_offset.moved_at is 'When the last messages were done; NULL: none were';

-- Whoever consumes keeps here how far they have come. Groups of one name that belong to several roles know nothing of each other.
grant select, delete on pgscore.stream_offset to pgscore_reader;

grant insert (consumer_group, topic, partition, topic_id, next_offset, claim) on pgscore.stream_offset to pgscore_reader;

grant update (topic_id, next_offset, claim, claimed_at, moved_at) on pgscore.stream_offset to pgscore_reader;

alter table pgscore.stream_offset enable row level security;

create policy own_offsets on pgscore.stream_offset using (pg_get_userbyid(consumer) = current_user);

create policy operators_read_offsets on pgscore.stream_offset for select to pgscore_operator using (true);

comment on policy own_offsets on pgscore.stream_offset is 'Who consumes keeps the offsets of their own groups';

comment on policy operators_read_offsets on pgscore.stream_offset is 'Operators see how far each has come';

-- core/tables/stream_batch.sql
create table pgscore.stream_batch (
    consumer regrole not null default to_regrole(quote_ident(current_user)),
    consumer_group text not null,
    checkpoint uuid not null,
    batch bigint not null check (batch >= 0),
    stored timestamptz not null default now(),
    primary key (consumer, consumer_group, checkpoint)
);

comment on table pgscore.stream_batch is 'Which batch of each checkpoint of Spark''s a streaming query has stored last, in the transaction that stored its effects';

comment on column pgscore.stream_batch.consumer is 'The role that consumes; it alone goes on from its own batches';

comment on column pgscore.stream_batch.consumer_group is 'The query''s name';

comment on column pgscore.stream_batch.checkpoint is 'The query''s identifier, which its checkpoint keeps: another checkpoint counts its own batches';

comment on column pgscore.stream_batch.batch is 'The batch: what comes next is the one behind it, and what is not behind it was stored already';

comment on column pgscore.stream_batch.stored is 'When';

-- Whoever may write events or profiles consumes, and keeps the account of it.
grant select, delete on pgscore.stream_batch to pgscore_reader;

grant insert (consumer_group, checkpoint, batch) on pgscore.stream_batch to pgscore_reader;

grant update (batch, stored) on pgscore.stream_batch to pgscore_reader;

alter table pgscore.stream_batch enable row level security;

create policy own_batches on pgscore.stream_batch using (pg_get_userbyid(consumer) = current_user);

create policy operators_read_batches on pgscore.stream_batch for select to pgscore_operator using (true);

comment on policy own_batches on pgscore.stream_batch is 'Who consumes keeps the account of it';

comment on policy operators_read_batches on pgscore.stream_batch is 'Operators see how far streams have come';

-- core/tables/job.sql
create table pgscore.job (
    id bigint generated always as identity primary key,
    owner regrole not null,
    model text not null,
    profile regclass not null,
    binding integer references pgscore.binding (number) on delete cascade,
    target regclass,
    whole boolean not null,
    version integer not null,
    batch integer not null,
    total bigint not null,
    pass integer not null default 1,
    last_key text[],
    handed_out boolean not null default false,
    done bigint not null default 0,
    changed bigint not null default 0,
    refused bigint not null default 0,
    left_out bigint not null default 0,
    started timestamptz not null default now(),
    finished timestamptz,
    constraint batch_is_positive check (batch > 0),
    constraint goes_to_one_place check (binding is null or target is null)
);

-- Who calls again joins the job, or goes on with it.
create unique index job_unfinished on pgscore.job (owner, model, profile, coalesce(target::oid, 0::oid), whole) where finished is null;

create index job_binding on pgscore.job (binding);

comment on table pgscore.job is 'Rescoring: how far it has come; what was interrupted goes on from there, and several sessions share it';

comment on column pgscore.job.id is 'Counts up';

comment on column pgscore.job.owner is 'Who owns what is written: the profile table, or the table that scores go to';

comment on column pgscore.job.model is 'The model';

comment on column pgscore.job.profile is 'The profile table';

comment on column pgscore.job.binding is 'The binding that says where the score goes; NULL where it goes to another table';

comment on column pgscore.job.target is 'The table that scores are written to instead of the profile table';

comment on column pgscore.job.whole is 'Whether every row is scored, and not only those that are outdated, stale or without a score';

comment on column pgscore.job.version is 'The version that served when it began; where another one serves it begins anew';

comment on column pgscore.job.batch is 'How many rows a transaction takes';

comment on column pgscore.job.total is 'How many rows there were to look at when it began; of a large table PostgreSQL''s estimate';

comment on column pgscore.job.pass is 'Counts the times that it went through the table: it looks for what has come meanwhile';

comment on column pgscore.job.last_key is 'The key up to which rows are handed out in this pass, a text for each column';

comment on column pgscore.job.handed_out is 'Whether all rows of this pass are handed out; what is not done of them stands in pgscore.job_part';

comment on column pgscore.job.done is 'How many rows were looked at';

comment on column pgscore.job.changed is 'How many rows were written';

comment on column pgscore.job.refused is 'How many rows the model has refused; those of a binding are listed in pgscore.stale';

comment on column pgscore.job.left_out is 'How many rows were left as they were, because others held them all the time';

comment on column pgscore.job.started is 'When it began';

comment on column pgscore.job.finished is 'When it was through; NULL: it is not, and what it wrote is not all';

create table pgscore.job_part (
    id bigint generated always as identity primary key,
    job bigint not null references pgscore.job (id) on delete cascade,
    first_key text[] not null,
    last_key text[] not null,
    keys text[],
    rows bigint not null,
    round integer not null default 0,
    due timestamptz not null default now()
);

create index job_part_next on pgscore.job_part (job, due, id);

comment on table pgscore.job_part is 'Ranges of keys that are handed out and not done yet: who works on one has it locked, and one whose worker died is taken by the next';

comment on column pgscore.job_part.id is 'Counts up';

comment on column pgscore.job_part.job is 'The job';

comment on column pgscore.job_part.first_key is 'The first key, a text for each column';

comment on column pgscore.job_part.last_key is 'The last key';

comment on column pgscore.job_part.keys is 'Of the range only these rows, which others had locked; NULL: all';

comment on column pgscore.job_part.rows is 'How many rows it had when it was handed out';

comment on column pgscore.job_part.round is 'How often these rows were found locked';

comment on column pgscore.job_part.due is 'When to try it';

-- Rescoring runs with its caller's rights, and keeps here what is about the caller's own tables.
grant select, insert, update, delete on pgscore.job, pgscore.job_part to pgscore_reader;

alter table pgscore.job enable row level security;

alter table pgscore.job_part enable row level security;

create policy own_jobs on pgscore.job
    using (pg_has_role(current_user, owner::oid, 'usage'))
    with check (
        pg_has_role(current_user, owner::oid, 'usage')
        and exists (select from pg_catalog.pg_class c where c.oid = coalesce(target, profile) and c.relowner = job.owner)
    );

create policy operators_read_jobs on pgscore.job for select to pgscore_operator using (true);

create policy own_parts on pgscore.job_part
    using (exists (select from pgscore.job j where j.id = job_part.job and pg_has_role(current_user, j.owner::oid, 'usage')));

create policy operators_read_parts on pgscore.job_part for select to pgscore_operator using (true);

comment on policy own_jobs on pgscore.job is 'The owner of what is written, and members, keep the state of their own jobs';

comment on policy operators_read_jobs on pgscore.job is 'Operators see how far each has come';

comment on policy own_parts on pgscore.job_part is 'They keep what is not done of their own jobs';

comment on policy operators_read_parts on pgscore.job_part is 'Operators see it';

-- core/functions/_reason_codes_problem.sql
create function pgscore._characteristic_problem(place text, value jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := coalesce(
        replace(
            pgscore._fields_problem(place, value, array['partial', 'baseline', 'by', 'keys', 'codes'], '{}'),
            'which programs do not have', 'which reason codes do not have'
        ),
        pgscore._keys_problem(place || '.keys', value -> 'keys', 'number'),
        pgscore._list_problem(place || '.codes', value -> 'codes', 1, 100000)
    );
begin
    if problem is not null then
        return problem;
    end if;
    return coalesce(
        (
            select format(
                '%s.codes[%s] is %s, and a text of at most 1,000 bytes without control characters is wanted',
                place, c.ordinal - 1, pgscore._shown(c.code)
            )
            from jsonb_array_elements(value -> 'codes') with ordinality as c (code, ordinal)
            where not pgscore._is_text(c.code) or c.code #>> '{}' ~ E'[\\x01-\\x1f\\x7f]'
            order by c.ordinal limit 1
        ),
        case
            when not pgscore._is_integer(value -> 'partial', 0, 2147483647) then
                format('%s.partial is %s, and a register is wanted', place, pgscore._shown(value -> 'partial'))
            when not pgscore._is_number(value -> 'baseline') then
                format('%s.baseline is %s, and a finite number is wanted', place, pgscore._shown(value -> 'baseline'))
            when value -> 'by' <> 'null' and not pgscore._is_integer(value -> 'by', 0, 2147483647) then
                format('%s.by is %s, and a register or null is wanted', place, pgscore._shown(value -> 'by'))
            when value -> 'by' = 'null' and jsonb_array_length(value -> 'keys') <> 0 then
                format('%s.keys has members, and there is no register that they are of', place)
            when jsonb_array_length(value -> 'codes')
                <> case value -> 'by' when 'null' then 1 else jsonb_array_length(value -> 'keys') end
            then format('%s.codes has %s members, and is to have one for each key, or one in all', place, jsonb_array_length(value -> 'codes'))
        end
    );
end
$$;

comment on function pgscore._characteristic_problem(text, jsonb) is
    'What is wrong with a characteristic of reason codes in itself; NULL where nothing is';

create function pgscore._reason_codes_problem(codes jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text;
    listed record;
begin
    if octet_length(codes::text) > 2000000 then
        return 'reason_codes is larger than 2 MB';
    end if;
    problem := coalesce(
        replace(
            pgscore._fields_problem('reason_codes', codes, array['algorithm', 'characteristics'], '{}'),
            'which programs do not have', 'which reason codes do not have'
        ),
        case when codes -> 'algorithm' not in ('"pointsAbove"', '"pointsBelow"') then format(
            'reason_codes.algorithm is %s, and "pointsAbove" or "pointsBelow" is wanted', pgscore._shown(codes -> 'algorithm')
        ) end,
        pgscore._list_problem('reason_codes.characteristics', codes -> 'characteristics', 1, 1000)
    );
    if problem is not null then
        return problem;
    end if;
    for listed in
        select c.value, c.ordinal - 1 as number
        from jsonb_array_elements(codes -> 'characteristics') with ordinality as c (value, ordinal) order by c.ordinal
    loop
        problem := pgscore._characteristic_problem(format('reason_codes.characteristics[%s]', listed.number), listed.value);
        exit when problem is not null;
    end loop;
    return problem;
end
$$;

comment on function pgscore._reason_codes_problem(jsonb) is
    'Why JSON is no valid reason_codes of a contract, in one sentence that names the place; NULL where it is. It trusts nothing and raises nothing';

-- core/functions/_check_contract.sql
create or replace function pgscore._check_contract(contract jsonb) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        jsonb_typeof(contract -> 'inputs') = 'array'
        and jsonb_array_length(contract -> 'inputs') between 1 and 1600
        and (
            select bool_and(
                jsonb_typeof(i.input -> 'name') = 'string'
                and octet_length(i.input ->> 'name') between 1 and 63
                and i.input ->> 'type' in ('double precision', 'text', 'boolean')
                and jsonb_typeof(i.input -> 'nullable') = 'boolean'
            ) and count(distinct i.input ->> 'name') = count(*)
            from jsonb_array_elements(contract -> 'inputs') as i (input)
        )
        and contract #>> '{output,kind}' in ('probability', 'indicator', 'value')
        and jsonb_typeof(contract #> '{output,classes}') = 'array'
        and jsonb_typeof(contract -> 'libraries') = 'object'
        and jsonb_typeof(contract -> 'types') = 'array'
        and (
            not contract ? 'tolerance'
            or jsonb_typeof(contract -> 'tolerance') = 'number' and (contract ->> 'tolerance')::numeric between 1e-12 and 1e-2
        )
        and (not contract ? 'reason_codes' or pgscore._reason_codes_problem(contract -> 'reason_codes') is null),
        false
    )
$$;

create function pgscore._column_expression(
    wanted text, type oid, modifier integer, reference text, out expression text, out compared text
)
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    base regtype := type;
    kind "char";
    category "char";
    is_domain boolean := false;
begin
    loop
        select t.typtype, t.typcategory into kind, category from pg_catalog.pg_type t where t.oid = base;
        exit when kind <> 'd';
        is_domain := true;
        select t.typbasetype, t.typtypmod into base, modifier from pg_catalog.pg_type t where t.oid = base;
    end loop;
    -- Of numeric: as PostgreSQL keeps precision and scale.
    modifier := modifier - 4;
    if wanted = 'text' and base = 'character'::regtype then
        -- Padded, as drivers hand it over; the cast would trim it.
        expression := format('pg_catalog.textin(pg_catalog.bpcharout(%s))', reference);
    elsif wanted = 'text' and category = 'E' and is_domain then
        expression := format('case when %1$s is not null then pg_catalog.concat(%1$s) end', reference);
    elsif wanted = 'text' and category = 'E' then
        -- Not by a cast: the type's owner may have made one.
        expression := format('pg_catalog.textin(pg_catalog.enum_out(%s))', reference);
    elsif wanted = 'text' and category = 'S' then
        expression := reference || '::pg_catalog.text';
    elsif wanted = 'boolean' and category = 'B' then
        expression := reference || '::pg_catalog.int4::pg_catalog.float8';
    elsif wanted = 'double precision' and base = 'real'::regtype then
        expression := format('pgscore._real(%s)', reference);
        compared := reference || '::pg_catalog.float8';
    elsif wanted = 'double precision' and base = 'numeric'::regtype and not (
        modifier >= 0
        -- Digits before the point, and behind it; the scale has a sign from PostgreSQL 15 on.
        and (modifier >> 16) - (((modifier & 2047) # 1024) - 1024) <= 308
        and (((modifier & 2047) # 1024) - 1024) <= 323
    ) then
        expression := format('pgscore._number(%s)', reference);
    elsif wanted = 'double precision' and base in (
        'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'double precision'::regtype
    ) then
        expression := reference || '::pg_catalog.float8';
    end if;
    -- Texts by their bytes: a model tells apart what a collation may hold for equal.
    compared := case wanted when 'text' then format('(%s) collate pg_catalog."C"', expression) else coalesce(compared, expression) end;
end
$$;

comment on function pgscore._column_expression(text, oid, integer, text) is
    'SQL for an input of that type of a contract, read from a column of a type and its modifier, and SQL to compare two of them by; NULL where the type cannot serve';

create or replace function pgscore._profile_column(
    profile regclass, input jsonb, source text,
    out expression text, out compared text, out sqlstate text, out message text, out hint text
)
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant text := input ->> 'type';
    found_column record;
begin
    select a.attname, a.atttypid, a.atttypmod into found_column
    from pg_catalog.pg_attribute a
    where a.attrelid = profile and a.attname = input ->> 'name' and a.attnum > 0 and not a.attisdropped;
    if not found then
        sqlstate := '42703';
        message := format('table %s has no column "%s", which the model reads', profile, input ->> 'name');
        return;
    end if;
    select e.* into expression, compared
    from pgscore._column_expression(
        wanted, found_column.atttypid, found_column.atttypmod, source || '.' || quote_ident(found_column.attname)
    ) e;
    if expression is null then
        sqlstate := '42804';
        message := format(
            'column "%s" of table %s is of type %s, which cannot serve as %s', input ->> 'name', profile,
            format_type(found_column.atttypid, found_column.atttypmod), wanted
        );
        hint := 'Fit the model on the column as it is, or name a view or table that has the type it wants.';
    end if;
end
$$;

grant execute on function
    pgscore._column_expression(text, oid, integer, text), pgscore._profile_column(regclass, jsonb, text),
    pgscore._profile_problem(regclass, jsonb)
    to pgscore_reader;

create or replace function pgscore._ordinary_columns(profile regclass, inputs jsonb) returns boolean[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        coalesce(
            a.atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'boolean'::regtype, 'real'::regtype)
                -- Of up to 38 digits before the point and 44 behind it, as PostgreSQL keeps precision and scale.
                or a.atttypid = 'numeric'::regtype and a.atttypmod >= 4
                and ((a.atttypmod - 4) & 2047) <= 44 and ((a.atttypmod - 4) >> 16) - ((a.atttypmod - 4) & 2047) <= 38,
            false
        )
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    left join pg_catalog.pg_attribute a
        on a.attrelid = profile and a.attname = i.input ->> 'name' and a.attnum > 0 and not a.attisdropped
$$;

create or replace function pgscore._inputs_differ(profile regclass, inputs jsonb, former text, present text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Arrays hold NULL for equal to NULL, as IS DISTINCT FROM does, whose operator the search_path would choose.
    return (
        with compared as (
            select array_agg(f.compared order by i.ordinal) as former, array_agg(p.compared order by i.ordinal) as present
            from jsonb_array_elements(inputs) with ordinality as i (input, ordinal),
                pgscore._profile_column(profile, i.input, former) f,
                pgscore._profile_column(profile, i.input, present) p
        )
        select concat_ws(
            E'\n        or ',
            case when f.numbers <> 'null' then format('%s operator(pg_catalog.<>) %s', f.numbers, p.numbers) end,
            case when f.texts <> 'null' then format('%s operator(pg_catalog.<>) %s', f.texts, p.texts) end
        )
        from compared c, pgscore._split_arguments(inputs, c.former) f, pgscore._split_arguments(inputs, c.present) p
    );
end
$$;

create or replace function pgscore._late_rows(model text, profiles anyarray) returns pgscore.scored
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
declare
    answer pgscore.scored;
    estimator record;
begin
    if not exists (select from pgscore.model m where m.name = _late_rows.model and m.serving is not null) then
        -- Events come before a version is promoted too, and need not pay for it.
        return null;
    end if;
    perform pgscore._refuse_misfit(model, t.typelem) from pg_catalog.pg_type t where t.oid = pg_typeof(profiles);
    select m.serving, v.digest, v.contract -> 'inputs' as inputs into estimator
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _late_rows.model and pgscore._takes_arrays(m.many_engine);
    if found then
        -- All at once; arrays without elements cannot be put together.
        return (
            select pgscore._estimate(
                model, estimator.serving, estimator.digest, count(*)::integer,
                array_agg(s.numbers order by s.ordinal) filter (where cardinality(s.numbers) > 0),
                array_agg(s.texts order by s.ordinal) filter (where cardinality(s.texts) > 0)
            )
            from (
                select p.ordinal, pgscore._payload_numbers(estimator.inputs, p.payload) as numbers,
                    pgscore._payload_texts(estimator.inputs, p.payload) as texts
                from (
                    select row_number() over () as ordinal, to_jsonb(p) as payload from unnest(profiles) as p
                ) p
            ) s
        );
    end if;
    select max((s.given).version), array_agg((s.given).scores[1]), array_agg((s.given).reasons[1])
    into answer
    from (select pgscore._scored(model, to_jsonb(p)) as given from unnest(profiles) as p offset 0) s;
    return case when answer.version is not null then answer end;
end
$$;

-- core/program/checks/inputs.sql
create function pgscore._bounds_problem(place text, bounded jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    field text;
begin
    foreach field in array array['minimum', 'maximum'] loop
        if bounded ? field and not pgscore._is_number(bounded -> field) then
            return format('%s.%s is %s, and a finite number is wanted', place, field, pgscore._shown(bounded -> field));
        end if;
    end loop;
    if (bounded -> 'minimum')::double precision > (bounded -> 'maximum')::double precision then
        return format('%s.minimum is above its maximum', place);
    end if;
    return null;
end
$$;

comment on function pgscore._bounds_problem(text, jsonb) is
    'What is wrong with the minimum and the maximum of an input, or of what is required of a register; NULL where nothing is';

create or replace function pgscore._input_problem(place text, input jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem constant text := pgscore._fields_problem(
        place, input, array['name', 'type', 'nullable'], array['minimum', 'maximum', 'known']
    );
    field text;
begin
    if problem is not null then
        return problem;
    elsif jsonb_typeof(input -> 'name') <> 'string' or octet_length(input ->> 'name') not between 1 and 63 then
        return format('%s.name is %s, and a text of 1 to 63 bytes is wanted', place, pgscore._shown(input -> 'name'));
    elsif input -> 'type' not in ('"double precision"', '"text"', '"boolean"') then
        return format(
            '%s.type is %s, and "double precision", "text" or "boolean" is wanted', place, pgscore._shown(input -> 'type')
        );
    elsif jsonb_typeof(input -> 'nullable') <> 'boolean' then
        return format('%s.nullable is %s, and true or false is wanted', place, pgscore._shown(input -> 'nullable'));
    end if;
    foreach field in array array['minimum', 'maximum'] loop
        if input ? field and input ->> 'type' = 'text' then
            return format('%s.%s is given for a text', place, field);
        end if;
    end loop;
    return coalesce(
        pgscore._bounds_problem(place, input),
        case
            when input ? 'known' then pgscore._keys_problem(place || '.known', input -> 'known', input ->> 'type')
        end
    );
end
$$;

-- core/program/checks/trees.sql
create or replace function pgscore._trees_lists_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most constant integer := 4000000;
    problem text := pgscore._fields_problem(
        place, step,
        array['step', 'of', 'precision', 'base', 'roots', 'target', 'feature', 'threshold', 'set', 'missing_left', 'left',
            'right', 'values', 'sets'],
        array['divide', 'cover']
    );
    field text;
    wanted integer;
    wanted_nodes integer;
begin
    problem := coalesce(
        problem,
        pgscore._list_problem(place || '.of', step -> 'of', 1, 100000),
        pgscore._list_problem(place || '.base', step -> 'base', 1, 1000),
        pgscore._list_problem(place || '.roots', step -> 'roots', 0, most),
        pgscore._list_problem(place || '.feature', step -> 'feature', 0, most),
        pgscore._list_problem(place || '.values', step -> 'values', 0, most),
        pgscore._list_problem(place || '.sets', step -> 'sets', 0, most),
        pgscore._registers_problem(place || '.of', step -> 'of', kinds, '*')
    );
    if problem is not null then
        return problem;
    elsif jsonb_typeof(step -> 'precision') <> 'string' or step ->> 'precision' <> 'float64' then
        return format('%s.precision is %s, and "float64" is wanted', place, pgscore._shown(step -> 'precision'));
    elsif step ? 'divide' and not pgscore._is_number(step -> 'divide') then
        return format('%s.divide is %s, and a finite number is wanted', place, pgscore._shown(step -> 'divide'));
    elsif (step -> 'divide')::double precision = 0 then
        return format('%s.divide is 0', place);
    end if;
    wanted_nodes := jsonb_array_length(step -> 'feature');
    foreach field in array array['threshold', 'set', 'missing_left', 'left', 'right', 'target'] loop
        wanted := jsonb_array_length(step -> case field when 'target' then 'roots' else 'feature' end);
        problem := pgscore._list_problem(place || '.' || field, step -> field, wanted, wanted);
        exit when problem is not null;
    end loop;
    if problem is null and step ? 'cover' then
        problem := pgscore._list_problem(place || '.cover', step -> 'cover', wanted_nodes, wanted_nodes);
    end if;
    return problem;
end
$$;

create or replace function pgscore._trees_numbers_problem(place text, step jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    field text;
    problem text;
begin
    -- Each kind of list in one pass.
    foreach field in array array['base', 'values', 'threshold', 'cover'] loop
        select format(
            '%s.%s[%s] is %s, and a finite number%s is wanted', place, field, e.ordinal - 1, pgscore._shown(e.value),
            case field when 'threshold' then ' or null' when 'cover' then ' from 0 on' end
        )
        into problem
        from jsonb_array_elements(step -> field) with ordinality as e (value, ordinal)
        where not pgscore._is_number(e.value) and (field <> 'threshold' or jsonb_typeof(e.value) <> 'null')
            or field = 'cover' and e.value < '0'
        order by e.ordinal limit 1;
        if problem is not null then
            return problem;
        end if;
    end loop;
    select p.problem into problem
    from (values
        (1, 'roots', 0, jsonb_array_length(step -> 'feature') - 1), (2, 'target', -1, jsonb_array_length(step -> 'base') - 1),
        (3, 'feature', -1, jsonb_array_length(step -> 'of') - 1), (4, 'set', -1, jsonb_array_length(step -> 'sets') - 1),
        (5, 'missing_left', 0, 1),
        (6, 'left', 0, greatest(jsonb_array_length(step -> 'feature'), jsonb_array_length(step -> 'values'))),
        (7, 'right', -1, jsonb_array_length(step -> 'feature') - 1)
    ) as f (position, name, low, high)
    cross join lateral (
        select format(
            '%s.%s[%s] is %s, and an integer from %s to %s is wanted',
            place, f.name, e.ordinal - 1, pgscore._shown(e.value), f.low, f.high
        )
        from jsonb_array_elements(step -> f.name) with ordinality as e (value, ordinal)
        where not pgscore._is_integer(e.value, f.low, f.high)
        order by e.ordinal limit 1
    ) as p (problem)
    order by f.position limit 1;
    return problem;
end
$$;

-- core/program/checks/links.sql
create function pgscore._link_outputs(link text, scores integer) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when link in ('logistic', 'sign') then 2
        when link in ('exp', 'expit', 'square_signed') then 1
        else scores
    end
$$;

comment on function pgscore._link_outputs(text, integer) is 'How many outputs a link makes of so many scores';

create function pgscore._link_problem(place text, link jsonb, listed text, scores integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when k.takes is null then format(
            '%s is %s, and "identity", "logistic", "softmax", "one_vs_rest", "sign", "argmax", "exp", "expit", "one_vs_all", "square_signed" or "normalize" is wanted',
            place, pgscore._shown(link)
        )
        when k.takes = 'one' and scores <> 1 then
            format('%s is %s, which takes 1 score, and %s has %s members', place, link, listed, scores)
        when k.takes = 'several' and scores < 2 then
            format('%s is %s, which takes a score for each class, and %s has 1 member', place, link, listed)
    end
    from (values (1)) as o (one)
    left join (values
        ('"identity"'::jsonb, 'any'), ('"one_vs_all"', 'any'),
        ('"logistic"', 'one'), ('"sign"', 'one'), ('"exp"', 'one'), ('"expit"', 'one'), ('"square_signed"', 'one'),
        ('"softmax"', 'several'), ('"one_vs_rest"', 'several'), ('"argmax"', 'several'), ('"normalize"', 'several')
    ) as k (name, takes) on k.name = link
$$;

comment on function pgscore._link_problem(text, jsonb, text, integer) is
    'What is wrong with a link, or with how many scores it is given, listed elsewhere; NULL where nothing is';

-- core/program/checks/formulas.sql
create function pgscore._constants(step jsonb) returns bigint
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(sum(jsonb_array_length(c.list)), 0)
    from (
        select step -> f.field as list
        from unnest(case step ->> 'step'
            when 'piecewise' then array['knots']
            when 'quadratic' then array['center']
            when 'kernel' then array['coefficients']
        end) as f (field)
        union all
        select r.value
        from jsonb_array_elements(case step ->> 'step'
            when 'piecewise' then step -> 'coefficients'
            when 'quadratic' then step -> 'matrix'
            when 'kernel' then step -> 'vectors'
        end) as r (value)
        where jsonb_typeof(r.value) = 'array'
    ) c
$$;

comment on function pgscore._constants(jsonb) is
    'How many numbers a valid step has in knots, coefficients, matrix and vectors';

create function pgscore._numbers_problem(place text, value jsonb, low integer, high integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._list_problem(place, value, low, high),
        (
            select format('%s[%s] is %s, and a finite number is wanted', place, n.ordinal - 1, pgscore._shown(n.value))
            from jsonb_array_elements(value) with ordinality as n (value, ordinal)
            where not pgscore._is_number(n.value)
            order by n.ordinal limit 1
        )
    )
$$;

comment on function pgscore._numbers_problem(text, jsonb, integer, integer) is
    'What is wrong with a list of so many finite numbers; NULL where nothing is';

create function pgscore._rows_problem(place text, value jsonb, width integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._list_problem(place, value, 1, 1000000),
        (
            select r.problem
            from (
                select e.ordinal, pgscore._numbers_problem(format('%s[%s]', place, e.ordinal - 1), e.value, width, width) as problem
                from jsonb_array_elements(value) with ordinality as e (value, ordinal)
            ) r
            where r.problem is not null
            order by r.ordinal limit 1
        )
    )
$$;

comment on function pgscore._rows_problem(text, jsonb, integer) is
    'What is wrong with a list of rows of so many finite numbers; NULL where nothing is';

create function pgscore._piecewise_problem(place text, step jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := coalesce(
        pgscore._list_problem(place || '.knots', step -> 'knots', 1, 1000000),
        pgscore._keys_problem(place || '.knots', step -> 'knots', 'number'),
        pgscore._list_problem(
            place || '.coefficients', step -> 'coefficients', jsonb_array_length(step -> 'knots') + 1,
            jsonb_array_length(step -> 'knots') + 1
        )
    );
begin
    if problem is not null then
        return problem;
    elsif step -> 'closed' not in ('"left"', '"right"') then
        return format('%s.closed is %s, and "left" or "right" is wanted', place, pgscore._shown(step -> 'closed'));
    elsif jsonb_typeof(step -> 'missing') <> 'null' and not pgscore._is_number(step -> 'missing') then
        return format('%s.missing is %s, and a finite number or null is wanted', place, pgscore._shown(step -> 'missing'));
    end if;
    select c.problem into problem
    from (
        select
            e.ordinal,
            case
                when jsonb_typeof(e.value) <> 'null' then
                    pgscore._numbers_problem(format('%s.coefficients[%s]', place, e.ordinal - 1), e.value, 1, 20)
            end as problem
        from jsonb_array_elements(step -> 'coefficients') with ordinality as e (value, ordinal)
    ) c
    where c.problem is not null
    order by c.ordinal limit 1;
    return problem;
end
$$;

comment on function pgscore._piecewise_problem(text, jsonb) is 'What is wrong with the intervals of a piecewise step; NULL where nothing is';

create function pgscore._quadratic_problem(place text, step jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._numbers_problem(
            place || '.center', step -> 'center', jsonb_array_length(step -> 'of'), jsonb_array_length(step -> 'of')
        ),
        case
            when step ? 'matrix' then
                pgscore._rows_problem(place || '.matrix', step -> 'matrix', jsonb_array_length(step -> 'of'))
        end
    )
$$;

comment on function pgscore._quadratic_problem(text, jsonb) is
    'What is wrong with center and matrix of a quadratic step; NULL where nothing is';

create function pgscore._kernel_problem(place text, step jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    kernel constant jsonb := step -> 'kernel';
    field text;
    wanted boolean;
begin
    if kernel not in ('"rbf"', '"poly"', '"sigmoid"') then
        return format('%s.kernel is %s, and "rbf", "poly" or "sigmoid" is wanted', place, pgscore._shown(kernel));
    end if;
    foreach field in array array['constant', 'degree'] loop
        wanted := kernel = '"poly"' or kernel = '"sigmoid"' and field = 'constant';
        if wanted <> (step ? field) then
            return format(
                case when wanted then '%s has no field "%s", which the kernel %s has' else '%s has a field "%s", which the kernel %s has not' end,
                place, field, kernel
            );
        end if;
    end loop;
    if step ? 'degree' and not pgscore._is_integer(step -> 'degree', 1, 20) then
        return format('%s.degree is %s, and an integer from 1 to 20 is wanted', place, pgscore._shown(step -> 'degree'));
    end if;
    return coalesce(
        pgscore._rows_problem(place || '.vectors', step -> 'vectors', jsonb_array_length(step -> 'of')),
        pgscore._numbers_problem(
            place || '.coefficients', step -> 'coefficients', jsonb_array_length(step -> 'vectors'),
            jsonb_array_length(step -> 'vectors')
        )
    );
end
$$;

comment on function pgscore._kernel_problem(text, jsonb) is
    'What is wrong with vectors and parameters of a kernel step; NULL where nothing is';

-- core/program/checks/steps.sql
create or replace function pgscore._step_kinds(step jsonb, kinds text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case step ->> 'step'
        when 'trees' then repeat('n', jsonb_array_length(step -> 'base'))
        when 'fill' then substr(kinds, (step -> 'of')::integer + 1, 1)
        when 'link' then repeat('n', pgscore._link_outputs(step ->> 'link', jsonb_array_length(step -> 'of')))
        else 'n'
    end
$$;

create or replace function pgscore._step_fields_problem(place text, step jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when f.required is null then format('%s.step is %s, which is no step of programs', place, pgscore._shown(step -> 'step'))
        else pgscore._fields_problem(place, step, array['step', 'of'] || f.required, f.optional)
    end
    from (values (case when jsonb_typeof(step -> 'step') = 'string' then step ->> 'step' end)) as s (name)
    left join (values
        ('affine', '{}'::text[], '{subtract,divide,multiply,add}'::text[]),
        ('clip', '{}', '{minimum,maximum}'),
        ('function', '{name}', '{}'),
        ('fill', '{with}', '{}'),
        ('missing', '{}', '{}'),
        ('lookup', '{keys,values,unknown,missing}', '{}'),
        ('linear', '{weights,intercept}', '{center}'),
        ('link', '{link}', '{}'),
        ('product', '{}', '{}'),
        ('ratio', '{}', '{}'),
        ('piecewise', '{knots,coefficients,closed,missing}', '{}'),
        ('quadratic', '{center}', '{matrix}'),
        ('median', '{weights}', '{}'),
        ('kernel', '{kernel,vectors,coefficients,intercept,gamma}', '{constant,degree}')
    ) as f (name, required, optional) on f.name = s.name
$$;

create or replace function pgscore._step_reads_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant text := case when step ->> 'step' in ('fill', 'missing', 'lookup') then '*' else 'n' end;
    listed record;
    problem text;
begin
    select l.* into listed
    from (values
        ('linear', 0, 100000), ('link', 1, 1000), ('product', 2, 100), ('ratio', 2, 2), ('quadratic', 1, 100000),
        ('median', 1, 1000), ('kernel', 1, 100000)
    ) as l (name, least, most)
    where l.name = step ->> 'step';
    if listed is not null then
        return coalesce(
            pgscore._list_problem(place || '.of', step -> 'of', listed.least, listed.most),
            pgscore._registers_problem(place || '.of', step -> 'of', kinds, 'n')
        );
    end if;
    problem := case
        when not pgscore._is_integer(step -> 'of', 0, length(kinds) - 1) or wanted = 'n' then
            pgscore._registers_problem(place || '.of', step -> 'of', kinds, wanted)
    end;
    if problem is null and jsonb_typeof(step -> 'of') <> 'number' then
        problem := format('%s.of is %s, and a register is wanted', place, pgscore._shown(step -> 'of'));
    end if;
    return problem;
end
$$;

create or replace function pgscore._weights_problem(place text, step jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._numbers_problem(
            place || '.weights', step -> 'weights', jsonb_array_length(step -> 'of'), jsonb_array_length(step -> 'of')
        ),
        case when step ? 'center' then pgscore._numbers_problem(
            place || '.center', step -> 'center', jsonb_array_length(step -> 'of'), jsonb_array_length(step -> 'of')
        ) end,
        case when step ->> 'step' = 'median' then (
            select format('%s.weights[%s] is %s, and a number from 0 to 1e+300 is wanted', place, w.ordinal - 1, pgscore._shown(w.value))
            from jsonb_array_elements(step -> 'weights') with ordinality as w (value, ordinal)
            where not w.value::double precision between 0 and '1e300'
            order by w.ordinal limit 1
        ) end
    )
$$;

comment on function pgscore._weights_problem(text, jsonb) is
    'What is wrong with the weights of a linear or median step, and the center of a linear one; NULL where nothing is';

create function pgscore._function_names() returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select '{abs,sqrt,square,sign,trunc,floor,ceil,relu,reciprocal,exp,expm1,log,log10,log1p,logit,expit,tanh,sin,cos}'::text[]
$$;

comment on function pgscore._function_names() is 'The functions of one number that programs have';

create or replace function pgscore._operands_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := step ->> 'step';
    kind constant text := case when name in ('fill', 'lookup') then substr(kinds, (step -> 'of')::integer + 1, 1) end;
begin
    if name = 'clip' and not step ?| array['minimum', 'maximum'] then
        return format('%s has neither a minimum nor a maximum', place);
    elsif name = 'clip' and (step -> 'minimum')::double precision > (step -> 'maximum')::double precision then
        return format('%s.minimum is above its maximum', place);
    elsif name = 'affine' and (step -> 'divide')::double precision = 0 then
        return format('%s.divide is 0', place);
    elsif name = 'function' and (
        jsonb_typeof(step -> 'name') <> 'string' or step ->> 'name' <> all (pgscore._function_names())
    ) then
        return format(
            '%s.name is %s, and one of %s is wanted', place, pgscore._shown(step -> 'name'),
            array_to_string(pgscore._function_names(), ', ')
        );
    elsif name = 'fill' and kind = 't' and not pgscore._is_text(step -> 'with') then
        return format('%s.with is %s, and a text of at most 1,000 bytes is wanted', place, pgscore._shown(step -> 'with'));
    elsif name = 'fill' and kind = 'n' and not pgscore._is_number(step -> 'with') then
        return format('%s.with is %s, and a finite number is wanted', place, pgscore._shown(step -> 'with'));
    elsif name = 'lookup' then
        return pgscore._lookup_problem(place, step, kind);
    elsif name = 'link' then
        return pgscore._link_problem(place || '.link', step -> 'link', place || '.of', jsonb_array_length(step -> 'of'));
    elsif name = 'piecewise' then
        return pgscore._piecewise_problem(place, step);
    elsif name = 'quadratic' then
        return pgscore._quadratic_problem(place, step);
    elsif name = 'kernel' then
        return pgscore._kernel_problem(place, step);
    end if;
    return null;
end
$$;

create or replace function pgscore._program_step_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text;
    field text;
begin
    if jsonb_typeof(step) is distinct from 'object' then
        return pgscore._fields_problem(place, step, '{}', '{}');
    elsif step -> 'step' = '"trees"' then
        return pgscore._program_trees_problem(place, step, kinds);
    end if;
    problem := coalesce(
        pgscore._step_fields_problem(place, step), pgscore._step_reads_problem(place, step, kinds),
        case when step ->> 'step' in ('linear', 'median') then pgscore._weights_problem(place, step) end
    );
    if problem is not null then
        return problem;
    end if;
    foreach field in array array[
        'subtract', 'divide', 'multiply', 'add', 'minimum', 'maximum', 'intercept', 'gamma', 'constant'
    ] loop
        if step ? field and not pgscore._is_number(step -> field) then
            return format('%s.%s is %s, and a finite number is wanted', place, field, pgscore._shown(step -> field));
        end if;
    end loop;
    return pgscore._operands_problem(place, step, kinds);
end
$$;

-- core/program/checks/program.sql
create function pgscore._program_decide_problem(program jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    decide constant jsonb := program -> 'decide';
    outputs constant integer := pgscore._link_outputs(program ->> 'link', jsonb_array_length(program -> 'scores'));
    problem text;
begin
    if decide is null then
        return null;
    end if;
    problem := coalesce(
        pgscore._list_problem('decide', decide, 2, 1000), pgscore._registers_problem('decide', decide, kinds, 'n')
    );
    if problem is null and jsonb_array_length(decide) <> outputs then
        problem := format('decide has %s members, and there are %s outputs', jsonb_array_length(decide), outputs);
    end if;
    return replace(problem, 'come before it', 'exist');
end
$$;

comment on function pgscore._program_decide_problem(jsonb, text) is
    'What is wrong with the registers that decide of the label of a program that is valid otherwise; NULL where nothing is';

create or replace function pgscore._program_link_problem(program jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := coalesce(
        pgscore._list_problem('scores', program -> 'scores', 1, 1000),
        pgscore._registers_problem('scores', program -> 'scores', kinds, 'n')
    );
begin
    if problem is not null then
        return replace(problem, 'come before it', 'exist');
    end if;
    problem := pgscore._link_problem('link', program -> 'link', 'scores', jsonb_array_length(program -> 'scores'));
    if problem is null and program -> 'tie' not in ('"first"', '"last"') then
        problem := format('tie is %s, and "first" or "last" is wanted', pgscore._shown(program -> 'tie'));
    end if;
    return coalesce(problem, pgscore._program_decide_problem(program, kinds));
end
$$;

comment on function pgscore._program_link_problem(jsonb, text) is
    'What is wrong with scores, link, tie and decide of a program whose registers are of these kinds; NULL where nothing is';

create or replace function pgscore._program_head_problem(program jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem constant text := pgscore._fields_problem(
        'the program', program, array['program', 'inputs', 'steps', 'scores', 'link', 'tie'], array['require', 'decide']
    );
begin
    if problem is not null then
        return problem;
    elsif not pgscore._is_integer(program -> 'program', 1, 1) then
        return format('program is %s, and this database knows 1', pgscore._shown(program -> 'program'));
    elsif octet_length(program::text) > 64 * 1024 * 1024 then
        return 'the program is larger than 64 MB';
    end if;
    return coalesce(
        pgscore._program_inputs_problem(program -> 'inputs'), pgscore._list_problem('steps', program -> 'steps', 0, 10000)
    );
end
$$;

create function pgscore._program_require_problem(require jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := case when require is not null then pgscore._list_problem('require', require, 0, 10000) end;
    place text;
    each record;
begin
    if require is null or problem is not null then
        return problem;
    end if;
    for each in select r.value, r.ordinal - 1 as number from jsonb_array_elements(require) with ordinality as r (value, ordinal) loop
        place := format('require[%s]', each.number);
        problem := pgscore._fields_problem(place, each.value, array['of', 'nullable'], array['minimum', 'maximum']);
        exit when problem is not null;
        problem := coalesce(
            replace(
                replace(
                    pgscore._registers_problem(place || '.of', jsonb_build_array(each.value -> 'of'), kinds, 'n'),
                    'come before it', 'exist'
                ),
                '.of[0]', '.of'
            ),
            case when jsonb_typeof(each.value -> 'nullable') <> 'boolean' then
                format('%s.nullable is %s, and true or false is wanted', place, pgscore._shown(each.value -> 'nullable'))
            end,
            pgscore._bounds_problem(place, each.value)
        );
        exit when problem is not null;
    end loop;
    return problem;
end
$$;

comment on function pgscore._program_require_problem(jsonb, text) is
    'What is wrong with what a program requires of registers of these kinds; NULL where nothing is';

create or replace function pgscore._program_problem(program jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := case when program is null then 'the program is NULL' else pgscore._program_head_problem(program) end;
    kinds text;
    step jsonb;
    number integer := 0;
    registers_read bigint := 0;
    keys bigint;
    nodes bigint := 0;
    constants bigint := 0;
begin
    if problem is not null then
        return problem;
    end if;
    select
        string_agg(case when i.input ->> 'type' = 'text' then 't' else 'n' end, '' order by i.ordinal),
        coalesce(sum(jsonb_array_length(i.input -> 'known')), 0)
    into kinds, keys
    from jsonb_array_elements(program -> 'inputs') with ordinality as i (input, ordinal);
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        problem := pgscore._program_step_problem(format('steps[%s]', number), step, kinds);
        if problem is not null then
            return problem;
        end if;
        registers_read := registers_read
            + case jsonb_typeof(step -> 'of') when 'array' then jsonb_array_length(step -> 'of') else 1 end;
        if step ->> 'step' = 'lookup' then
            keys := keys + jsonb_array_length(step -> 'keys');
        elsif step ->> 'step' = 'trees' then
            nodes := nodes + jsonb_array_length(step -> 'feature');
            keys := keys + coalesce(
                (select sum(jsonb_array_length(m.value)) from jsonb_array_elements(step -> 'sets') as m (value)), 0
            );
        end if;
        constants := constants + pgscore._constants(step);
        problem := case
            when constants > 1000000 then 'knots, coefficients, matrices and vectors have more than 1,000,000 numbers together'
            when registers_read > 100000 then 'steps read more than 100,000 registers together'
            when keys > 1000000 then 'known values, keys and sets have more than 1,000,000 members together'
            when nodes > 4000000 then 'trees have more than 4,000,000 nodes together'
        end;
        if problem is not null then
            return format('steps[%s]: %s', number, problem);
        end if;
        kinds := kinds || pgscore._step_kinds(step, kinds);
        number := number + 1;
    end loop;
    if keys > 1000000 then
        return 'inputs: known values have more than 1,000,000 members together';
    end if;
    return coalesce(
        pgscore._program_require_problem(program -> 'require', kinds), pgscore._program_link_problem(program, kinds)
    );
end
$$;

create or replace function pgscore._program_contract_problem(program jsonb, contract jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    classes constant integer := jsonb_array_length(contract #> '{output,classes}');
    kind constant text := contract #>> '{output,kind}';
    link constant text := program ->> 'link';
    wanted constant integer := case kind when 'value' then 1 else classes end;
    outputs constant integer := pgscore._link_outputs(link, jsonb_array_length(program -> 'scores'));
    problem text;
begin
    select case
        when p.input is null then format('inputs has %s members, and the contract %s', p.ordinal - 1, jsonb_array_length(contract -> 'inputs'))
        when p.promised is null then format('inputs has more members than the contract, which has %s', p.ordinal - 1)
        else format(
            'inputs[%s].%s is %s, and the contract says %s', p.ordinal - 1, f.name,
            pgscore._shown(p.input -> f.name), pgscore._shown(p.promised -> f.name)
        )
    end
    into problem
    from rows from (
        jsonb_array_elements(program -> 'inputs'), jsonb_array_elements(contract -> 'inputs')
    ) with ordinality as p (input, promised, ordinal),
    unnest(array['name', 'type', 'nullable']) with ordinality as f (name, position)
    where p.input -> f.name is distinct from p.promised -> f.name
    order by p.ordinal, f.position limit 1;
    if problem is not null then
        return problem;
    elsif outputs <> wanted then
        return format('link "%s" gives %s outputs, and the contract has %s', link, outputs, case kind
            when 'value' then 'one value' else format('%s classes', classes) end);
    elsif (kind = 'value' and link not in ('identity', 'exp', 'expit', 'square_signed'))
        or (kind = 'indicator' and link not in ('sign', 'argmax'))
        or (kind = 'probability' and link not in ('identity', 'logistic', 'softmax', 'one_vs_rest', 'one_vs_all', 'normalize'))
    then
        return format('link "%s" does not fit an output of kind "%s"', link, kind);
    elsif program ? 'decide' and kind <> 'probability' then
        return format('decide does not fit an output of kind "%s"', kind);
    end if;
    return null;
end
$$;

create or replace function pgscore._program_size(program jsonb) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select 2 * jsonb_array_length(program -> 'inputs') + coalesce(sum(
        case s.step ->> 'step'
            when 'trees' then jsonb_array_length(s.step -> 'feature')
            when 'lookup' then 2 * jsonb_array_length(s.step -> 'keys') + 3
            else 3 * case jsonb_typeof(s.step -> 'of') when 'array' then jsonb_array_length(s.step -> 'of') else 1 end
                + pgscore._constants(s.step) / 10
        end
    ), 0)::integer
    from jsonb_array_elements(program -> 'steps') as s (step)
$$;

-- core/program/checks/row.sql
create or replace function pgscore._program_row_problem(program jsonb, numbers double precision[], texts text[]) returns text
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
    input jsonb;
    number double precision;
    value text;
    numbers_read integer := 0;
    texts_read integer := 0;
    reason text;
begin
    for input in
        select i.value from jsonb_array_elements(program -> 'inputs') with ordinality as i (value, ordinal) order by i.ordinal
    loop
        if input ->> 'type' = 'text' then
            texts_read := texts_read + 1;
            value := texts[texts_read];
            if value is null and not (input -> 'nullable')::boolean then
                return null;
            elsif value is not null and input ? 'known' and not input -> 'known' ? value then
                reason := coalesce(reason, format('input "%s" is ''%s'', which the estimator does not know', input ->> 'name', value));
            end if;
            continue;
        end if;
        numbers_read := numbers_read + 1;
        number := nullif(numbers[numbers_read], 'NaN');
        if number is null and not (input -> 'nullable')::boolean then
            return null;
        elsif number < (input -> 'minimum')::double precision or number > (input -> 'maximum')::double precision then
            reason := coalesce(reason, format('input "%s" is %s, beyond what the estimator accepts', input ->> 'name', number));
        elsif number is not null and input ? 'known' and not exists (
            select from jsonb_array_elements(input -> 'known') as k (key) where k.key::double precision = number
        ) then
            reason := coalesce(reason, format('input "%s" is %s, which the estimator does not know', input ->> 'name', number));
        end if;
    end loop;
    if reason is null and jsonb_array_length(program -> 'require') > 0 then
        -- Who asks has no score of the row.
        reason := 'a number that the estimator computes of the inputs is missing, or beyond what it accepts';
    end if;
    return reason;
end
$$;

comment on function pgscore._program_row_problem(jsonb, double precision[], text[]) is
    'Why a valid program refuses a row that has no score, given as its number inputs and its text inputs in order; NULL where it does not, or where a value is missing';

create or replace function pgscore._multiply(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    large constant double precision := greatest(abs(a), abs(b));
    small constant double precision := least(abs(a), abs(b));
begin
    if a is null or b is null or large = 'NaN' then
        return null;
    elsif large = 'Infinity' or small = 0 then
        return nullif(a * b, 'NaN');
    -- Exact: over powers of two, whose product is 2^-1024.
    elsif small > 1
        and large * '7.458340731200207e-155'::double precision * (small * '7.458340731200207e-155'::double precision) >= 1
    then
        return sign(a) * sign(b) * 'Infinity'::double precision;
    -- No more than half of the least double; by powers of two, which are exact.
    elsif large < 1 and small < '5e-324'::double precision / large
        and small * '4.149515568880993e180'::double precision * (large * '9.755464219737476e142'::double precision) <= 1
    then
        return 0;
    end if;
    return a * b;
end
$$;

create or replace function pgscore._divide(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if a is null or b is null or a = 'NaN' or b = 'NaN' then
        return null;
    elsif b = 0 then
        return case when a <> 0 then sign(a) * 'Infinity'::double precision end;
    elsif abs(b) = 'Infinity' then
        return case when abs(a) <> 'Infinity' then 0 end;
    elsif abs(a) = 'Infinity' or a = 0 then
        return a / b;
    -- Far over the largest double; or at it, and then exact, by powers of two.
    elsif abs(b) < 1 and abs(a) > '1.7e308'::double precision * abs(b) and (
        abs(a) * 0.5::double precision > '1.7976931348623157e308'::double precision * abs(b)
        or abs(a) * '7.458340731200207e-155'::double precision / (abs(b) * '1.3407807929942597e154'::double precision) >= 1
    ) then
        return sign(a) * sign(b) * 'Infinity'::double precision;
    -- No more than half of the least double.
    elsif abs(b) > 1 and abs(a) < 1 and abs(a) < '5e-324'::double precision * abs(b)
        and 2 * (abs(a) / '5e-324'::double precision) <= abs(b)
    then
        return 0;
    end if;
    return a / b;
end
$$;

create or replace function pgscore._exp(a double precision) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when a = 'NaN' then null
        when a > '709.782712893384' then 'Infinity'
        when a < '-745.1332191019411' then 0
        else exp(a)
    end
$$;

create function pgscore._expit(z double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if abs(z) < 700 then
        return 1 / (1 + exp(-z));
    end if;
    return pgscore._divide(1, pgscore._add(1, pgscore._exp(-z)));
end
$$;

comment on function pgscore._expit(double precision) is '1 / (1 + exp(-z)) as IEEE doubles. NULL where it is no number';

grant execute on function pgscore._expit(double precision) to pgscore_reader;

create or replace function pgscore._outputs(link text, scores double precision[]) returns double precision[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    outputs double precision[] := '{}';
    score double precision;
    largest constant double precision := (select max(s) from unnest(scores) s);
    total double precision := 0;
begin
    if link = 'identity' then
        return scores;
    elsif link = 'sign' then
        return case when scores[1] > 0 then '{0,1}' else '{1,0}' end;
    elsif link = 'argmax' then
        -- As numpy does, which takes what is no number for the largest.
        outputs := array_fill(0::double precision, array[cardinality(scores)]);
        outputs[coalesce(array_position(scores, null), array_position(scores, largest))] := 1;
        return outputs;
    elsif link = 'logistic' then
        return array[1 - pgscore._expit(scores[1]), pgscore._expit(scores[1])];
    elsif link in ('expit', 'one_vs_all') then
        return array(select pgscore._expit(s.score) from unnest(scores) with ordinality as s (score, ordinal) order by s.ordinal);
    elsif link = 'exp' then
        return array[pgscore._exp(scores[1])];
    elsif link = 'square_signed' then
        return array[pgscore._multiply(scores[1], abs(scores[1]))];
    elsif array_position(scores, null) is not null then
        return array_fill(null::double precision, array[cardinality(scores)]);
    end if;
    -- What cannot raise is computed at once; the functions that never raise are slow.
    foreach score in array scores loop
        if link = 'softmax' then
            score := case
                when abs(score) < '1e300' and abs(largest) < '1e300' then score - largest else pgscore._add(score, -largest) end;
            score := case when score > -700 then exp(score) else pgscore._exp(score) end;
        elsif link = 'one_vs_rest' then
            score := pgscore._expit(score);
        end if;
        outputs := outputs || score;
        total := case when abs(score) < '1e300' and abs(total) < '1e300' then total + score else pgscore._add(total, score) end;
    end loop;
    if total = 0 then  -- each of them underflows: scikit-learn's answer
        return array_fill(1 / cardinality(scores)::double precision, array[cardinality(scores)]);
    end if;
    for position in 1 .. cardinality(outputs) loop
        outputs[position] := case
            when outputs[position] > '1e-300' and outputs[position] <= total and total < '1e5' then outputs[position] / total
            else pgscore._divide(outputs[position], total)
        end;
    end loop;
    return outputs;
end
$$;

-- core/program/functions.sql
-- Functions that PostgreSQL raises errors for, or does not have. log1p and expm1 are made of ln and exp as the interpreter
-- makes them, so that both give the same.
create function pgscore._log(a double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return case when a = 'NaN' then null when a > 0 then ln(a) when a = 0 then '-Infinity' end;
end
$$;

comment on function pgscore._log(double precision) is
    'The natural logarithm, where PostgreSQL would raise an error: minus infinity at 0. NULL where it is no number';

grant execute on function pgscore._log(double precision) to pgscore_reader;

create function pgscore._log10(a double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return case when a = 'NaN' then null when a > 0 then log(a) when a = 0 then '-Infinity' end;
end
$$;

comment on function pgscore._log10(double precision) is
    'The logarithm to base 10, where PostgreSQL would raise an error: minus infinity at 0. NULL where it is no number';

grant execute on function pgscore._log10(double precision) to pgscore_reader;

create function pgscore._log1p(a double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    rounded double precision;
    lost double precision;
begin
    if a is null or a = 'NaN' or a < -1 then
        return null;
    elsif a = -1 or a = 'Infinity' then
        return a * 'Infinity'::double precision;
    end if;
    rounded := 1 + a;
    lost := case when a <= 1 then a - (rounded - 1) else 1 - (rounded - a) end;
    return ln(rounded) + lost / rounded;
end
$$;

comment on function pgscore._log1p(double precision) is 'ln(1 + a), exact near 0; minus infinity at -1. NULL where it is no number';

grant execute on function pgscore._log1p(double precision) to pgscore_reader;

create function pgscore._expm1(a double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    power constant double precision := pgscore._exp(a);
begin
    if power = 1 then
        return a;
    elsif abs(a) < 1 then
        -- What exp() has rounded away shows in its logarithm.
        return (power - 1) * (a / ln(power));
    end if;
    return power - 1;
end
$$;

comment on function pgscore._expm1(double precision) is
    'exp(a) - 1, exact near 0, where PostgreSQL would raise an error: an overflow is infinite. NULL where it is no number';

grant execute on function pgscore._expm1(double precision) to pgscore_reader;

create function pgscore._logit(a double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return case when a > 0 and a < 1 then ln(a / (1 - a)) when a = 0 then '-Infinity' when a = 1 then 'Infinity' end;
end
$$;

comment on function pgscore._logit(double precision) is
    'ln(a / (1 - a)), minus infinity at 0 and infinity at 1. NULL where it is no number';

grant execute on function pgscore._logit(double precision) to pgscore_reader;

-- core/program/formulas.sql
-- What the steps that are formulas compute, number by number in the order of docs/program.md. What cannot raise is computed
-- at once; the functions that never raise are slow.
create function pgscore._ratio(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if abs(a) between '1e-150' and '1e150' and abs(b) between '1e-150' and '1e150' then
        return a / b;
    end if;
    return pgscore._divide(a, b);
end
$$;

comment on function pgscore._ratio(double precision, double precision) is
    'a / b as IEEE doubles, 0 being positive, at once where neither is out of the ordinary. NULL where it is no number';

grant execute on function pgscore._ratio(double precision, double precision) to pgscore_reader;

create function pgscore._product(numbers double precision[]) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    product double precision := numbers[1];
    number double precision;
begin
    for position in 2 .. cardinality(numbers) loop
        number := numbers[position];
        if abs(product) between '1e-150' and '1e150' and abs(number) between '1e-150' and '1e150' then
            product := product * number;
        else
            product := pgscore._multiply(product, number);
        end if;
    end loop;
    return product;
end
$$;

comment on function pgscore._product(double precision[]) is
    'The product of numbers, from left to right, as IEEE doubles. NULL where it is no number';

grant execute on function pgscore._product(double precision[]) to pgscore_reader;

create function pgscore._piecewise(
    number double precision, knots double precision[], starts integer[], coefficients double precision[],
    is_left_closed boolean, missing double precision
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    piece integer;
    total double precision;
    beyond double precision;
begin
    if number is null then
        return missing;
    end if;
    -- How many knots are before it.
    piece := width_bucket(number, knots);
    if not is_left_closed and piece > 0 and knots[piece] = number then
        piece := piece - 1;
    end if;
    total := case when starts[piece + 2] > starts[piece + 1] then coefficients[starts[piece + 1] + 1] end;
    if starts[piece + 2] - starts[piece + 1] > 1 then
        beyond := pgscore._add(number, -knots[greatest(piece, 1)]);
        for position in starts[piece + 1] + 2 .. starts[piece + 2] loop
            if abs(total) between '1e-150' and '1e150' and abs(beyond) between '1e-150' and '1e150'
                and abs(coefficients[position]) < '1e305'
            then
                total := total * beyond + coefficients[position];
            else
                total := pgscore._add(pgscore._multiply(total, beyond), coefficients[position]);
            end if;
        end loop;
    end if;
    return total;
end
$$;

comment on function pgscore._piecewise(double precision, double precision[], integer[], double precision[], boolean, double precision) is
    'The polynomial of the interval between knots in which a number is, in what it is beyond the knot on the left. starts says behind how many coefficients those of each piece begin, the highest power first; the first piece is before all knots. NULL where it is no number';

grant execute on function pgscore._piecewise(double precision, double precision[], integer[], double precision[], boolean, double precision) to pgscore_reader;

create function pgscore._differences(numbers double precision[], others double precision[]) returns double precision[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    differences double precision[] := numbers;
begin
    for position in 1 .. cardinality(numbers) loop
        differences[position] := case
            when abs(numbers[position]) < '1e300' and abs(others[position]) < '1e300' then numbers[position] - others[position]
            else pgscore._add(numbers[position], -others[position])
        end;
    end loop;
    return differences;
end
$$;

comment on function pgscore._differences(double precision[], double precision[]) is
    'Numbers less others, as IEEE doubles; NULL in the place of what is no number';

grant execute on function pgscore._differences(double precision[], double precision[]) to pgscore_reader;

create function pgscore._quadratic(
    numbers double precision[], center double precision[], matrix double precision[]
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    width constant integer := cardinality(numbers);
    differences constant double precision[] := pgscore._differences(numbers, center);
    turned double precision[];
begin
    if matrix is null then
        return pgscore._weighted_sum(0, differences, differences);
    end if;
    for number in 1 .. cardinality(matrix) / width loop
        turned[number] := pgscore._weighted_sum(0, differences, matrix[(number - 1) * width + 1:number * width]);
    end loop;
    return pgscore._weighted_sum(0, turned, turned);
end
$$;

comment on function pgscore._quadratic(double precision[], double precision[], double precision[]) is
    'The sum of squares of what the rows of a matrix, one after the other, make of numbers less a center; of these differences where there is no matrix. NULL where it is no number';

grant execute on function pgscore._quadratic(double precision[], double precision[], double precision[]) to pgscore_reader;

create function pgscore._median(numbers double precision[], weights double precision[]) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    ranked double precision[];
    weighted double precision[];
    total double precision := 0;
    position integer := 1;
    so_far double precision;
begin
    if array_position(numbers, null) is not null then
        return null;
    end if;
    select array_agg(n.number order by n.number, n.ordinal), array_agg(n.weight order by n.number, n.ordinal)
    into ranked, weighted
    from unnest(numbers, weights) with ordinality as n (number, weight, ordinal);
    for each in 1 .. cardinality(weighted) loop
        total := total + weighted[each];
    end loop;
    so_far := weighted[1];
    while 2 * so_far < total loop
        position := position + 1;
        so_far := so_far + weighted[position];
    end loop;
    return ranked[position];
end
$$;

comment on function pgscore._median(double precision[], double precision[]) is
    'The weighted median of numbers: the least that, with all that are no larger, has half of the weight or more. NaN counts as the largest number; NULL where there is a NULL';

grant execute on function pgscore._median(double precision[], double precision[]) to pgscore_reader;

create function pgscore._tame_kernel(
    kernel text, numbers double precision[], vectors double precision[], coefficients double precision[],
    intercept double precision, gamma double precision, added double precision, degree integer
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    width constant integer := cardinality(numbers);
    start integer := 0;
    total double precision := intercept;
    base double precision;
begin
    for number in 1 .. cardinality(coefficients) loop
        base := 0;
        if kernel = 'rbf' then
            for position in 1 .. width loop
                base := base
                    + (numbers[position] - vectors[start + position]) * (numbers[position] - vectors[start + position]);
            end loop;
            base := gamma * base;
            base := case when base < 400 then exp(-base) else pgscore._exp(-base) end;
        else
            for position in 1 .. width loop
                base := base + numbers[position] * vectors[start + position];
            end loop;
            base := gamma * base + added;
            base := case kernel when 'poly' then pgscore._product(array_fill(base, array[degree])) else tanh(base) end;
        end if;
        total := case
            when abs(base) between '1e-200' and '1e200' then total + base * coefficients[number]
            else pgscore._add(total, pgscore._multiply(base, coefficients[number]))
        end;
        start := start + width;
    end loop;
    return total;
end
$$;

comment on function pgscore._tame_kernel(text, double precision[], double precision[], double precision[], double precision, double precision, double precision, integer) is
    'The same as a kernel, where no number is so far from 1 that its operators could raise an error: four times as fast';

grant execute on function pgscore._tame_kernel(text, double precision[], double precision[], double precision[], double precision, double precision, double precision, integer) to pgscore_reader;

create function pgscore._kernel(
    kernel text, numbers double precision[], vectors double precision[], coefficients double precision[],
    intercept double precision, gamma double precision, added double precision, degree integer, is_tame boolean
) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    width constant integer := cardinality(numbers);
    kernels double precision[] := coefficients;
    vector double precision[];
    differences double precision[];
    base double precision;
begin
    if is_tame and not exists (
        select from unnest(numbers) as n (number)
        where (n.number = 0 or abs(n.number) between '1e-150' and '1e100') is not true
    ) then
        return pgscore._tame_kernel(kernel, numbers, vectors, coefficients, intercept, gamma, added, degree);
    end if;
    for number in 1 .. cardinality(coefficients) loop
        vector := vectors[(number - 1) * width + 1:number * width];
        if kernel = 'rbf' then
            differences := pgscore._differences(numbers, vector);
            base := pgscore._multiply(gamma, pgscore._weighted_sum(0, differences, differences));
            kernels[number] := pgscore._exp(-base);
        else
            base := pgscore._add(pgscore._multiply(gamma, pgscore._weighted_sum(0, numbers, vector)), added);
            kernels[number] := case kernel
                when 'poly' then pgscore._product(array_fill(base, array[degree])) else tanh(base)
            end;
        end if;
    end loop;
    return pgscore._weighted_sum(intercept, kernels, coefficients);
end
$$;

comment on function pgscore._kernel(text, double precision[], double precision[], double precision[], double precision, double precision, double precision, integer, boolean) is
    'intercept + the sum of coefficient * kernel of numbers and vector, where vectors are one after the other: rbf, exp(-gamma * squared distance); poly, (gamma * product + added) ^ degree; sigmoid, tanh(gamma * product + added). is_tame says that no constant is out of the ordinary. NULL where it is no number';

grant execute on function pgscore._kernel(text, double precision[], double precision[], double precision[], double precision, double precision, double precision, integer, boolean) to pgscore_reader;

-- core/program/careful_formulas.sql
create function pgscore._flat(lists jsonb) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_agg(e.value order by r.ordinal, e.ordinal), '[]')
    from jsonb_array_elements(lists) with ordinality as r (value, ordinal)
    cross join lateral jsonb_array_elements(case jsonb_typeof(r.value) when 'array' then r.value else '[]' end)
        with ordinality as e (value, ordinal)
$$;

comment on function pgscore._flat(jsonb) is 'The members of lists, one list after the other; null is an empty one';

create function pgscore._piecewise_sql(step jsonb, value text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'pgscore._piecewise(%s, %s, %L::pg_catalog.int4[], %s, %s, %s)', value, pgscore._array_literal_sql(step -> 'knots', 'number'),
        (
            select array_agg(s.start::integer order by s.ordinal)
            from (
                select 0 as ordinal, 0 as start
                union all
                select c.ordinal, sum(jsonb_array_length(c.value)) over (order by c.ordinal)
                from (
                    select p.ordinal, case jsonb_typeof(p.value) when 'array' then p.value else '[]' end as value
                    from jsonb_array_elements(step -> 'coefficients') with ordinality as p (value, ordinal)
                ) c
            ) s
        ),
        pgscore._array_literal_sql(
            (
                -- The highest power first.
                select coalesce(jsonb_agg(e.value order by p.ordinal, e.ordinal desc), '[]')
                from jsonb_array_elements(step -> 'coefficients') with ordinality as p (value, ordinal)
                cross join lateral jsonb_array_elements(case jsonb_typeof(p.value) when 'array' then p.value else '[]' end)
                    with ordinality as e (value, ordinal)
            ),
            'number'
        ),
        case step ->> 'closed' when 'left' then 'true' else 'false' end, pgscore._literal_sql((nullif(step -> 'missing', 'null'))::double precision)
    )
$$;

comment on function pgscore._piecewise_sql(jsonb, text) is 'SQL for a piecewise step of a value given as SQL';

create function pgscore._is_tame_kernel(step jsonb) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- Differences and products with numbers from 1e-150 to 1e100 are 0, or far from where they overflow and underflow.
    select (step -> 'gamma')::double precision between '1e-15' and '1e50'
        and abs(coalesce((step -> 'constant')::double precision, 0)) <= '1e100'
        and abs((step -> 'intercept')::double precision) <= '1e100'
        and not exists (
            select from jsonb_array_elements(pgscore._flat(step -> 'vectors')) as v (value)
            where v.value::double precision <> 0 and not abs(v.value::double precision) between '1e-130' and '1e100'
        )
        and not exists (
            select from jsonb_array_elements(step -> 'coefficients') as c (value)
            where c.value::double precision <> 0 and not abs(c.value::double precision) between '1e-60' and '1e60'
        )
$$;

comment on function pgscore._is_tame_kernel(jsonb) is
    'Whether a kernel step has no constant that lets its operators raise an error for ordinary numbers';

create function pgscore._formula_sql(step jsonb, given text[]) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    listed constant text := format('array[%s]::pg_catalog.float8[]', array_to_string(given, ', '));
begin
    return case step ->> 'step'
        when 'product' then format('pgscore._product(%s)', listed)
        when 'ratio' then format('pgscore._ratio(%s, %s)', given[1], given[2])
        when 'piecewise' then pgscore._piecewise_sql(step, given[1])
        when 'quadratic' then format(
            'pgscore._quadratic(%s, %s, %s)', listed, pgscore._array_literal_sql(step -> 'center', 'number'),
            case
                when step ? 'matrix' then pgscore._array_literal_sql(pgscore._flat(step -> 'matrix'), 'number')
                else 'null::pg_catalog.float8[]'
            end
        )
        when 'median' then format('pgscore._median(%s, %s)', listed, pgscore._array_literal_sql(step -> 'weights', 'number'))
        when 'kernel' then format(
            'pgscore._kernel(%L, %s, %s, %s, %s, %s, %s, %s, %s)', step ->> 'kernel', listed,
            pgscore._array_literal_sql(pgscore._flat(step -> 'vectors'), 'number'),
            pgscore._array_literal_sql(step -> 'coefficients', 'number'),
            pgscore._literal_sql((step -> 'intercept')::double precision),
            pgscore._literal_sql((step -> 'gamma')::double precision),
            pgscore._literal_sql(coalesce((step -> 'constant')::double precision, 0)),
            coalesce((step -> 'degree')::integer, 1),
            case when pgscore._is_tame_kernel(step) then 'true' else 'false' end
        )
    end;
end
$$;

comment on function pgscore._formula_sql(jsonb, text[]) is
    'SQL that computes a step that is a formula, of the registers that it reads, given as SQL; NULL for any other step';

create function pgscore._careful_requirements_sql(require jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(string_agg(format(E'if %s then return null; end if;\n', nullif(w.why, '')), '' order by w.ordinal), '')
    from (
        select e.ordinal, concat_ws(
            ' or ',
            case when not (e.value -> 'nullable')::boolean then format('r%s is null', e.value -> 'of') end,
            case when e.value ? 'minimum' then
                format('r%s < %s', e.value -> 'of', pgscore._literal_sql((e.value -> 'minimum')::double precision)) end,
            case when e.value ? 'maximum' then
                format('r%s > %s', e.value -> 'of', pgscore._literal_sql((e.value -> 'maximum')::double precision)) end
        ) as why
        from jsonb_array_elements(require) with ordinality as e (value, ordinal)
    ) w
    where w.why <> ''
$$;

comment on function pgscore._careful_requirements_sql(jsonb) is
    'Statements that end where a register is not what the program requires; none of NULL';

create function pgscore._careful_function_sql(name text, value text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        case
            when name in ('abs', 'sign', 'trunc', 'floor', 'ceil', 'tanh') then '%2$s(%1$s)'
            when name in ('sin', 'cos') then 'case when abs(%1$s) < ''Infinity'' then %2$s(%1$s) end'
            when name = 'sqrt' then 'case when %1$s >= 0 then sqrt(%1$s) end'
            when name = 'square' then 'pgscore._multiply(%1$s, %1$s)'
            when name = 'relu' then 'float8larger(%1$s, 0)'
            when name = 'reciprocal' then 'pgscore._divide(1, %1$s)'
            else 'pgscore._%2$s(%1$s)'
        end,
        value, name
    )
$$;

comment on function pgscore._careful_function_sql(text, text) is 'SQL for a function step of a value';

create or replace function pgscore._careful_step_sql(step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    value text;
    kind text;
begin
    if jsonb_typeof(step -> 'of') = 'number' then
        value := 'r' || (step -> 'of')::integer;
        kind := substr(kinds, (step -> 'of')::integer + 1, 1);
    end if;
    return case step ->> 'step'
        when 'affine' then pgscore._careful_affine_sql(step, value)
        when 'clip' then format(
            'case when %1$s is not null then least(greatest(%1$s, %2$s), %3$s) end', value,
            pgscore._literal_sql((step -> 'minimum')::double precision),
            pgscore._literal_sql((step -> 'maximum')::double precision)
        )
        when 'function' then pgscore._careful_function_sql(step ->> 'name', value)
        when 'fill' then format('coalesce(%s, %s)', value, case kind
            when 't' then pgscore._text_literal_sql(step ->> 'with')
            else pgscore._literal_sql((step -> 'with')::double precision) end)
        when 'missing' then format('case when %s is null then 1 else 0 end', value)
        when 'lookup' then pgscore._lookup_sql(step, value, kind = 't', true)
        when 'linear' then format(
            'pgscore._weighted_sum(%s, array[%s]::double precision[], %s)',
            pgscore._literal_sql((step -> 'intercept')::double precision),
            (
                select string_agg('r' || o.register, ', ' order by o.ordinal)
                from jsonb_array_elements_text(step -> 'of') with ordinality as o (register, ordinal)
            ),
            pgscore._array_literal_sql(step -> 'weights', 'number')
        )
        when 'median' then format('nullif(%s, ''NaN'')', pgscore._formula_sql(step, array(
            select format('coalesce(r%s, ''NaN'')', o.register)
            from jsonb_array_elements_text(step -> 'of') with ordinality as o (register, ordinal)
            order by o.ordinal
        )))
        else pgscore._formula_sql(step, array(
            select 'r' || o.register
            from jsonb_array_elements_text(
                case jsonb_typeof(step -> 'of') when 'array' then step -> 'of' else jsonb_build_array(step -> 'of') end
            ) with ordinality as o (register, ordinal)
            order by o.ordinal
        ))
    end;
end
$$;

create function pgscore._careful_link_sql(step jsonb, register integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with linked as (
        select
            format(
                'pgscore._outputs(%L, array[%s]::double precision[])', step ->> 'link',
                string_agg('r' || o.register, ', ' order by o.ordinal)
            ) as call,
            pgscore._link_outputs(step ->> 'link', count(*)::integer) as outputs
        from jsonb_array_elements_text(step -> 'of') with ordinality as o (register, ordinal)
    )
    select case
        when l.outputs = 1 then format(E'r%s := (%s)[1];\n', register, l.call)
        else format(E'o%s := %s;\n', register, l.call) || (
            select string_agg(format(E'r%s := o%s[%s];\n', register + n.number - 1, register, n.number), '' order by n.number)
            from generate_series(1, l.outputs) as n (number)
        )
    end
    from linked l
$$;

comment on function pgscore._careful_link_sql(jsonb, integer) is
    'Statements for a link step whose first register has this number: its outputs, of several from an array o';

create or replace function pgscore._careful_body_sql(program jsonb, arguments text[]) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    variables text := pgscore._careful_declarations_sql(program -> 'inputs', arguments);
    body text := pgscore._careful_refusals_sql(program -> 'inputs');
    kinds text;
    may_miss boolean[];
    step jsonb;
    step_kinds text;
    register integer := jsonb_array_length(program -> 'inputs');
    scores text;
begin
    select
        string_agg(case when i.input ->> 'type' = 'text' then 't' else 'n' end, '' order by i.ordinal),
        array_agg((i.input -> 'nullable')::boolean order by i.ordinal)
    into kinds, may_miss
    from jsonb_array_elements(program -> 'inputs') with ordinality as i (input, ordinal);
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        step_kinds := pgscore._step_kinds(step, kinds);
        if step ->> 'step' = 'trees' then
            for output in 0 .. length(step_kinds) - 1 loop
                variables := variables || format(
                    E'r%s double precision := %s;\n', register + output,
                    pgscore._literal_sql((step -> 'base' -> output)::double precision)
                );
                body := body || pgscore._careful_trees_sql(step, kinds, may_miss, output, register + output);
            end loop;
        elsif step ->> 'step' = 'link' then
            variables := variables || (
                select string_agg(format(E'r%s double precision;\n', register + n.number), '' order by n.number)
                from generate_series(0, length(step_kinds) - 1) as n (number)
            );
            if length(step_kinds) > 1 then
                variables := variables || format(E'o%s double precision[];\n', register);
            end if;
            body := body || pgscore._careful_link_sql(step, register);
        else
            variables := variables || format(
                E'r%s %s;\n', register, case step_kinds when 't' then 'text' else 'double precision' end
            );
            body := body || format(E'r%s := %s;\n', register, pgscore._careful_step_sql(step, kinds));
        end if;
        kinds := kinds || step_kinds;
        may_miss := may_miss || array_fill(true, array[length(step_kinds)]);
        register := register + length(step_kinds);
    end loop;
    select string_agg('r' || s.register, ', ' order by s.ordinal) into scores
    from jsonb_array_elements_text(program -> 'scores') with ordinality as s (register, ordinal);
    return format(
        E'\ndeclare\n%sbegin\n%s%sreturn pgscore._outputs(%L, array[%s]::double precision[])%s;\nend\n',
        variables, body, pgscore._careful_requirements_sql(program -> 'require'), program ->> 'link', scores,
        (
            select format(' || array[%s]::double precision[]', string_agg('r' || d.register, ', ' order by d.ordinal))
            from jsonb_array_elements_text(program -> 'decide') with ordinality as d (register, ordinal)
            having count(*) > 0
        )
    );
end
$$;

comment on function pgscore._careful_body_sql(jsonb, text[]) is
    'The body of a plpgsql function that gives all outputs of a valid program for any row, and behind them what decides of its label, and never raises; arguments is SQL for its inputs';

comment on column pgscore.bare_register.kind is 'n: number, t: text, u: number that is NULL where it is not sure, too, so that the score has to be';

create or replace function pgscore._bare_product(
    r pgscore.bare_register, field text, operand double precision
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    divides constant boolean := field = 'divide';
    factor constant double precision := case when divides then pgscore._divide(1, abs(operand)) else abs(operand) end;
    ends double precision[];
begin
    if factor is null or factor > l.most_factor or factor > 0 and factor < l.least_factor then
        return null;
    end if;
    -- A factor from 1 on makes nothing of what is not 0.
    if factor > 0 and factor < 1 and pgscore._multiply(r.small, factor) < l.least_product then
        r.expression := pgscore._lifted_sql(r.expression, l.lift / factor);
        r.size := r.size + 2;
    end if;
    r.expression := format(
        '(%s operator(pg_catalog.%s) %s)', r.expression, case when divides then '/' else '*' end,
        pgscore._literal_sql(operand)
    );
    ends := case
        when divides then array[pgscore._divide(r.low, operand), pgscore._divide(r.high, operand)]
        else array[pgscore._multiply(r.low, operand), pgscore._multiply(r.high, operand)]
    end;
    r.low := case when ends[1] > ends[2] then ends[2] else ends[1] end;
    r.high := case when ends[1] > ends[2] then ends[1] else ends[2] end;
    r.small := greatest(pgscore._multiply(r.small, factor), l.smallest_double);
    r.size := r.size + 1;
    return r;
end
$$;

create function pgscore._bare_signed_square(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    low double precision;
    high double precision;
begin
    if greatest(abs(r.low), abs(r.high)) >= 1e150 then
        r := pgscore._bare_limited(r, '1e150');
    end if;
    low := pgscore._multiply(r.low, abs(r.low));
    high := pgscore._multiply(r.high, abs(r.high));
    if r.small < l.least_squared then
        r.expression := pgscore._lifted_sql(r.expression, l.square_lift);
        r.size := r.size + 2;
        r.small := l.lifted_small;
    end if;
    r.expression := format('(%1$s operator(pg_catalog.*) pg_catalog.abs(%1$s))', r.expression);
    r.size := 2 * r.size + 2;
    r.low := low;
    r.high := high;
    r.small := pgscore._multiply(r.small, r.small);
    return r;
end
$$;

comment on function pgscore._bare_signed_square(pgscore.bare_register) is 'The register of z |z|';

create function pgscore._bare_log(name text, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- What is lost below, to keep products from underflowing, would show in its logarithm.
    least_argument constant double precision := '1e-100'::double precision;
    called constant text := case name when 'log10' then 'pg_catalog.log' else 'pg_catalog.ln' end;
begin
    if r.low >= least_argument then
        r.expression := format('%s(%s)', called, r.expression);
        r.size := r.size + 1;
    else
        r.expression := format(
            'case when %1$s operator(pg_catalog.>=) %2$s then %3$s(%1$s) end',
            r.expression, pgscore._literal_sql(least_argument), called
        );
        r.size := 2 * r.size + 2;
        r.kind := 'u';
        r.may_miss := true;
    end if;
    r.low := floor(ln(greatest(r.low, least_argument)));
    r.high := ceil(ln(greatest(r.high, 1)));
    r.small := '1e-17';
    return r;
end
$$;

comment on function pgscore._bare_log(text, pgscore.bare_register) is
    'The register of a logarithm, natural or to base 10 (name log10); NULL, for the careful function, near 0 and below';

create function pgscore._bare_reciprocal(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most constant double precision := '1e100'::double precision;
begin
    r := pgscore._bare_limited(r, most);
    if r.low >= 1 / most or r.high <= -1 / most then
        r.expression := format('(%s operator(pg_catalog./) %s)', pgscore._literal_sql(1), r.expression);
        r.size := r.size + 1;
    else
        r.expression := format(
            'case when pg_catalog.abs(%1$s) operator(pg_catalog.>=) %2$s then %3$s operator(pg_catalog./) %1$s end',
            r.expression, pgscore._literal_sql(1 / most), pgscore._literal_sql(1)
        );
        r.size := 2 * r.size + 4;
        r.kind := 'u';
        r.may_miss := true;
    end if;
    r.low := case when r.low >= 0 then 0 else -2 * most end;
    r.high := case when r.high <= 0 then 0 else 2 * most end;
    r.small := 0.5 / most;
    return r;
end
$$;

comment on function pgscore._bare_reciprocal(pgscore.bare_register) is
    'The register of 1 / x; NULL, for the careful function, near 0 and far from it';

create function pgscore._bare_called(name text, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    low constant double precision := r.low;
begin
    r.expression := format('pgscore._%s(%s)', name, r.expression);
    r.size := r.size + 4;
    case name
        when 'log1p' then
            r.may_miss := r.may_miss or low < -1;
            r.low := case when low > -1 then floor(pgscore._log1p(low)) else '-Infinity' end;
            r.high := case when r.high > 0 then ceil(pgscore._log1p(r.high)) else 0 end;
        when 'expm1' then
            r.low := case when low >= 0 then 0 else -1 end;
            r.high := case when r.high > 0 then pgscore._multiply(pgscore._expm1(r.high), 2) else 0 end;
        when 'logit' then
            r.may_miss := true;
            r.low := '-Infinity';
            r.high := 'Infinity';
    end case;
    r.small := case name when 'logit' then '1e-17' else greatest(pgscore._multiply(least(r.small, 1), 0.25), l.smallest_double) end;
    return pgscore._bare_limited(r, '1e130');
end
$$;

comment on function pgscore._bare_called(text, pgscore.bare_register) is
    'The register of a function that PostgreSQL does not have: log1p, expm1 or logit';

create function pgscore._bare_rounded(name text, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    r.expression := format('pg_catalog.%s(%s)', name, r.expression);
    r.low := case name when 'sign' then sign(r.low) else floor(r.low) end;
    r.high := case name when 'sign' then sign(r.high) else ceil(r.high) end;
    r.small := 1;
    r.size := r.size + 1;
    return r;
end
$$;

comment on function pgscore._bare_rounded(text, pgscore.bare_register) is 'The register of sign, trunc, floor or ceil';

create function pgscore._bare_wave(name text, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
begin
    if name <> 'tanh' then
        -- Of infinity there is none, and PostgreSQL raises an error.
        r := pgscore._bare_limited(r, '1e300');
    end if;
    r.expression := format('pg_catalog.%s(%s)', name, r.expression);
    r.low := -1;
    r.high := 1;
    r.small := case name when 'tanh' then greatest(pgscore._multiply(least(r.small, 1), 0.25), l.smallest_double) else l.smallest_double end;
    r.size := r.size + 1;
    return r;
end
$$;

comment on function pgscore._bare_wave(text, pgscore.bare_register) is 'The register of tanh, sin or cos';

create or replace function pgscore._bare_function(step jsonb, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := step ->> 'name';
begin
    if name in ('sign', 'trunc', 'floor', 'ceil') then
        return pgscore._bare_rounded(name, r);
    elsif name in ('tanh', 'sin', 'cos') then
        return pgscore._bare_wave(name, r);
    elsif name in ('log', 'log10') then
        return pgscore._bare_log(name, r);
    elsif name in ('log1p', 'expm1', 'logit') then
        return pgscore._bare_called(name, r);
    end if;
    case name
        when 'sqrt' then
            return pgscore._bare_square_root(r);
        when 'square' then
            return pgscore._bare_square(r);
        when 'exp' then
            return pgscore._bare_exp(r);
        when 'expit' then
            return pgscore._bare_expit(r);
        when 'reciprocal' then
            return pgscore._bare_reciprocal(r);
        when 'relu' then
            r.expression := format('pg_catalog.float8larger(%s, %s)', r.expression, pgscore._literal_sql(0));
            r.high := greatest(r.high, 0);
            r.low := greatest(r.low, 0);
            r.size := r.size + 1;
            return r;
        when 'abs' then
            r.expression := format('pg_catalog.abs(%s)', r.expression);
            r.high := greatest(abs(r.low), abs(r.high));
            r.low := 0;
            r.size := r.size + 1;
            return r;
    end case;
end
$$;

create or replace function pgscore._bare_linear(step jsonb, registers pgscore.bare_register[]) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    of constant integer[] := translate((step -> 'of')::text, '[]', '{}')::integer[];
    weights constant double precision[] := translate((step -> 'weights')::text, '[]', '{}')::double precision[];
    intercept constant double precision := (step -> 'intercept')::double precision;
    r pgscore.bare_register := pgscore._bare_register(
        'n', null, 1, intercept, intercept, coalesce(nullif(abs(intercept), 0), 1), false
    );
    sum text := pgscore._literal_sql(intercept);
    term pgscore.bare_register;
    weight double precision;
    product double precision;
begin
    for number in 1 .. cardinality(of) loop
        term := registers[of[number] + 1];
        weight := weights[number];
        product := pgscore._multiply(term.small, abs(weight));
        if weight <> 0 and abs(weight) < l.least_factor
            or term.low = '-Infinity' or term.high = 'Infinity'
            or pgscore._multiply(abs(weight), greatest(abs(term.low), abs(term.high))) > l.most_result
        then
            return null;
        elsif weight <> 0 and abs(weight) < 1 and product < l.least_product then
            term.expression := pgscore._lifted_sql(term.expression, l.lift / abs(weight));
            term.size := term.size + 2;
        end if;
        sum := sum || pgscore._addend_sql(term.expression, weight);
        r.low := pgscore._add(r.low, least(pgscore._multiply(weight, term.low), pgscore._multiply(weight, term.high)));
        r.high := pgscore._add(
            r.high, greatest(pgscore._multiply(weight, term.low), pgscore._multiply(weight, term.high))
        );
        if weight <> 0 then
            r.small := least(r.small, greatest(product, l.smallest_double));
        end if;
        r.may_miss := r.may_miss or term.may_miss;
        r.kind := case when term.kind = 'u' then 'u' else r.kind end;
        r.size := r.size + term.size + 2;
    end loop;
    r.small := greatest(l.smallest_double, pgscore._multiply(r.small, l.half_ulp));
    r.expression := '(' || sum || ')';
    return r;
end
$$;

create or replace function pgscore._wild_term(r pgscore.bare_register, weight double precision, argument text) returns pgscore.bare_term
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    term pgscore.bare_term;
begin
    term.weight := pgscore._multiply(weight, r.factor);
    -- A number that is large beside what is left of it: only the careful function rounds it as the estimator does.
    if not abs(term.weight) between l.least_wild_weight and l.most_wild_weight or abs(r.plus) > l.most_plain_shift then
        return null;
    end if;
    -- A shift is lost beside the largest double.
    term.magnitude := abs(term.weight);
    term.is_plain := abs(pgscore._multiply(r.shift, r.factor)) <= l.most_plain_shift;
    if term.is_plain then
        term.expression := argument;
        term.constant := pgscore._multiply(term.weight, pgscore._divide(r.plus, r.factor) - r.shift);
    else
        term.expression := format('(%s operator(pg_catalog.-) %s)', argument, pgscore._literal_sql(r.shift));
        term.constant := pgscore._multiply(term.weight, pgscore._divide(r.plus, r.factor));
    end if;
    return term;
end
$$;

drop function pgscore._scaled_sum(terms pgscore.bare_term[], intercept double precision, total double precision, least_weight double precision);

create function pgscore._scaled_sum(
    terms pgscore.bare_term[], intercept double precision, total double precision, least_weight double precision, link text
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    r pgscore.bare_register := pgscore._bare_register('n', null, 3 * cardinality(terms), null, null, null, false);
    scale double precision;
    term pgscore.bare_term;
begin
    if total is null or not total < l.most_wild_total or not abs(intercept) < l.most_wild_total
        or not least_weight > l.least_tame_weight
    then
        return null;
    end if;
    r.is_wild := true;
    -- A thousandth is left for the intercept, and for rounding.
    r.power := greatest(0, ceil(log('2'::numeric, greatest(total, 0.5)::numeric * 1.001)));
    -- What a logistic link takes is the negative, which is for nothing here.
    scale := power('2'::double precision, -r.power) * case link when 'logistic' then -1 else 1 end;
    r.expression := pgscore._literal_sql(pgscore._multiply(intercept, scale));
    foreach term in array terms loop
        r.expression := r.expression || pgscore._addend_sql(term.expression, pgscore._multiply(term.weight, scale));
    end loop;
    return r;
end
$$;

comment on function pgscore._scaled_sum(pgscore.bare_term[], double precision, double precision, double precision, text) is
    'A sum that may read wild registers, scaled down by a power of two until no row overflows it, and negative for a logistic link; NULL where there is none';

create or replace function pgscore._bare_wild_sum(
    program jsonb, step jsonb, arguments text[], registers pgscore.bare_register[]
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    of constant integer[] := translate((step -> 'of')::text, '[]', '{}')::integer[];
    weights constant double precision[] := translate((step -> 'weights')::text, '[]', '{}')::double precision[];
    intercept double precision := (step -> 'intercept')::double precision;
    -- Each score of these is what a logistic link makes of its sum.
    link constant text := case when program ->> 'link' in ('expit', 'one_vs_all') then 'logistic' else program ->> 'link' end;
    -- In units of the largest double, beside which the intercept is nothing.
    total double precision := 0;
    least_weight double precision := 1;
    terms pgscore.bare_term[] := '{}';
    -- For each input whether it is read, NULL where it is not, and whether it is read as it was given.
    plain boolean[] := array_fill(null::boolean, array[jsonb_array_length(program -> 'inputs')]);
    may_miss boolean := false;
    r pgscore.bare_register;
    term pgscore.bare_term;
begin
    for number in 1 .. cardinality(of) loop
        r := registers[of[number] + 1];
        term := case
            when r.is_wild then pgscore._wild_term(r, weights[number], arguments[r.input + 1])
            else pgscore._tame_term(r, weights[number])
        end;
        if term.expression is null then
            return null;
        end if;
        intercept := intercept + term.constant;
        total := total + term.magnitude;
        if r.is_wild then
            plain[r.input + 1] := term.is_plain or coalesce(plain[r.input + 1], false);
        end if;
        if term.is_plain then
            least_weight := least(least_weight, abs(term.weight));
        end if;
        terms := terms || term;
        may_miss := may_miss or r.may_miss;
    end loop;
    -- Nothing shows what an input is that the sum does not read.
    if exists (select from unnest(registers) as w where w.input is not null and plain[w.input + 1] is null) then
        return null;
    end if;
    r := pgscore._scaled_sum(terms, intercept, total, least_weight, link);
    if r.kind is not null then
        r.may_miss := may_miss;
        r.wraps := pgscore._wraps_sql(plain, link, r.power, least_weight);
    end if;
    return r;
end
$$;

-- core/program/bare/links.sql
create function pgscore._read_size(step jsonb, registers pgscore.bare_register[]) returns bigint
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    size bigint := 0;
    number integer;
begin
    if jsonb_typeof(step -> 'of') = 'array' then
        foreach number in array translate((step -> 'of')::text, '[]', '{}')::integer[] loop
            size := size + (registers[number + 1]).size;
        end loop;
    end if;
    return size;
end
$$;

comment on function pgscore._read_size(jsonb, pgscore.bare_register[]) is
    'How large the SQL is of the list of registers that a step reads, before it is put together';

create function pgscore._hides_doubt(step jsonb, registers pgscore.bare_register[]) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select (step ->> 'step' in ('fill', 'missing', 'lookup', 'trees')
        or step ->> 'step' = 'piecewise' and step -> 'missing' <> 'null') and exists (
        select from jsonb_array_elements(
            case jsonb_typeof(step -> 'of') when 'array' then step -> 'of' else jsonb_build_array(step -> 'of') end
        ) as o (register)
        where (registers[o.register::integer + 1]).kind = 'u'
    )
$$;

comment on function pgscore._hides_doubt(jsonb, pgscore.bare_register[]) is
    'Whether a step makes something of NULL, and reads a register that is NULL where it is not sure';

create function pgscore._bare_limited(r pgscore.bare_register, most double precision) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if r.low > -most and r.high < most then
        return r;
    end if;
    r.expression := format(
        'pgscore._nullif(pgscore._nullif(pg_catalog.float8smaller(pg_catalog.float8larger(%1$s, %2$s), %3$s), %2$s), %3$s)',
        r.expression, pgscore._literal_sql(-most), pgscore._literal_sql(most)
    );
    r.kind := 'u';
    r.may_miss := true;
    r.low := least(greatest(r.low, -most), most);
    r.high := least(greatest(r.high, -most), most);
    r.size := r.size + 4;
    return r;
end
$$;

comment on function pgscore._bare_limited(pgscore.bare_register, double precision) is
    'A register that may go beyond these ends, within them: elsewhere it is NULL, and the row the careful function''s';

create function pgscore._bare_exp(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- What is raised to more is not ordinary, and would leave no room for what follows.
    r := pgscore._bare_limited(r, 300);
    r.expression := format('pg_catalog.exp(%s)', r.expression);
    r.low := exp(r.low) / 2;
    r.high := exp(r.high) * 2;
    r.small := r.low;
    r.size := r.size + 1;
    return r;
end
$$;

comment on function pgscore._bare_exp(pgscore.bare_register) is 'The register of exp()';

create function pgscore._bare_expit(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
begin
    r := pgscore._bare_limited(r, l.most_exponent);
    r.expression := format(
        '(%1$s operator(pg_catalog./) (%1$s operator(pg_catalog.+) pg_catalog.exp(operator(pg_catalog.-) %2$s)))',
        pgscore._literal_sql(1), r.expression
    );
    r.small := exp(least(r.low, 0)) / 4;
    r.low := 0;
    r.high := 1;
    r.size := r.size + 4;
    return r;
end
$$;

comment on function pgscore._bare_expit(pgscore.bare_register) is 'The register of 1 / (1 + exp(-z))';

create function pgscore._bare_complement(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
begin
    r.expression := format('(%s operator(pg_catalog.-) %s)', pgscore._literal_sql(1), r.expression);
    r.low := 0;
    r.high := 1;
    r.small := l.half_ulp;
    r.size := r.size + 1;
    return r;
end
$$;

comment on function pgscore._bare_complement(pgscore.bare_register) is 'The register of 1 - p, of one from 0 to 1';

create function pgscore._bare_sign(r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- What is missing is not above 0; what is not sure stays so.
    r.expression := format(
        case
            when r.kind = 'u' or not r.may_miss then '(%s operator(pg_catalog.>) %s)::pg_catalog.int4::pg_catalog.float8'
            else '((%s operator(pg_catalog.>) %s) is true)::pg_catalog.int4::pg_catalog.float8'
        end,
        r.expression, pgscore._literal_sql(0)
    );
    r.may_miss := r.kind = 'u';
    r.low := 0;
    r.high := 1;
    r.small := 1;
    r.size := r.size + 2;
    return r;
end
$$;

comment on function pgscore._bare_sign(pgscore.bare_register) is 'The register that is 1 where another is above 0, else 0';

create function pgscore._bare_shared_link(
    link text, of pgscore.bare_register[], most_nodes bigint
) returns pgscore.bare_register[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    is_sure constant boolean := not exists (select from unnest(of) as o where o.kind = 'u');
    size constant bigint := (select sum(o.size) + 4 from unnest(of) as o);
    given constant text := (
        select string_agg(o.expression, ', ' order by o.ordinal)
        from unnest(of) with ordinality as o (
            kind, expression, size, low, high, small, may_miss, is_wild, input, shift, factor, plus, power, wraps, ordinal
        )
    );
    r pgscore.bare_register;
    answers pgscore.bare_register[] := '{}';
begin
    -- Each output computes all scores. And argmax takes NULL for the largest.
    if size * cardinality(of) > most_nodes or link = 'argmax' and not is_sure then
        return null;
    end if;
    for number in 1 .. cardinality(of) loop
        r := pgscore._bare_register(
            'n', format('(pgscore._outputs(%L, array[%s]))[%s]', link, given, number), size, 0, 1, l.smallest_double,
            link <> 'argmax'
        );
        if link = 'normalize' then
            r.low := '-Infinity';
            r.high := 'Infinity';
            r := pgscore._bare_limited(r, '1e150');
        elsif not is_sure then
            r.kind := 'u';
        end if;
        answers := answers || r;
    end loop;
    return answers;
end
$$;

comment on function pgscore._bare_shared_link(text, pgscore.bare_register[], bigint) is
    'The registers of a link whose outputs read all scores; NULL where they are not safe, or larger than most_nodes together';

create function pgscore._bare_link(
    step jsonb, registers pgscore.bare_register[], most_nodes bigint
) returns pgscore.bare_register[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    link constant text := step ->> 'link';
    of pgscore.bare_register[] := '{}';
    r pgscore.bare_register;
    number integer;
    answers pgscore.bare_register[] := '{}';
begin
    foreach number in array translate((step -> 'of')::text, '[]', '{}')::integer[] loop
        r := registers[number + 1];
        if r.is_wild or r.size > most_nodes then
            return null;
        end if;
        of := of || r;
    end loop;
    if link in ('softmax', 'one_vs_rest', 'argmax', 'normalize') then
        return pgscore._bare_shared_link(link, of, most_nodes);
    end if;
    foreach r in array of loop
        r := case link
            when 'identity' then r
            when 'exp' then pgscore._bare_exp(r)
            when 'square_signed' then pgscore._bare_signed_square(r)
            when 'sign' then pgscore._bare_sign(r)
            else pgscore._bare_expit(r)
        end;
        if r.kind is null then
            return null;
        elsif link in ('logistic', 'sign') then
            answers := answers || pgscore._bare_complement(r);
        end if;
        answers := answers || r;
    end loop;
    return answers;
end
$$;

comment on function pgscore._bare_link(jsonb, pgscore.bare_register[], bigint) is
    'The registers of a link step; NULL where they are not safe, or larger than most_nodes';

-- core/program/bare/formulas.sql
create function pgscore._reach(r pgscore.bare_register, center double precision default 0) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select greatest(abs(pgscore._add(r.low, -center)), abs(pgscore._add(r.high, -center)))
$$;

comment on function pgscore._reach(pgscore.bare_register, double precision) is
    'How far a register can be from a number';

create function pgscore._bare_multiplied(
    r pgscore.bare_register, of pgscore.bare_register[]
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    -- So that the product stays below 1e140.
    most_factor constant double precision := power('10'::double precision, 140.0 / cardinality(of));
    most double precision := 1;
    small double precision := 1;
    factors text[] := '{}';
    factor pgscore.bare_register;
begin
    foreach factor in array of loop
        most := pgscore._multiply(most, pgscore._reach(factor));
        small := pgscore._multiply(small, factor.small);
        factor := pgscore._bare_limited(factor, most_factor);
        factors := factors || factor.expression;
        r.kind := case when factor.kind = 'u' then 'u' else r.kind end;
    end loop;
    if small >= l.least_product then
        r.expression := '(' || array_to_string(factors, ' operator(pg_catalog.*) ') || ')';
        r.small := small;
        r.size := r.size + 4 * cardinality(of);
        most := least(most, '1e140');
    end if;
    r.high := coalesce(most, 'Infinity');
    return r;
end
$$;

comment on function pgscore._bare_multiplied(pgscore.bare_register, pgscore.bare_register[]) is
    'The register of a product: multiplied with the operator where that cannot raise, NULL where factors are far from 0';

create function pgscore._piecewise_reach(step jsonb, r pgscore.bare_register) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with knots as (
        select array(select k.value::double precision from jsonb_array_elements(step -> 'knots') with ordinality as k (value, ordinal) order by k.ordinal) as at
    ),
    pieces as (
        select
            p.ordinal, p.value,
            case p.ordinal
                when 1 then greatest(pgscore._add(k.at[1], -r.low), 0)
                when cardinality(k.at) + 1 then greatest(pgscore._add(r.high, -k.at[cardinality(k.at)]), 0)
                else pgscore._add(k.at[p.ordinal], -k.at[p.ordinal - 1])
            end as width
        from jsonb_array_elements(step -> 'coefficients') with ordinality as p (value, ordinal), knots k
        where jsonb_typeof(p.value) = 'array'
    ),
    terms as (
        select
            p.ordinal,
            pgscore._multiply(
                abs(c.value::double precision),
                pgscore._product(array_fill(p.width, array[greatest(c.ordinal::integer - 1, 1)]))
            ) as beyond,
            abs(c.value::double precision) as plain, c.ordinal as power
        from pieces p, jsonb_array_elements(p.value) with ordinality as c (value, ordinal)
    ),
    sums as (
        -- There are not so many that they overflow.
        select sum(least(case t.power when 1 then t.plain else coalesce(t.beyond, 'Infinity') end, '1e300')) as most
        from terms t group by t.ordinal
    )
    select greatest(
        coalesce((select max(s.most) from sums s), 0), coalesce(abs((nullif(step -> 'missing', 'null'))::double precision), 0)
    )
$$;

comment on function pgscore._piecewise_reach(jsonb, pgscore.bare_register) is
    'How far from 0 a piecewise step of a register can be; 1e300 and more where that is not known';

create function pgscore._quadratic_reach(step jsonb, of pgscore.bare_register[]) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    total double precision := 0;
    distance double precision;
    size double precision;
begin
    -- No entry of the matrix is larger, nor are there more.
    size := case when step ? 'matrix' then (
        select max(abs(e.value::double precision)) from jsonb_array_elements(pgscore._flat(step -> 'matrix')) as e (value)
    ) else 1 end;
    for number in 1 .. cardinality(of) loop
        distance := pgscore._multiply(size, pgscore._reach(of[number], (step -> 'center' -> (number - 1))::double precision));
        total := pgscore._add(total, distance);
    end loop;
    -- A row's sum is at most that.
    total := pgscore._multiply(total, total);
    if step ? 'matrix' then
        total := pgscore._multiply(total, jsonb_array_length(step -> 'matrix'));
    end if;
    return coalesce(total, 'Infinity');
end
$$;

comment on function pgscore._quadratic_reach(jsonb, pgscore.bare_register[]) is
    'How large a quadratic step of registers can be';

create function pgscore._kernel_reach(step jsonb) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when step ->> 'kernel' = 'poly' or step ->> 'kernel' = 'rbf' and (step -> 'gamma')::double precision < 0 then 'Infinity'
        -- There are not so many that they overflow.
        else least(abs((step -> 'intercept')::double precision), '1e300') + (
            select sum(least(abs(c.value::double precision), '1e300'))
            from jsonb_array_elements(step -> 'coefficients') as c (value)
        )
    end
$$;

comment on function pgscore._kernel_reach(jsonb) is 'How far from 0 a kernel step can be';

create function pgscore._kernel_may_miss(step jsonb, of pgscore.bare_register[]) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with widest as (
        select c.ordinal::integer as number, max(abs(c.value::double precision)) as size
        from jsonb_array_elements(step -> 'vectors') as v (value),
            jsonb_array_elements(v.value) with ordinality as c (value, ordinal)
        group by c.ordinal
    )
    -- Infinite terms of a product can cancel each other. Distances are infinite at most, which only a gamma of 0 minds.
    -- A vector has no more than a million terms.
    select case
        when step ->> 'kernel' <> 'rbf' then exists (
            select from widest w where (pgscore._multiply(pgscore._reach(of[w.number]), w.size) < '1e302') is not true
        )
        when (step -> 'gamma')::double precision = 0 then exists (
            select from widest w where not pgscore._add(pgscore._reach(of[w.number]), w.size) < '1e150'
        )
        else false
    end
$$;

comment on function pgscore._kernel_may_miss(jsonb, pgscore.bare_register[]) is
    'Whether a kernel step of finite registers can be no number, because what it adds overflows';

create function pgscore._bare_formula(
    step jsonb, registers pgscore.bare_register[], most_nodes bigint
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    name constant text := step ->> 'step';
    read constant jsonb := case jsonb_typeof(step -> 'of') when 'array' then step -> 'of' else jsonb_build_array(step -> 'of') end;
    of pgscore.bare_register[] := '{}';
    given text[] := '{}';
    r pgscore.bare_register := pgscore._bare_register('n', null, 4, null, null, l.smallest_double, name = 'ratio');
    term pgscore.bare_register;
    number integer;
begin
    foreach number in array translate(read::text, '[]', '{}')::integer[] loop
        term := registers[number + 1];
        if term.is_wild then
            return null;
        end if;
        of := of || term;
        given := given || term.expression;
        r.size := r.size + term.size + 1;
        -- Of infinite numbers there may be none.
        r.may_miss := r.may_miss or term.may_miss or term.low = '-Infinity' or term.high = 'Infinity';
        r.kind := case when term.kind = 'u' then 'u' else r.kind end;
    end loop;
    if r.size > most_nodes then
        return null;
    end if;
    r.expression := pgscore._formula_sql(step, given);
    case name
        when 'product' then
            r := pgscore._bare_multiplied(r, of);
        when 'ratio' then
            r.high := 'Infinity';
        when 'piecewise' then
            r.high := pgscore._piecewise_reach(step, of[1]);
            r.may_miss := r.may_miss or step -> 'coefficients' @> '[null]';
        when 'quadratic' then
            r.high := pgscore._quadratic_reach(step, of);
        when 'median' then
            -- A number that is missing has its place among the others, so without all of them it is not sure.
            r.high := (select max(pgscore._reach(o)) from unnest(of) as o);
            r.kind := case when r.may_miss then 'u' else r.kind end;
        when 'kernel' then
            r.high := pgscore._kernel_reach(step);
            r.may_miss := r.may_miss or pgscore._kernel_may_miss(step, of);
    end case;
    r.low := case name when 'quadratic' then 0 else -r.high end;
    -- What goes further leaves no room for what follows.
    return pgscore._bare_limited(r, '1e150');
end
$$;

comment on function pgscore._bare_formula(jsonb, pgscore.bare_register[], bigint) is
    'The register of a step that is a formula: product, ratio, piecewise, quadratic, median or kernel; NULL where it is not safe, or larger than most_nodes';

-- core/program/bare/program.sql
-- Interval arithmetic with the program's own operations: rounding is monotone, so where the ends do not overflow nothing
-- between them does. `small` is the least magnitude that a register has besides 0: a product with it must not underflow.
--
-- A register is wild where it is linear in an input that may be anything, NULL, NaN and infinity included. Such inputs
-- need no guard, because the one sum that may read them shows what they were: its weights are scaled down by a power of
-- two until no sum of doubles overflows, an added constant that is lost in rounding keeps their products from
-- underflowing, and a sum that is large, infinite, NaN or NULL is left to the careful function.
create or replace function pgscore._bare_scores(program jsonb, positive integer) returns integer[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    scores constant integer[] := translate((program -> 'scores')::text, '[]', '{}')::integer[];
begin
    return case program ->> 'link'
        when 'identity' then array[scores[coalesce(positive, 0) + 1]]
        when 'one_vs_all' then array[scores[coalesce(positive, 0) + 1]]
        when 'logistic' then array[scores[1]]
        when 'sign' then array[scores[1]]
        else scores
    end;
end
$$;

create or replace function pgscore._bare_linear_step(
    program jsonb, step jsonb, arguments text[], scores integer[], registers pgscore.bare_register[]
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    of constant integer[] := translate((step -> 'of')::text, '[]', '{}')::integer[];
begin
    if cardinality(of) > l.most_terms then
        return null;
    end if;
    for number in 1 .. cardinality(of) loop
        if (registers[of[number] + 1]).is_wild then
            -- Only the sum that is the score: what follows it would have to know of its power.
            return case
                when program ->> 'link' in ('identity', 'logistic', 'sign', 'exp', 'expit', 'one_vs_all')
                    and scores = array[cardinality(registers)]
                then
                    pgscore._bare_wild_sum(program, step, arguments, registers)
            end;
        end if;
    end loop;
    return pgscore._bare_linear(step, registers);
end
$$;

create or replace function pgscore._bare_step(
    program jsonb, step jsonb, arguments text[], scores integer[], registers pgscore.bare_register[], most_nodes bigint
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    name constant text := step ->> 'step';
    r pgscore.bare_register;
begin
    if pgscore._hides_doubt(step, registers) or pgscore._read_size(step, registers) > most_nodes then
        return null;
    elsif jsonb_typeof(step -> 'of') = 'number' then
        r := registers[(step -> 'of')::integer + 1];
        if r.is_wild and name <> 'affine' then
            return null;
        end if;
    end if;
    r := case name
        when 'affine' then pgscore._bare_affine(step, r)
        when 'clip' then pgscore._bare_clip(step, r)
        when 'function' then pgscore._bare_function(step, r)
        when 'fill' then pgscore._bare_fill(step, r)
        when 'missing' then pgscore._bare_missing(r)
        when 'lookup' then pgscore._bare_lookup(step, r, most_nodes)
        when 'linear' then pgscore._bare_linear_step(program, step, arguments, scores, registers)
        else pgscore._bare_formula(step, registers, most_nodes)
    end;
    -- The steps whose values can grow.
    if r.size > most_nodes
        or not r.is_wild and (name in ('affine', 'linear') or step ->> 'name' = 'square')
        and (coalesce(r.low, '-Infinity') <= -l.most_result or coalesce(r.high, 'Infinity') >= l.most_result)
    then
        return null;
    end if;
    return r;
end
$$;

create or replace function pgscore._bare_registers(
    program jsonb, arguments text[], scores integer[], wild_ones boolean, box double precision
) returns pgscore.bare_register[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most_nodes constant bigint := 4 * pgscore._program_size(program) + 1000;
    registers pgscore.bare_register[] := pgscore._bare_inputs(program -> 'inputs', arguments, wild_ones, box);
    added pgscore.bare_register[];
    r pgscore.bare_register;
    step jsonb;
begin
    if registers is null then
        return null;
    end if;
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        if step ->> 'step' = 'trees' then
            added := case
                when not pgscore._hides_doubt(step, registers) then
                    pgscore._bare_trees(program, step, scores, registers, most_nodes)
            end;
        elsif step ->> 'step' = 'link' then
            added := pgscore._bare_link(step, registers, most_nodes);
        else
            r := pgscore._bare_step(program, step, arguments, scores, registers, most_nodes);
            added := case when r.kind is not null then array[r] end;
        end if;
        if added is null then
            return null;
        end if;
        foreach r in array added loop
            registers := registers || r;
        end loop;
    end loop;
    return registers;
end
$$;

create function pgscore._is_read(program jsonb, register integer) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    reached integer[] := translate((program -> 'scores')::text, '[]', '{}')::integer[];
    kinds text := repeat('n', jsonb_array_length(program -> 'inputs'));
    firsts integer[] := '{}';
    step jsonb;
begin
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        firsts := firsts || length(kinds);
        kinds := kinds || pgscore._step_kinds(step, kinds);
    end loop;
    for number in reverse cardinality(firsts) .. 1 loop
        step := program -> 'steps' -> number - 1;
        if exists (
            select from unnest(reached) as r (register)
            where r.register >= firsts[number] and r.register < coalesce(firsts[number + 1], length(kinds))
        ) then
            reached := reached || ('{' || translate(step ->> 'of', '[]', '') || '}')::integer[];
        end if;
    end loop;
    return register = any (reached);
end
$$;

comment on function pgscore._is_read(jsonb, integer) is 'Whether a register of a valid program is a score, or what one is made of';

create function pgscore._meets_requirements(program jsonb, registers pgscore.bare_register[]) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted record;
    r pgscore.bare_register;
begin
    for wanted in
        select q.* from jsonb_to_recordset(coalesce(program -> 'require', '[]'))
            as q ("of" integer, nullable boolean, minimum double precision, maximum double precision)
    loop
        r := registers[wanted."of" + 1];
        if r.is_wild or coalesce(r.may_miss, true) and not wanted.nullable and r.kind = 'n'
            or coalesce(r.low, '-Infinity') < wanted.minimum or coalesce(r.high, 'Infinity') > wanted.maximum
            -- NULL where it is not sure shows in the score, where that reads it.
            or r.kind = 'u' and not pgscore._is_read(program, wanted."of")
        then
            return false;
        end if;
    end loop;
    return true;
end
$$;

comment on function pgscore._meets_requirements(jsonb, pgscore.bare_register[]) is
    'Whether no row that passes the guard can have a register beyond what the program requires, or its score is NULL';

drop function pgscore._bare_ended_sql(expression text, link text, factor double precision, is_limited boolean);

create function pgscore._bare_ended_sql(
    expression text, link text, factor double precision, is_limited boolean, is_negative boolean
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    most constant double precision := case when link in ('logistic', 'exp') then l.most_exponent else l.most_score end;
    upper_end constant text := pgscore._literal_sql(most / factor);
    lower_end constant text := pgscore._literal_sql(-most / factor);
    e text := expression;
begin
    if is_limited then
        -- Beyond these ends, NaN with the upper one, it is the careful function's turn: it gets what is NULL.
        e := format('pg_catalog.float8smaller(pg_catalog.float8larger(%s, %s), %s)', e, lower_end, upper_end);
    end if;
    if link in ('logistic', 'exp') then
        e := case
            when factor = 1 and (link = 'exp' or is_negative) then format('pg_catalog.exp(%s)', e)
            when factor = 1 then format('pg_catalog.exp(operator(pg_catalog.-) %s)', e)
            else format(
                'pg_catalog.exp(%s operator(pg_catalog.*) %s)', e,
                pgscore._literal_sql(case when link = 'exp' or is_negative then factor else -factor end)
            )
        end;
        if is_limited then
            e := format(
                'pgscore._nullif(pgscore._nullif(%s, pg_catalog.exp(%s)), pg_catalog.exp(%s))',
                e, pgscore._literal_sql(most), pgscore._literal_sql(-most)
            );
        end if;
        if link = 'logistic' then
            e := format('%1$s operator(pg_catalog./) (%1$s operator(pg_catalog.+) %2$s)', pgscore._literal_sql(1), e);
        end if;
    elsif is_limited then
        e := format('pgscore._nullif(pgscore._nullif(%s, %s), %s)', e, upper_end, lower_end);
        if link = 'identity' and factor <> 1 then
            e := format('%s operator(pg_catalog.*) %s', e, pgscore._literal_sql(factor));
        end if;
    end if;
    return e;
end
$$;

comment on function pgscore._bare_ended_sql(text, text, double precision, boolean, boolean) is
    'SQL for a score register over a factor, or for its negative one, linked unless the link is sign; where it is limited, NULL beyond the ends';

create or replace function pgscore._bare_score_sql(
    link text, positive integer, r pgscore.bare_register
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    e text := pgscore._bare_ended_sql(
        r.expression, link, power('2'::double precision, coalesce(r.power, 0)),
        r.power is not null
            or link in ('logistic', 'exp') and (r.low < -l.most_exponent or r.high > l.most_exponent),
        r.power is not null and link = 'logistic'
    );
begin
    if link = 'sign' then
        e := format('(%s operator(pg_catalog.>) %s)::pg_catalog.int4::pg_catalog.float8', e, pgscore._literal_sql(0));
    end if;
    if link in ('logistic', 'sign') and positive = 0 then
        e := format('%s operator(pg_catalog.-) (%s)', pgscore._literal_sql(1), e);
    end if;
    return e;
end
$$;

create or replace function pgscore._program_bare_sql(
    program jsonb, positive integer, arguments text[], wild_ones boolean, box double precision
) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    link constant text := program ->> 'link';
    scores constant integer[] := pgscore._bare_scores(program, positive);
    registers constant pgscore.bare_register[] := pgscore._bare_registers(program, arguments, scores, wild_ones, box);
    r pgscore.bare_register;
    answer pgscore.bare_expression;
begin
    if registers is null or not pgscore._meets_requirements(program, registers) then
        return null;
    elsif link in ('identity', 'logistic', 'sign', 'exp', 'expit', 'one_vs_all') then
        r := registers[scores[1] + 1];
        answer.expression := case
            when link in ('expit', 'one_vs_all') then pgscore._bare_score_sql('logistic', 1, r)
            else pgscore._bare_score_sql(link, positive, r)
        end;
    elsif link = 'argmax' and exists (select from unnest(scores) as s (register) where (registers[s.register + 1]).kind = 'u') then
        -- It takes NULL for the largest.
        return null;
    else
        answer.expression := format(
            '(pgscore._outputs(%L, array[%s]))[%s]', link,
            (
                select string_agg((registers[s.register + 1]).expression, ', ' order by s.ordinal)
                from unnest(scores) with ordinality as s (register, ordinal)
            ),
            coalesce(positive, 0) + 1
        );
    end if;
    if r.power is null and exists (select from unnest(registers) as w where w.is_wild) then
        -- No sum shows what these inputs are.
        return null;
    end if;
    answer.guard := pgscore._guard_sql(program -> 'inputs', registers);
    answer.wraps := coalesce(r.wraps, array_fill(null::text, array[jsonb_array_length(program -> 'inputs')]));
    return answer;
end
$$;

-- core/program/bare/stepwise.sql
-- Where registers are read by several steps, an expression repeats them until it is too large: layers of a neural network,
-- outputs of a link over ensembles. Then each register is a variable of a function in PL/pgSQL.
create function pgscore._is_repeated(program jsonb) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most_nodes constant bigint := 4 * pgscore._program_size(program) + 1000;
    sizes bigint[] := array_fill(1::bigint, array[jsonb_array_length(program -> 'inputs')]);
    kinds text := repeat('n', jsonb_array_length(program -> 'inputs'));
    step jsonb;
    size bigint;
    number integer;
    added text;
begin
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        size := 1;
        if step ->> 'step' <> 'trees' then
            foreach number in array ('{' || translate(step ->> 'of', '[]', '') || '}')::integer[] loop
                size := size + sizes[number + 1];
            end loop;
        end if;
        if size > most_nodes then
            return true;
        end if;
        added := pgscore._step_kinds(step, kinds);
        kinds := kinds || added;
        sizes := sizes || array_fill(size, array[length(added)]);
    end loop;
    return false;
end
$$;

comment on function pgscore._is_repeated(jsonb) is
    'Whether a valid program''s steps are read so often that no expression serves, whatever else there is';

create function pgscore._stepwise_register(r pgscore.bare_register, number integer) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if r.expression is not null then
        r.expression := 'r' || number;
        r.size := 1;
    end if;
    return r;
end
$$;

comment on function pgscore._stepwise_register(pgscore.bare_register, integer) is
    'A register as those behind it read it: by its variable, which has this number';

create function pgscore._stepwise_body_sql(
    program jsonb, score integer, registers pgscore.bare_register[]
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most_nodes constant bigint := 4 * pgscore._program_size(program) + 1000;
    variables text[] := '{}';
    statements text[] := '{}';
    added pgscore.bare_register[];
    r pgscore.bare_register;
    step jsonb;
begin
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        if step ->> 'step' = 'link' then
            added := pgscore._bare_link(step, registers, most_nodes);
        elsif step ->> 'step' <> 'trees' then
            r := pgscore._bare_step(program, step, '{}', array[score], registers, most_nodes);
            added := case when r.kind is not null then array[r] end;
        elsif not pgscore._hides_doubt(step, registers) then
            added := pgscore._bare_trees(program, step, array[score], registers, most_nodes);
        else
            added := null;
        end if;
        if added is null then
            return null;
        end if;
        foreach r in array added loop
            if r.expression is not null then
                variables := variables || format(
                    '    r%s %s;', cardinality(registers), case r.kind when 't' then 'pg_catalog.text' else 'pg_catalog.float8' end
                );
                statements := statements || format('    r%s := %s;', cardinality(registers), r.expression);
            end if;
            registers := registers || pgscore._stepwise_register(r, cardinality(registers));
        end loop;
    end loop;
    if not pgscore._meets_requirements(program, registers) then
        return null;
    end if;
    return format(
        E'declare\n%s\nbegin\n%s\n    return r%s;\nend', array_to_string(variables, E'\n'), array_to_string(statements, E'\n'), score
    );
end
$$;

comment on function pgscore._stepwise_body_sql(jsonb, integer, pgscore.bare_register[]) is
    'The body of a function in PL/pgSQL that gives a register of a program, from the registers of its inputs; NULL where a step is not safe';

create function pgscore._stepwise_sql(program jsonb, positive integer, arguments text[]) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- The link is one more step.
    linked constant jsonb := program || jsonb_build_object(
        'steps', program -> 'steps' || jsonb_build_object('step', 'link', 'of', program -> 'scores', 'link', program -> 'link')
    );
    inputs constant integer := jsonb_array_length(program -> 'inputs');
    kinds text := repeat('n', inputs);
    step jsonb;
    box double precision;
    registers pgscore.bare_register[];
    answer pgscore.bare_expression;
begin
    if inputs > 100 then
        return null;
    end if;
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        kinds := kinds || pgscore._step_kinds(step, kinds);
    end loop;
    foreach box in array '{Infinity,1e300,1e150,1e100,1e30}'::double precision[] loop
        registers := pgscore._bare_inputs(program -> 'inputs', arguments, false, box);
        if registers is not null then
            answer.expression := pgscore._stepwise_body_sql(linked, length(kinds) + coalesce(positive, 0), registers);
        end if;
        exit when answer.expression is not null;
    end loop;
    if answer.expression is not null then
        answer.guard := pgscore._guard_sql(program -> 'inputs', registers);
        answer.wraps := array_fill(null::text, array[inputs]);
    end if;
    return answer;
end
$$;

comment on function pgscore._stepwise_sql(jsonb, integer, text[]) is
    'The same as a bare expression, which is the body of a function in PL/pgSQL here; without one where there is none';

create function pgscore._is_stepwise(bare pgscore.bare_expression) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(bare.expression like 'declare%', false)
$$;

comment on function pgscore._is_stepwise(pgscore.bare_expression) is 'Whether it is the body of a function';

-- core/program/scorer.sql
create function pgscore._without_decision(program jsonb) returns jsonb
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    found jsonb := program - 'decide';
    -- What the steps define, and of each where that begins.
    kinds text := repeat('n', jsonb_array_length(program -> 'inputs'));
    firsts integer[] := '{}';
    last constant integer := (
        select max(r.register::integer) from (
            select jsonb_array_elements_text(program -> 'scores')
            union all select q.required ->> 'of' from jsonb_array_elements(coalesce(program -> 'require', '[]')) as q (required)
        ) as r (register)
    );
    step jsonb;
begin
    if not program ? 'decide' then
        return program;
    end if;
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        firsts := firsts || length(kinds);
        kinds := kinds || pgscore._step_kinds(step, kinds);
    end loop;
    for number in reverse cardinality(firsts) .. 1 loop
        exit when firsts[number] <= last;
        found := found #- array['steps', (number - 1)::text];
    end loop;
    return found;
end
$$;

comment on function pgscore._without_decision(jsonb) is
    'A valid program without what decides of its label, and the last steps that are there for that alone';

create or replace function pgscore._program_best_bare_sql(program jsonb, positive integer, arguments text[]) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    scored constant jsonb := pgscore._without_decision(program);
    attempt record;
    found pgscore.bare_expression;
begin
    for attempt in
        select a.* from (values
            (1, true, 'Infinity'::double precision), (2, true, '1e300'), (3, false, 'Infinity'), (4, false, '1e300'),
            (5, false, '1e150'), (6, false, '1e100'), (7, false, '1e30')
        ) as a (ordinal, wild_ones, box)
        where not pgscore._is_repeated(scored)
        order by a.ordinal
    loop
        found := pgscore._program_bare_sql(scored, positive, arguments, attempt.wild_ones, attempt.box);
        exit when found.expression is not null;
    end loop;
    if found.expression is null then
        found := pgscore._stepwise_sql(scored, positive, arguments);
    end if;
    return found;
end
$$;

comment on function pgscore._program_best_bare_sql(jsonb, integer, text[]) is
    'The SQL that guards least among those that serve, else the body of a function; without an expression where none does';

comment on function pgscore._scorer_name(text, integer, text) is
    'A function or type of a version: no suffix: the score; b: bare; of a large program e: the expression, w: its trees walked; p: all outputs; r: the reasons; c: what reason codes are ranked by; i: the type of its inputs';

grant execute on function pgscore._scorer_name(text, integer, text) to pgscore_reader;

create or replace function pgscore._scan_call_typed_sql(
    model text, version integer, program jsonb, positive integer, arguments text[], ordinary boolean[]
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    call constant text := pgscore._scorer_call_typed_sql(model, version, program, positive, arguments, ordinary);
begin
    -- In a small ensemble's time the call shows, by a quarter; in a large one's it does not.
    if not pgscore._is_apart(program) or pgscore._program_size(program) > 3000
        or position(pgscore._scorer_name(model, version, 'b') in call) = 0
        or pgscore._is_stepwise(pgscore._program_best_bare_sql(program, positive, arguments))
    then
        return call;
    end if;
    return format(
        E'case when pgscore._is_compiling()\n    then %s\n    else %s\nend', call,
        pgscore._scorer_call_typed_sql(model, version, program, positive, arguments, ordinary, 'e')
    );
end
$$;

create or replace function pgscore._scorer_expression_sql(
    model text, version integer, program jsonb, positive integer, bare pgscore.bare_expression, careful_call text,
    arguments text[], ordinary boolean[] default null, suffix text default 'b'
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wrapped constant text[] := array(
        select case when w.wrap is null or w.ordinary then w.argument else format(w.wrap, w.argument) end
        from unnest(bare.wraps, arguments, ordinary) with ordinality as w (wrap, argument, ordinary, ordinal)
        order by w.ordinal
    );
    call text;
begin
    if bare.expression is null then
        return careful_call;
    elsif jsonb_array_length(program -> 'inputs') <= 100 then
        call := format('%s(%s)', pgscore._scorer_name(model, version, suffix), array_to_string(wrapped, ', '));
    elsif wrapped = arguments then
        call := bare.expression;
    else
        -- A row as the argument would be copied into each reference to one of its fields.
        call := (pgscore._program_best_bare_sql(program, positive, wrapped)).expression;
    end if;
    if bare.guard is not null then
        call := format('case when %s then %s end', bare.guard, call);
    end if;
    if suffix = 'w' or careful_call is null then
        return call;
    end if;
    -- What is NULL is missing or refused, or out of the ordinary.
    return format('coalesce(%s, %s)', call, careful_call);
end
$$;

comment on function pgscore._scorer_expression_sql(text, integer, jsonb, integer, pgscore.bare_expression, text, text[], boolean[], text) is
    'SQL for a score: the bare expression, or the function with that suffix, where the guard lets a row pass and it is sure, else the careful call; with w, or without a careful call, NULL there, for who asks in a second statement. An ordinary argument is not wrapped';

drop function pgscore._scorer_call_typed_sql(model text, version integer, program jsonb, positive integer, arguments text[], ordinary boolean[], suffix text);

create function pgscore._scorer_call_typed_sql(
    model text, version integer, program jsonb, positive integer, arguments text[], ordinary boolean[], suffix text default 'b', is_brief boolean default false
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    bare constant pgscore.bare_expression := pgscore._program_best_bare_sql(program, positive, arguments);
begin
    return pgscore._scorer_expression_sql(
        model, version, program, positive, bare,
        case when bare.expression is null or not is_brief then format(
            '(%s)[%s]',
            pgscore._scorer_call_sql(model, version, jsonb_array_length(program -> 'inputs'), arguments, true),
            coalesce(positive, 0) + 1
        ) end,
        arguments, ordinary, suffix
    );
end
$$;

comment on function pgscore._scorer_call_typed_sql(text, integer, jsonb, integer, text[], boolean[], text, boolean) is
    'The same as the score''s call, with less work where an argument is ordinary: of an integer type, boolean or real. For string bodies; past 100 inputs much faster than the call';

create or replace function pgscore._has_walked(model text, version integer) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- By an index: to look at all functions would cost more with each version in the registry.
    select exists (
        select from pg_catalog.pg_proc p
        where p.pronamespace = 'pgscore_models'::regnamespace and p.proname = format('_%s %sw', model, version)::name
    )
$$;

create function pgscore._has_expression(model text, version integer) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_catalog.pg_proc p
        where p.pronamespace = 'pgscore_models'::regnamespace and p.proname = format('_%s %se', model, version)::name
    )
$$;

comment on function pgscore._has_expression(text, integer) is
    'Whether a version has a function for the expression of its score alone: large programs do whose score is one';

create or replace function pgscore._drop_scorer(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    doomed record;
begin
    -- The score calls the others.
    for doomed in
        select p.oid::regprocedure as function
        from unnest(array['', 'b', 'e', 'w', 'p', 'r', 'c']) with ordinality as s (suffix, ordinal)
        join pg_catalog.pg_proc p on p.proname = format('_%s %s%s', model, version, s.suffix)::name
        where p.pronamespace = 'pgscore_models'::regnamespace
        order by s.ordinal
    loop
        execute format('drop function %s', doomed.function);
    end loop;
    execute format('drop type if exists %s', pgscore._scorer_name(model, version, 'i'));
end
$$;

create or replace function pgscore._create_scorer(model text, version integer, program jsonb, positive integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    composite constant boolean := jsonb_array_length(program -> 'inputs') > 100;
    is_apart constant boolean := pgscore._is_apart(program);
    scorer constant text := pgscore._scorer_name(model, version);
    bare_name constant text := pgscore._scorer_name(model, version, 'b');
    expression_name constant text := pgscore._scorer_name(model, version, 'e');
    walked_name constant text := pgscore._scorer_name(model, version, 'w');
    careful_name constant text := pgscore._scorer_name(model, version, 'p');
    type_name constant text := pgscore._scorer_name(model, version, 'i');
    posture constant text := 'immutable parallel safe';
    -- PL/pgSQL plans an expression once in a session, and JIT does not see it. Without a pinned path, which would cost
    -- more than the call: every name has its schema.
    inlined constant text := 'create or replace function %s(%s) returns pg_catalog.float8 language sql %s return %s';
    apart constant text := 'create or replace function %s(%s) returns pg_catalog.float8 language plpgsql %s as %L';
    apart_body constant text := E'begin\n    return %s;\nend';
    scored text;
    fields text;
    declared text;
    types text;
    arguments text[];
    given text;
    bare pgscore.bare_expression;
    walked pgscore.bare_expression;
    careful_call text;
    says constant text := format('Model "%s" version %s: ', model, version);
begin
    select
        string_agg(format('a%s %s', i.ordinal, i.type), ', ' order by i.ordinal),
        string_agg(i.type, ', ' order by i.ordinal),
        array_agg(case when composite then format('(a).a%s', i.ordinal) else 'a' || i.ordinal end order by i.ordinal)
    into fields, types, arguments
    from (
        select e.ordinal, case e.value ->> 'type' when 'text' then 'pg_catalog.text' else 'pg_catalog.float8' end as type
        from jsonb_array_elements(program -> 'inputs') with ordinality as e (value, ordinal)
    ) i;
    declared := fields;
    given := array_to_string(arguments, ', ');
    if composite then
        declared := 'a ' || type_name;
        types := type_name;
        given := 'a';
    end if;
    -- What stands there already is replaced while it is in use: nothing that calls it has to wait, or to be planned anew.
    if (case when composite and to_regtype(type_name) is null then true else to_regprocedure(format('%s(%s)', scorer, types)) is null end) then
        perform pgscore._drop_scorer(model, version);
        if composite then
            perform pgscore._create_inputs_type(type_name, fields, says || 'its inputs');
        end if;
    end if;

    execute format(
        'create or replace function %s(%s) returns pg_catalog.float8[] language plpgsql %s set search_path = pg_catalog, pg_temp as %L',
        careful_name, declared, posture, pgscore._careful_body_sql(program, arguments)
    );
    perform pgscore._publish_function(format('%s(%s)', careful_name, types), says || 'all outputs, NULL where there is none');
    careful_call := format('(%s(%s))[%s]', careful_name, given, coalesce(positive, 0) + 1);

    bare := pgscore._program_best_bare_sql(program, positive, arguments);
    if pgscore._is_stepwise(bare) then
        execute format(apart, bare_name, declared, posture, bare.expression);
    elsif bare.expression is not null and not composite then
        execute format(inlined, case when is_apart then expression_name else bare_name end, declared, posture, bare.expression);
        if is_apart then
            perform pgscore._publish_function(
                format('%s(%s)', expression_name, types), says || 'the expression of the score, for ordinary inputs only'
            );
            execute format(apart, bare_name, declared, posture, format(apart_body, format('%s(%s)', expression_name, given)));
            if pgscore._walked(program) is not null then
                walked := pgscore._program_best_bare_sql(pgscore._walked(program), positive, arguments);
            end if;
            if walked.expression is not null and not pgscore._is_stepwise(walked) then
                execute format(apart, walked_name, declared, posture, format(apart_body, walked.expression));
                perform pgscore._publish_function(
                    format('%s(%s)', walked_name, types), says || 'the score, for ordinary inputs only, without a plan to make'
                );
            end if;
        end if;
    end if;
    if bare.expression is not null and not composite then
        perform pgscore._publish_function(format('%s(%s)', bare_name, types), says || 'the score, for ordinary inputs only');
    end if;
    scored := pgscore._scorer_expression_sql(model, version, program, positive, bare, careful_call, arguments);
    if is_apart then
        execute format(apart, scorer, declared, posture, format(apart_body, scored));
    else
        execute format(inlined, scorer, declared, posture, scored);
    end if;
    perform pgscore._publish_function(format('%s(%s)', scorer, types), says || 'the score');
end
$$;

-- core/reasons/take_apart.sql
-- A score as a sum: what single inputs are made into, and outputs of trees. The runtime's reasons.py does the same.

create function pgscore._players(program jsonb, out players integer[], out step_of integer[], out output_of integer[])
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    step jsonb;
    made_of integer[];
    player integer;
    number integer := 0;
    outputs integer;
begin
    players := array(select generate_series(0, jsonb_array_length(program -> 'inputs') - 1));
    step_of := array_fill(null::integer, array[cardinality(players)]);
    output_of := step_of;
    for step in
        select s.value - '{threshold,set,missing_left,left,right,values,sets,feature,cover}'::text[]
        from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal)
        order by s.ordinal
    loop
        player := -1;
        if step ->> 'step' not in ('linear', 'trees') then
            made_of := array(
                select distinct players[o.register::integer + 1]
                from jsonb_array_elements_text(
                    case jsonb_typeof(step -> 'of') when 'array' then step -> 'of' else jsonb_build_array(step -> 'of') end
                ) as o (register)
            );
            if cardinality(made_of) = 1 then
                player := made_of[1];
            end if;
        end if;
        outputs := case step ->> 'step'
            when 'trees' then jsonb_array_length(step -> 'base')
            when 'link' then pgscore._link_outputs(step ->> 'link', jsonb_array_length(step -> 'of'))
            else 1
        end;
        players := players || array_fill(player, array[outputs]);
        step_of := step_of || array_fill(number, array[outputs]);
        output_of := output_of || array(select generate_series(0, outputs - 1));
        number := number + 1;
    end loop;
end
$$;

comment on function pgscore._players(jsonb) is
    'For each register of a valid program the input that alone it is made of, else -1; the step that defines it, and which of its outputs it is';

create function pgscore._score_register(program jsonb, positive integer, out register integer, out sign double precision)
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select
        (program #>> array['scores', case when o.of_one then '0' else positive::text end])::integer,
        case when o.of_one and positive = 0 then -1 else 1 end
    from (values (program ->> 'link' in ('logistic', 'sign'))) as o (of_one)
$$;

comment on function pgscore._score_register(jsonb, integer) is
    'The register whose number reasons add up to, and its sign in the space of the link';

create function pgscore._slope(step jsonb, out factor double precision, out shift double precision)
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    operand double precision;
begin
    factor := 1;
    shift := 0;
    if step ? 'subtract' then
        shift := -1 * (step -> 'subtract')::double precision;
    end if;
    if step ? 'divide' then
        operand := (step -> 'divide')::double precision;
        factor := pgscore._divide(factor, operand);
        shift := pgscore._divide(shift, operand);
    end if;
    if step ? 'multiply' then
        operand := (step -> 'multiply')::double precision;
        factor := pgscore._multiply(factor, operand);
        shift := pgscore._multiply(shift, operand);
    end if;
    if step ? 'add' then
        shift := pgscore._add(shift, (step -> 'add')::double precision);
    end if;
end
$$;

comment on function pgscore._slope(jsonb) is 'An affine step as factor * x + shift';

create function pgscore._take_apart(
    program jsonb, positive integer, out problem text, out has_trees boolean, out base double precision,
    out terms integer[], out weights double precision[], out centers double precision[], out players integer[]
)
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    registers record;
    target record;
    step jsonb;
    multiplier double precision;
    -- What each register is to be multiplied by, of those that are made of several inputs.
    whole double precision[];
    listed record;
    slope record;
begin
    has_trees := false;
    base := 0;
    terms := '{}';
    weights := '{}';
    centers := '{}';
    if program ->> 'link' = 'normalize' then
        problem := 'its link divides scores by their sum';
        return;
    end if;
    select p.* into registers from pgscore._players(program) p;
    players := registers.players;
    select s.* into target from pgscore._score_register(program, positive) s;
    whole := array_fill(0::double precision, array[cardinality(players)]);
    whole[target.register + 1] := target.sign;
    -- A step reads lower registers only: from above, each has its whole weight when its turn comes.
    for register in reverse target.register .. 0 loop
        multiplier := whole[register + 1];
        continue when multiplier = 0;
        if players[register + 1] >= 0 then
            terms := terms || register;
            weights := weights || multiplier;
            centers := centers || 0::double precision;
            continue;
        end if;
        step := program -> 'steps' -> registers.step_of[register + 1];
        if step ->> 'step' = 'affine' then
            select s.* into slope from pgscore._slope(step) s;
            whole[(step -> 'of')::integer + 1] :=
                pgscore._add(whole[(step -> 'of')::integer + 1], pgscore._multiply(multiplier, slope.factor));
            base := pgscore._add(base, pgscore._multiply(multiplier, slope.shift));
        elsif step ->> 'step' = 'linear' then
            base := pgscore._add(base, pgscore._multiply(multiplier, (step -> 'intercept')::double precision));
            for listed in
                select o.register::integer as register, pgscore._multiply(multiplier, w.weight::double precision) as weight,
                    coalesce((step -> 'center' -> (o.ordinal - 1)::integer)::double precision, 0) as center
                from jsonb_array_elements_text(step -> 'of') with ordinality as o (register, ordinal)
                join jsonb_array_elements_text(step -> 'weights') with ordinality as w (weight, ordinal) using (ordinal)
                order by o.ordinal
            loop
                if players[listed.register + 1] < 0 then
                    whole[listed.register + 1] := pgscore._add(whole[listed.register + 1], listed.weight);
                else
                    terms := terms || listed.register;
                    weights := weights || listed.weight;
                    centers := centers || listed.center;
                    base := pgscore._add(base, pgscore._multiply(listed.weight, listed.center));
                end if;
            end loop;
        elsif step ->> 'step' = 'trees' then
            has_trees := true;
            problem := case
                when not step ? 'cover' then format('the trees of steps[%s] have no covers', registers.step_of[register + 1])
                when exists (
                    select from jsonb_array_elements_text(step -> 'of') as o (register) where players[o.register::integer + 1] < 0
                ) then format('the trees of steps[%s] test a number made of several inputs', registers.step_of[register + 1])
            end;
        else
            problem := format(
                'steps[%s], a %s step, makes one number of several inputs', registers.step_of[register + 1], step ->> 'step'
            );
        end if;
        exit when problem is not null;
    end loop;
    if problem is null and (
        base is null or abs(base) = 'Infinity' or array_position(weights, null) is not null
        or 'Infinity' = any (weights) or '-Infinity' = any (weights)
    ) then
        problem := 'its weights are past the largest double';
    end if;
end
$$;

comment on function pgscore._take_apart(jsonb, integer) is
    'The score of a valid program as a sum: a base, weight * (number - center) of registers that are made of one input, and trees; or why it is none';

create function pgscore._explaining_program(program jsonb, positive integer) returns jsonb
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
-- Numbers become JSON here, whatever the session shows of them.
set extra_float_digits = 1
as $$
declare
    parts constant record := pgscore._take_apart(program, positive);
    first constant integer := cardinality(parts.players);
    inputs constant integer := jsonb_array_length(program -> 'inputs');
    added jsonb;
begin
    if parts.problem is not null or parts.has_trees then
        return null;
    end if;
    select jsonb_agg(
        jsonb_build_object('step', 'linear', 'of', s.of, 'weights', s.weights, 'intercept', s.intercept) order by s.input
    )
    into added
    from (
        select
            i.input, coalesce(jsonb_agg(t.register order by t.ordinal) filter (where t.register is not null), '[]') as of,
            coalesce(jsonb_agg(t.weight order by t.ordinal) filter (where t.register is not null), '[]') as weights,
            pgscore._weighted_sum(
                0, coalesce(array_agg(-1 * t.center order by t.ordinal) filter (where t.register is not null), '{}'),
                coalesce(array_agg(t.weight order by t.ordinal) filter (where t.register is not null), '{}')
            ) as intercept
        from generate_series(0, inputs - 1) as i (input)
        left join unnest(parts.terms, parts.weights, parts.centers) with ordinality as t (register, weight, center, ordinal)
            on parts.players[t.register + 1] = i.input
        group by i.input
    ) s;
    added := added
        || jsonb_build_object('step', 'linear', 'of', '[]'::jsonb, 'weights', '[]'::jsonb, 'intercept', parts.base)
        || jsonb_build_object('step', 'link', 'of', program -> 'scores', 'link', program -> 'link');
    return (program - 'decide') || jsonb_build_object(
        'steps', (program -> 'steps') || added, 'link', 'identity',
        'scores', to_jsonb(array(select generate_series(first, first + inputs)) || (first + inputs + 1 + positive))
    );
end
$$;

comment on function pgscore._explaining_program(jsonb, integer) is
    'A program with the same refusals whose outputs are what each input adds to the score, then the base, and last the score; NULL where trees, or what cannot be explained, are in the way';

create function pgscore._explanation_problem(program jsonb, positive integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when program is null then 'it has no program'
        else (select a.problem from pgscore._take_apart(program, positive) a)
    end
$$;

comment on function pgscore._explanation_problem(jsonb, integer) is
    'Why what inputs add to the score of a program cannot be told; NULL where it can';

-- core/reasons/explainer.sql
-- The function of a version that says what each input adds: SQL for sums, the interpreter for trees.

create function pgscore._interpret_reasons(
    model text, version integer, digest text, numbers double precision[], texts text[]
) returns double precision[]
language plpgsql stable parallel safe cost 10000
set search_path = pg_catalog, pg_temp
as $$
declare
    reasons double precision[];
begin
    if to_regprocedure('pgscore_trusted._walk_reasons(text,double precision[],text[])') is null then
        raise exception 'model "%" version % cannot be explained: its trees take PL/Python, which this database lacks, or has of an older release',
            model, version
            using errcode = 'feature_not_supported', hint = 'A superuser runs: alembic upgrade plpython@head';
    end if;
    reasons := pgscore_trusted._walk_reasons(digest, numbers, texts);
    -- An array without elements: this backend does not have the program yet.
    if reasons = '{}' then
        perform pgscore._load_reasons(model, version);
        reasons := pgscore_trusted._walk_reasons(digest, numbers, texts);
    end if;
    return reasons;
end
$$;

comment on function pgscore._interpret_reasons(text, integer, text, double precision[], text[]) is
    'What each input adds to the score of a row, then the base, and last the score, by the interpreter; NULL where there is no score';

grant execute on function pgscore._interpret_reasons(text, integer, text, double precision[], text[]) to pgscore_reader;

create function pgscore._load_reasons(model text, version integer) returns void
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    refusal record;
begin
    -- Here, because PL/Python would call it in a subtransaction, which parallel workers cannot have.
    perform pgscore_trusted._runtime();
    select l.sqlstate, l.message, l.hint into refusal
    from pgscore.program p
    join pgscore.model_version v on v.model = p.model and v.version = p.version
    cross join lateral pgscore_trusted._load_reasons(
        p.document, coalesce((v.contract #>> '{output,positive}')::integer, 0)
    ) l
    where p.model = _load_reasons.model and p.version = _load_reasons.version;
    if refusal.message is not null then
        raise exception 'model "%" version % cannot be explained: %', model, version, refusal.message
            using errcode = refusal.sqlstate, hint = refusal.hint;
    end if;
end
$$;

comment on function pgscore._load_reasons(text, integer) is 'Has this backend read the program of a version for its reasons';

grant execute on function pgscore._load_reasons(text, integer) to pgscore_reader;

create function pgscore._array_arguments_sql(inputs jsonb) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        format(case when i.is_text then '($2)[%s]' else '($1)[%s]' end, i.position) order by i.ordinal
    )
    from (
        select e.ordinal, e.is_text, row_number() over (partition by e.is_text order by e.ordinal) as position
        from (
            select l.ordinal, l.input ->> 'type' = 'text' as is_text
            from jsonb_array_elements(inputs) with ordinality as l (input, ordinal)
        ) e
    ) i
$$;

comment on function pgscore._array_arguments_sql(jsonb) is
    'SQL for each input of a program where numbers are the first argument, and texts the second';

create function pgscore._create_explainer(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
    explaining jsonb;
    body text;
    name constant text := pgscore._scorer_name(model, version, 'r');
begin
    select p.program, p.digest, p.size, (v.contract #>> '{output,positive}')::integer as positive into described
    from pgscore.program p join pgscore.model_version v on v.model = p.model and v.version = p.version
    where p.model = _create_explainer.model and p.version = _create_explainer.version;
    if described.program is null or pgscore._explanation_problem(described.program, coalesce(described.positive, 0)) is not null then
        return;
    end if;
    explaining := pgscore._explaining_program(described.program, coalesce(described.positive, 0));
    if explaining is not null and described.size <= pgscore._largest_sql_program() then
        body := pgscore._careful_body_sql(explaining, pgscore._array_arguments_sql(described.program -> 'inputs'));
    else
        body := format(
            E'\nbegin\n    return pgscore._interpret_reasons(%L, %s, %L, $1, $2);\nend\n',
            model, version, format('%s reasons %s', described.digest, coalesce(described.positive, 0))
        );
    end if;
    perform pgscore._create_function((
        name, '{numbers,texts}', '{double precision[],text[]}', 'double precision[]',
        format(
            'plpgsql %s parallel safe set search_path = pg_catalog, pg_temp',
            case when body like '%pgscore._interpret_reasons(%' then 'stable' else 'immutable' end
        ),
        body,
        format('Model "%s" version %s: what each input adds to the score, then the base, and last the score', model, version)
    )::pgscore.generated_function);
end
$$;

comment on function pgscore._create_explainer(text, integer) is
    'Writes the function that says what inputs add to the score of a version, where it has a program that can be explained';

-- core/reasons/codes.sql
-- Reason codes of a scorecard: points of its characteristics, added by code and ranked. As jpmml-evaluator does.

create function pgscore._reason_registers_problem(program jsonb, contract jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    kinds text;
    step jsonb;
begin
    if program is null then
        return 'they go with a program, and there is none';
    elsif program ->> 'link' <> 'identity' or contract #>> '{output,kind}' <> 'value' then
        return 'they go with a score that is a sum, and the program makes something else of its sums';
    end if;
    select string_agg(case when i.input ->> 'type' = 'text' then 't' else 'n' end, '' order by i.ordinal) into kinds
    from jsonb_array_elements(program -> 'inputs') with ordinality as i (input, ordinal);
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        kinds := kinds || pgscore._step_kinds(step, kinds);
    end loop;
    return (
        select replace(
            coalesce(
                pgscore._registers_problem('partial', jsonb_agg(c.value -> 'partial' order by c.ordinal), kinds, 'n'),
                pgscore._registers_problem(
                    'by', jsonb_agg(case c.value -> 'by' when 'null' then c.value -> 'partial' else c.value -> 'by' end order by c.ordinal),
                    kinds, 'n'
                )
            ), 'come before it', 'exist'
        )
        from jsonb_array_elements(contract #> '{reason_codes,characteristics}') with ordinality as c (value, ordinal)
    );
end
$$;

comment on function pgscore._reason_registers_problem(jsonb, jsonb) is
    'Where valid reason codes of a complete contract do not fit its valid program; NULL where they do';

create function pgscore._create_coder(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
begin
    select p.program, v.contract #> '{reason_codes,characteristics}' as characteristics into described
    from pgscore.program p join pgscore.model_version v on v.model = p.model and v.version = p.version
    where p.model = _create_coder.model and p.version = _create_coder.version
        and p.size <= pgscore._largest_sql_program();
    if described.characteristics is null then
        return;
    end if;
    perform pgscore._create_function((
        pgscore._scorer_name(model, version, 'c'), '{numbers,texts}', '{double precision[],text[]}', 'double precision[]',
        'plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp',
        pgscore._careful_body_sql(
            (described.program - 'decide') || jsonb_build_object(
                'scores', (
                    select jsonb_agg(n.register order by c.ordinal, n.place)
                    from jsonb_array_elements(described.characteristics) with ordinality as c (value, ordinal),
                        lateral (values
                            (1, c.value -> 'partial'),
                            (2, case c.value -> 'by' when 'null' then c.value -> 'partial' else c.value -> 'by' end)
                        ) as n (place, register)
                ) || (described.program -> 'scores')
            ),
            pgscore._array_arguments_sql(described.program -> 'inputs')
        ),
        format('Model "%s" version %s: of each characteristic its partial score and what tells its reason code, and last the score', model, version)
    )::pgscore.generated_function);
end
$$;

comment on function pgscore._create_coder(text, integer) is
    'Writes the function that reason codes are ranked by, where the version has some and its program is not too large for SQL';

create function pgscore._refuse_uncoded(model text, version integer) returns void
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
begin
    select v.version, v.contract ? 'reason_codes' as has_codes, r.pruned_at, p.size into described
    from pgscore.model_version v
    left join pgscore.retirement r on r.model = v.model and r.version = v.version
    left join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _refuse_uncoded.model and v.version = _refuse_uncoded.version;
    if described.version is null then
        raise exception 'model "%" has no version %', model, version
            using errcode = 'undefined_object', hint = format('`pgscore show %s` lists its versions.', model);
    elsif not described.has_codes then
        raise exception 'model "%" version % has no reason codes', model, version
            using errcode = 'feature_not_supported',
                  hint = 'Scorecards of PMML have some. What inputs add to the score of others pgscore.explain says.';
    elsif described.pruned_at is not null then
        raise exception 'model "%" version % was pruned: its artifact is gone', model, version
            using errcode = 'feature_not_supported', hint = 'Publish the same file again to bring it back.';
    elsif described.size > pgscore._largest_sql_program() then
        raise exception 'model "%" version % has no reason codes in the database: its program, of size %, is too large for SQL',
            model, version, described.size
            using errcode = 'feature_not_supported', hint = format('The largest has size %s.', pgscore._largest_sql_program());
    end if;
    raise exception 'model "%" version % has no function that tells its reason codes', model, version
        using errcode = 'feature_not_supported', hint = 'An operator runs select pgscore._restore_models().';
end
$$;

comment on function pgscore._refuse_uncoded(text, integer) is 'Says why a version tells no reason codes';

grant execute on function pgscore._refuse_uncoded(text, integer) to pgscore_reader;

create function pgscore._ranked(codes jsonb, numbers double precision[])
returns table (rank integer, code text, points double precision)
language plpgsql immutable parallel safe rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
    sign constant double precision := case codes ->> 'algorithm' when 'pointsAbove' then 1 else -1 end;
    listed record;
    place integer;
    named text[] := '{}';
    sums double precision[] := '{}';
begin
    for listed in
        select
            c.value, numbers[2 * c.ordinal - 1] as partial, numbers[2 * c.ordinal] as chosen,
            (c.value -> 'baseline')::double precision as baseline, c.value -> 'by' = 'null' as is_one
        from jsonb_array_elements(codes -> 'characteristics') with ordinality as c (value, ordinal)
        order by c.ordinal
    loop
        if listed.is_one then
            code := listed.value #>> '{codes,0}';
        else
            code := (
                select listed.value -> 'codes' ->> (k.ordinal - 1)::integer
                from jsonb_array_elements(listed.value -> 'keys') with ordinality as k (key, ordinal)
                where k.key::double precision = listed.chosen
            );
        end if;
        continue when code is null;
        -- What is past the largest double is infinite. The difference turned round is that of the two the other way.
        if abs(listed.partial) < '1e300' and abs(listed.baseline) < '1e300' then
            points := sign * (listed.partial - listed.baseline);
        else
            points := sign * pgscore._add(listed.partial, -1 * listed.baseline);
        end if;
        place := array_position(named, code collate "C");
        if place is null then
            named := named || code;
            -- So that none is -0.0, as in a sum that begins with 0.0.
            sums := sums || (points + 0);
        elsif abs(sums[place]) < '1e300' and abs(points) < '1e300' then
            sums[place] := sums[place] + points;
        else
            sums[place] := pgscore._add(sums[place], points);
        end if;
    end loop;
    return query
    select (row_number() over (order by s.points desc, s.ordinal))::integer, s.code, s.points
    from unnest(named, sums) with ordinality as s (code, points, ordinal)
    where s.points >= 0
    order by 1;
end
$$;

comment on function pgscore._ranked(jsonb, double precision[]) is
    'The reason codes of a row, by the numbers that its version''s function gives: those of no points or more, the most points first, of equals the one that comes first';

grant execute on function pgscore._ranked(jsonb, double precision[]) to pgscore_reader;

create function pgscore.reason_codes(model text, payload jsonb, version integer default null, most integer default null)
returns table (rank integer, code text, points double precision)
language plpgsql stable parallel restricted rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
    coder regprocedure;
    numbers double precision[];
begin
    version := coalesce(version, (select m.serving from pgscore.model m where m.name = model));
    if version is null then
        perform pgscore._no_answer(model);
    end if;
    select v.contract -> 'inputs' as inputs, v.contract -> 'reason_codes' as codes into described
    from pgscore.model_version v where v.model = reason_codes.model and v.version = reason_codes.version;
    coder := to_regprocedure(pgscore._scorer_name(model, version, 'c') || '(double precision[],text[])');
    if described.codes is null or coder is null then
        perform pgscore._refuse_uncoded(model, version);
    elsif payload is null then
        return;
    end if;
    execute format('select %s($1, $2)', coder::regproc) into numbers
    using pgscore._payload_numbers(described.inputs, payload), pgscore._payload_texts(described.inputs, payload);
    -- Last stands the score: where it is no number nothing is a reason for it.
    if numbers[cardinality(numbers)] is not null then
        return query select r.rank, r.code, r.points from pgscore._ranked(described.codes, numbers) r order by r.rank limit most;
    end if;
end
$$;

comment on function pgscore.reason_codes(text, jsonb, integer, integer) is
    'The reason codes of a scorecard for a row as JSON, ranked by their points as the model says, those of negative points left out; at most so many. No rows where there is no score. Of the version that answers, unless one is named';

grant execute on function pgscore.reason_codes(text, jsonb, integer, integer) to pgscore_reader;

create function pgscore.reason_codes(model text, profile record, version integer default null, most integer default null)
returns table (rank integer, code text, points double precision)
language plpgsql stable parallel restricted rows 10
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return query select c.* from pgscore.reason_codes(model, to_jsonb(profile), version, most) c;
end
$$;

comment on function pgscore.reason_codes(text, record, integer, integer) is
    'The reason codes of a scorecard for any row that has its inputs as columns, as for a row as JSON';

grant execute on function pgscore.reason_codes(text, record, integer, integer) to pgscore_reader;

-- core/engine/_compile_program.sql
create or replace function pgscore._compile_program(model text, version integer) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._create_scorer(v.model, v.version, p.program, (v.contract #>> '{output,positive}')::integer)
    from pgscore.model_version v join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _compile_program.model and v.version = _compile_program.version
        and p.size <= pgscore._largest_sql_program()
        -- What was pruned and has come back may have kept its functions, because a view needs them.
        and not exists (
            select from pg_catalog.pg_proc f
            where f.pronamespace = 'pgscore_models'::regnamespace
                and f.proname = format('_%s %s', v.model, v.version)::name
        )
$$;

-- core/engine/_load_refusal.sql
create or replace function pgscore._load_refusal(
    model text, version integer, out sqlstate text, out message text, out hint text
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    piece record;
begin
    if to_regnamespace('pgscore_trusted') is null then
        sqlstate := '55000';
        message := 'it needs PL/Python, which this database does not have';
        hint := 'A superuser runs alembic upgrade plpython@head.';
        return;
    end if;
    -- Here, because PL/Python would call it in a subtransaction, which nothing in a parallel plan can have.
    perform pgscore_trusted._runtime();
    for piece in
        select c.ordinal, c.content from pgscore.artifact_chunk c
        where c.model = _load_refusal.model and c.version = _load_refusal.version
        order by c.ordinal
    loop
        perform pgscore_trusted._receive(piece.ordinal, piece.content);
    end loop;
    if piece.ordinal is null then
        sqlstate := '55000';
        message := 'its artifact was pruned';
        hint := 'Publish the same file again to bring it back.';
        return;
    end if;
    select l.sqlstate, l.message, l.hint into sqlstate, message, hint
    from pgscore.model_version v,
        pgscore_trusted._load(
            v.contract::text, v.signature, v.key_id,
            array(
                select c.type from pgscore.confirmed_type c where c.model = v.model and c.version = v.version
            )
        ) l
    where v.model = _load_refusal.model and v.version = _load_refusal.version;
    hint := replace(replace(hint, '{model}', model), '{version}', version::text);
end
$$;

-- core/engine/_takes_arrays.sql
create function pgscore._takes_arrays(engine text) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(engine in ('estimator', 'onnx'), false)
$$;

comment on function pgscore._takes_arrays(text) is
    'Whether an engine calls the artifact itself, in PL/Python, with whole arrays: each call costs, and a session pays for imports';

grant execute on function pgscore._takes_arrays(text) to pgscore_reader;

create function pgscore._called_engine(model text, version integer) returns text
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- By the contract, which is what the runtime goes by.
    select case v.contract ->> 'format' when 'onnx' then 'onnx' else 'estimator' end
    from pgscore.model_version v
    where v.model = _called_engine.model and v.version = _called_engine.version
$$;

comment on function pgscore._called_engine(text, integer) is 'The engine that calls the artifact of a version itself';

-- core/engine/_estimate.sql
create function pgscore._ask_estimator(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A plpython branch of an older release converts each number.
    if rows = 1
        or to_regprocedure('pgscore_trusted._estimate_rows(text, integer, double precision[], text[], boolean)') is null
    then
        select e.scores, e.reasons into scores, reasons
        from pgscore_trusted._estimate(digest, rows, numbers, texts, every) e;
        return;
    end if;
    if array_ndims(texts) > 1 then
        -- Of texts in two dimensions PL/Python makes a list for each row.
        texts := array(select unnest(texts));
    end if;
    select e.scores, coalesce(e.reasons, array_fill(null::text, array[rows])) into scores, reasons
    from pgscore_trusted._estimate_rows(digest, rows, numbers, texts, every) e;
end
$$;

comment on function pgscore._ask_estimator(text, integer, double precision[], text[], boolean) is
    'Hands rows to PL/Python, to be scored with a version that this backend has loaded; NULL where it has not';

-- Parallel workers would each import scikit-learn for some seconds: restricted, although it would be safe.
create or replace function pgscore._estimate(
    model text, version integer, digest text, rows integer, numbers double precision[], texts text[],
    every boolean default false
) returns pgscore.scored
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    answer record;
begin
    if to_regnamespace('pgscore_trusted') is null then
        perform pgscore._load(model, version);  -- says what is missing
    end if;
    answer := pgscore._ask_estimator(digest, rows, numbers, texts, every);
    if answer.scores is null then
        perform pgscore._load(model, version);
        answer := pgscore._ask_estimator(digest, rows, numbers, texts, every);
        if answer.scores is null then
            raise exception 'model "%" version % cannot be loaded: it is not what its digest says', model, version
                using errcode = 'data_corrupted', hint = 'Publish the model again from its source.';
        end if;
    end if;
    return (version, answer.scores, answer.reasons)::pgscore.scored;
end
$$;

create function pgscore._estimate_row(
    model text, version integer, digest text, numbers double precision[], texts text[], every boolean default false
) returns pgscore.scored
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    answer constant pgscore.scored := pgscore._estimate(model, version, digest, 1, numbers, texts, every);
begin
    -- In a statement of its own: an older plpython branch does not have it.
    if to_regprocedure('pgscore_trusted._count_row(double precision)') is not null then
        if pgscore_trusted._count_row(extract(epoch from statement_timestamp())::double precision) then
            raise notice 'model "%" is no program: this query has it score one row after the other, which takes hundreds of times as long as many at once', model
                using hint = format('select * from pgscore.score_rows(%L, ''select ...'')', model);
        end if;
    end if;
    return answer;
end
$$;

comment on function pgscore._estimate_row(text, integer, text, double precision[], text[], boolean) is
    'The estimator engine for a row of a query; says once in a session how many rows are scored together';

grant execute on function pgscore._estimate_row(text, integer, text, double precision[], text[], boolean) to pgscore_reader;

-- core/engine/_load_program.sql
create or replace function pgscore._load_program(model text, version integer) returns void
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    refusal record;
begin
    -- Here, because PL/Python would call it in a subtransaction, which parallel workers cannot have.
    perform pgscore_trusted._runtime();
    select l.sqlstate, l.message, l.hint into refusal
    from pgscore.program p, pgscore_trusted._load_program(p.document) l
    where p.model = _load_program.model and p.version = _load_program.version;
    if refusal.message is not null then
        raise exception 'model "%" version % cannot be interpreted: %', model, version, refusal.message
            using errcode = refusal.sqlstate, hint = refusal.hint;
    end if;
end
$$;

create function pgscore._with_decided_label(outputs double precision[], tie text) returns double precision[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when outputs is null or array_position(outputs, null) is not null or array_position(outputs, 'NaN') is not null then null
        else
            outputs[:cardinality(outputs) / 2]
            || (
                select o.position - 1
                from unnest(outputs[cardinality(outputs) / 2 + 1:]) with ordinality as o (output, position)
                order by o.output desc, case tie when 'first' then o.position else -o.position end
                limit 1
            )::double precision
    end
$$;

comment on function pgscore._with_decided_label(double precision[], text) is
    'Probabilities that a program gives, and the position of the label out of as many numbers behind them that decide of it';

grant execute on function pgscore._with_decided_label(double precision[], text) to pgscore_reader;

create function pgscore._present_arguments(inputs jsonb, arguments text[]) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        case i.input ->> 'type' when 'text' then a.argument else format('coalesce(%s, ''NaN''::pg_catalog.float8)', a.argument) end
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    join unnest(arguments) with ordinality as a (argument, ordinal) using (ordinal)
$$;

comment on function pgscore._present_arguments(jsonb, text[]) is
    'SQL for each input of a contract, with NaN in the place of a number that is NULL: arrays without NULL travel faster';

create or replace function pgscore._engine_call(
    engine text, model text, version integer, arguments text[], every boolean default false,
    ordinary boolean[] default null, manner text default null
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
    split record;
    call text;
begin
    select
        v.digest, v.contract -> 'inputs' as inputs, v.contract #>> '{output,kind}' as kind,
        (v.contract #>> '{output,positive}')::integer as positive, p.program, p.digest as program_digest
    into strict described
    from pgscore.model_version v left join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _engine_call.model and v.version = _engine_call.version;
    select * into split from pgscore._split_arguments(described.inputs, arguments);
    if pgscore._takes_arrays(engine) and manner in ('query', 'scan') then
        return format(
            '(pgscore._estimate_row(%L, %s, %L, %s, %s, %s)).scores%s', model, version, described.digest,
            split.numbers, split.texts, every::text, case when every then '' else '[1]' end
        );
    elsif pgscore._takes_arrays(engine) then
        return format(
            '(pgscore._estimate(%L, %s, %L, 1, %s, %s, %s)).scores%s', model, version, described.digest,
            split.numbers, split.texts, every::text, case when every then '' else '[1]' end
        );
    elsif engine = 'sql' and not every and ordinary is not null and manner = 'scan' then
        return pgscore._scan_call_typed_sql(
            model, version, described.program, described.positive, arguments, ordinary
        );
    elsif engine = 'sql' and not every and ordinary is not null then
        return pgscore._scorer_call_typed_sql(
            model, version, described.program, described.positive, arguments, ordinary, case manner when 'walk' then 'w' else 'b' end,
            -- To set the careful call up, in each transaction anew, costs as much as all the rest, and hardly a row needs it.
            coalesce(manner = 'brief', false)
        );
    elsif engine = 'sql' and manner = 'inlined' and pgscore._has_expression(model, version) then
        call := format('%s(%s)', pgscore._scorer_name(model, version, 'e'), array_to_string(arguments, ', '));
    elsif engine = 'sql' then
        call := pgscore._scorer_call_sql(model, version, cardinality(arguments), arguments, every);
    elsif every then
        call := format(
            'pgscore._interpret_outputs(%L, %s, %L, %s, %s)', model, version, described.program_digest,
            split.numbers, split.texts
        );
    elsif manner = 'apart' then
        call := format(
            'pgscore._interpret(%L, %s, %L, %s, %s, %s)', model, version, described.program_digest,
            coalesce(described.positive, 0), split.numbers, split.texts
        );
    elsif manner in ('walk', 'brief') then
        -- Half the expression: to set it up, in each transaction anew, costs as much as to walk the program.
        call := format(
            case manner when 'walk' then '%s' else 'pgscore._known(%s)' end,
            format(
                'pgscore_trusted._walk(%L, %s, %s, %s)', described.program_digest, coalesce(described.positive, 0),
                split.numbers, split.texts
            )
        );
    else
        -- NaN: this backend does not have the program yet. NULL as well takes the way through plpgsql, which most rows
        -- are spared.
        call := format(
            'coalesce(pgscore._known(pgscore_trusted._walk(%3$L, %4$s, %5$s, %6$s)),'
                ' pgscore._interpret(%1$L, %2$s, %3$L, %4$s, %5$s, %6$s))',
            model, version, described.program_digest, coalesce(described.positive, 0), split.numbers, split.texts
        );
    end if;
    return case
        when every and described.program ? 'decide' then
            format('pgscore._with_decided_label(%s, %L)', call, described.program ->> 'tie')
        when every then format('pgscore._with_label(%s, %L, %L)', call, described.kind, described.program ->> 'tie')
        else call
    end;
end
$$;

comment on function pgscore._engine_call(text, text, integer, text[], boolean, boolean[], text) is
    'SQL that scores a row with one engine of a version, its inputs given as SQL; with every, all outputs and the position of the label. Of the interpreter walk names what may answer NaN, and brief what may answer NULL, where this session has to read the program first; apart names nothing outside of pgscore. Of sql brief may answer NULL where the careful call has a score; walk needs no plan, scan is for many rows, query for one of a query, and inlined sets the expression up in each statement, as sessions do in each transaction';

-- core/engine/_engines.sql
create or replace function pgscore._engines(model text, version integer) returns text[]
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    size constant integer := (
        select p.size from pgscore.program p where p.model = _engines.model and p.version = _engines.version
    );
    found text[] := '{}';
begin
    if size is null then
        return array[pgscore._called_engine(model, version)];
    end if;
    if size <= pgscore._largest_sql_program() then
        found := found || 'sql'::text;
    end if;
    -- The schema stays where somebody drops the language.
    if to_regproc('pgscore_trusted._walk') is not null then
        found := found || 'interpreter'::text;
        -- With a program nothing depends on the artifact: neither on its signature nor on the server's packages.
        if pgscore._loadable(model, version) then
            found := found || pgscore._called_engine(model, version);
        end if;
    end if;
    if found = '{}' then
        raise exception 'model "%" version % has a program of size %, the sql engine takes % at most, and this database has no PL/Python for another engine',
            model, version, size, pgscore._largest_sql_program()
            using errcode = 'program_limit_exceeded',
                  hint = 'Fit a smaller model, or have a superuser run alembic upgrade plpython@head.';
    end if;
    return found;
end
$$;

-- core/engine/_array_elements.sql
create function pgscore._array_elements(inputs jsonb, source text) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        format(case when c.is_text then '%s.texts[%s]' else 'nullif(%s.numbers[%s], ''NaN'')' end, source, c.position)
        order by c.ordinal
    )
    from (
        select
            i.ordinal, i.input ->> 'type' = 'text' as is_text,
            row_number() over (partition by i.input ->> 'type' = 'text' order by i.ordinal) as position
        from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    ) c
$$;

comment on function pgscore._array_elements(jsonb, text) is
    'SQL for each input of a contract, out of the arrays numbers, with NaN for NULL, and texts of the row that stands under the name in source';

-- core/engine/_golden_arrays.sql
create function pgscore._golden_arrays(model text, version integer, first integer, last integer) returns table (
    ordinal integer, expected double precision, numbers double precision[], texts text[]
)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    with described as materialized (
        select i.input ->> 'name' as name, i.input ->> 'type' as type, i.ordinal
        from pgscore.model_version v, jsonb_array_elements(v.contract -> 'inputs') with ordinality as i (input, ordinal)
        where v.model = _golden_arrays.model and v.version = _golden_arrays.version
    )
    select g.ordinal, g.expected, a.numbers, a.texts
    from pgscore.golden_row g
    -- An object is taken apart once: to look up each input in it would read all of it as often.
    cross join lateral (
        select
            -- NaN for NULL: to reach an element behind NULLs goes through all that stand before it.
            coalesce(
                array_agg(
                    case
                        when jsonb_typeof(e.value) = 'null' then 'NaN'
                        when d.type = 'boolean' and jsonb_typeof(e.value) = 'boolean' then e.value::boolean::integer
                        when d.type = 'double precision' and jsonb_typeof(e.value) = 'number'
                            and length(e.value::text) <= 300
                        then e.value::double precision
                        when d.type = 'boolean'
                        then pgscore._payload_value(g.inputs, d.name, 'boolean')::boolean::integer
                        -- Infinity, numbers past a double's range, and what is refused.
                        else pgscore._payload_value(g.inputs, d.name, 'double precision')::double precision
                    end
                    order by d.ordinal
                ) filter (where d.type <> 'text'),
                '{}'
            ) as numbers,
            coalesce(
                array_agg(
                    case
                        when jsonb_typeof(e.value) in ('string', 'null') then e.value #>> '{}'
                        else pgscore._payload_value(g.inputs, d.name, 'text')
                    end
                    order by d.ordinal
                ) filter (where d.type = 'text'),
                '{}'
            ) as texts
        from described d left join jsonb_each(g.inputs) e on e.key = d.name
    ) a
    where g.model = _golden_arrays.model and g.version = _golden_arrays.version and g.ordinal between first and last
    order by g.ordinal
$$;

comment on function pgscore._golden_arrays(text, integer, integer, integer) is
    'Some golden rows of a version with their number inputs, booleans as 0 and 1, NaN for NULL, and their text inputs, in the contract''s order; refused where one is not there or of another type';

-- core/engine/_replay_estimator.sql
create or replace function pgscore._replay_estimator(model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    with described as materialized (
        select
            v.digest, v.contract #>> '{output,kind}' as kind, (v.contract #>> '{output,positive}')::integer as positive,
            case v.contract #>> '{output,kind}'
                when 'probability' then jsonb_array_length(v.contract #> '{output,classes}') + 1
                else 1
            end as width
        from pgscore.model_version v
        where v.model = _replay_estimator.model and v.version = _replay_estimator.version
    ),
    asked as materialized (
        select
            count(*)::integer as rows,
            -- Arrays without elements cannot be put together.
            array_agg(g.numbers order by g.ordinal) filter (where cardinality(g.numbers) > 0) as numbers,
            array_agg(g.texts order by g.ordinal) filter (where cardinality(g.texts) > 0) as texts,
            array_agg(g.ordinal order by g.ordinal) as ordinals
        from pgscore._golden_arrays(_replay_estimator.model, _replay_estimator.version, first, last) g
        -- One call for all that have a score. A row that is refused has the whole call refused, so each is asked alone.
        group by case when g.expected is null then g.ordinal end
    ),
    answered as materialized (
        select
            d.width, a.ordinals, d.kind, d.positive,
            pgscore._estimate(
                _replay_estimator.model, _replay_estimator.version, d.digest, a.rows, a.numbers, a.texts, true
            ) as scored
        from asked a, described d
    ),
    rows as (
        select
            a.ordinals[r.position] as ordinal, a.kind, a.positive, r.reason,
            (a.scored).scores[(r.position - 1) * a.width + 1 : r.position * a.width] as outputs
        from answered a, unnest((a.scored).reasons) with ordinality as r (reason, position)
    )
    -- One call for both: the score is one of the outputs.
    select
        r.ordinal,
        case r.kind
            when 'probability' then r.outputs[r.positive + 1]
            when 'indicator' then (r.outputs[1] = r.positive)::integer
            else r.outputs[1]
        end,
        r.reason, r.outputs
    from rows r
$$;

comment on function pgscore._replay_estimator(text, integer, integer, integer) is
    'Scores and outputs that the estimator engine gives for some golden rows of a version: in one call for those that have a score';

-- core/engine/_replay.sql
create or replace function pgscore._replay(engine text, model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    elements constant text[] := (
        select pgscore._array_elements(v.contract -> 'inputs', 'g')
        from pgscore.model_version v
        where v.model = _replay.model and v.version = _replay.version
    );
    arguments constant text[] := array(select 'r.a' || n from generate_series(1, cardinality(elements)) n order by n);
begin
    if pgscore._takes_arrays(engine) then
        return query select r.* from pgscore._replay_estimator(model, version, first, last) r;
        return;
    end if;
    -- The inputs are taken out of the arrays once, for the score and for the outputs.
    return query execute format(
        'select r.ordinal, %s, null::text, %s'
            ' from (select g.ordinal, %s from pgscore._golden_arrays($1, $2, $3, $4) g offset 0) r',
        pgscore._engine_call(engine, model, version, arguments),
        pgscore._engine_call(engine, model, version, arguments, true),
        (
            select string_agg(format('%s as a%s', e.element, e.ordinal), ', ')
            from unnest(elements) with ordinality as e (element, ordinal)
        )
    )
    using model, version, first, last;
end
$$;

-- core/engine/_golden_differences.sql
create or replace function pgscore._golden_differences(
    model text, version integer, max_seconds double precision default 'Infinity', engines text[] default null
) returns table (
    engine text, ordinal integer, expected double precision, score double precision, reason text,
    difference double precision, ok boolean
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    replayed_engines constant text[] := coalesce(engines, pgscore._engines(model, version));
    -- For the rows between two looks at the clock.
    allowed constant interval := least(max_seconds, 1e6) / 5 * interval '1 second';
    began timestamptz;
    last_row constant integer := (
        select max(g.ordinal) from pgscore.golden_row g
        where g.model = _golden_differences.model and g.version = _golden_differences.version
    );
    -- The same estimator may differ in the last bits when another processor's arithmetic adds in another order, and a sum
    -- of large terms in more of them. Where it adds in single precision, its contract says what follows from that.
    tolerance constant double precision := coalesce(
        (
            select (v.contract ->> 'tolerance')::double precision from pgscore.model_version v
            where v.model = _golden_differences.model and v.version = _golden_differences.version
        ),
        1e-12
    );
    named text;
    first integer;
    last integer;
    turn_began timestamptz;
    seconds double precision;
    step integer;
begin
    -- What the first one in a session waits for, seconds of imports, is no replaying.
    if exists (select from unnest(replayed_engines) e where pgscore._takes_arrays(e)) then
        perform pgscore._loadable(model, version);
    end if;
    began := clock_timestamp();
    foreach named in array replayed_engines loop
        first := 1;
        step := 10;
        -- The clock is looked at between some rows and the next: a timeout that is set in here would interrupt nothing.
        while first <= last_row loop
            turn_began := clock_timestamp();
            last := least(first + step - 1, last_row);
            return query
            with replayed as materialized (
                select r.* from pgscore._replay(named, _golden_differences.model, _golden_differences.version, first, last) r
            ),
            compared as (
                select
                    g.ordinal, g.expected, r.score, r.reason, g.scale,
                    case
                        when g.expected = r.score and g.outputs = r.outputs then 0
                        else greatest(
                            pgscore._distance(g.expected, r.score),
                            (
                                select max(pgscore._distance(o.expected, o.output))
                                from unnest(g.outputs, r.outputs) as o (expected, output)
                                where g.outputs is not null
                            )
                        )
                    end as difference
                from pgscore.golden_row g
                join replayed r on r.ordinal = g.ordinal
                where g.model = _golden_differences.model and g.version = _golden_differences.version
            )
            select named, c.ordinal, c.expected, c.score, c.reason, c.difference,
                -- Of an infinite score everything would be a small part.
                c.difference = 0
                    or c.difference < 'Infinity' and c.difference <= tolerance * greatest(1, abs(c.expected), c.scale)
            from compared c;
            seconds := extract(epoch from clock_timestamp() - began);
            if seconds > max_seconds then
                raise exception 'model "%" version % takes too long: % seconds to golden row % of % in the % engine, and % are allowed',
                    model, version, round(seconds::numeric, 1), last, last_row, named, max_seconds
                    using errcode = 'program_limit_exceeded',
                          hint = '--max-seconds, or max_seconds of pgscore.promote, allows more.';
            end if;
            -- A call costs something whatever it is asked for, so few rows in each would take longer, not less.
            step := case
                when clock_timestamp() < turn_began + allowed then least(10 * step, 1000)
                when clock_timestamp() > turn_began + 2 * allowed then greatest(step / 4, 1)
                else step
            end;
            first := last + 1;
        end loop;
    end loop;
end
$$;

create function pgscore._measure_arrays(
    model text, version integer, numbers double precision[], texts text[], allowed interval
) returns double precision[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    -- What it is given has a statement read it, too, and no more than a few tenths of a second are to go into that.
    most constant integer := greatest(20, least(2000, 50000 / greatest(array_length(numbers, 2), array_length(texts, 2))));
    queries constant text[] := array[
        format(
            'select pgscore._estimate(%L, %s, %L, $3, $1, $2)', model, version, (
                select v.digest from pgscore.model_version v
                where v.model = _measure_arrays.model and v.version = _measure_arrays.version
            )
        ),
        'select $3'
    ];
    began constant timestamptz := clock_timestamp();
    rows integer := least(200, most);
    least_time double precision;
begin
    while coalesce(array_length(numbers, 1), array_length(texts, 1)) < most loop
        numbers := numbers || numbers;
        texts := texts || texts;
    end loop;
    select min(u) into least_time
    from pgscore._time_in_turn(queries, numbers[1:rows], texts[1:rows], rows, 1, began + allowed / 3) t, unnest(t.times) u;
    -- Of such as take their time a few hundred tell enough. What a call costs, however many rows it has, is milliseconds.
    if least_time < 1e5 then
        rows := most;
    end if;
    return (
        select array_agg(u.time / rows order by u.ordinal)
        from pgscore._time_in_turn(queries, numbers[1:rows], texts[1:rows], rows, 5, began + allowed) t,
            unnest(t.times) with ordinality as u (time, ordinal)
    );
end
$$;

comment on function pgscore._measure_arrays(text, integer, double precision[], text[], interval) is
    'How long the estimator engine takes for a row among many, in microseconds, as often as it was run: it is given whole arrays, as in scans';

create or replace function pgscore._measure(
    model text, version integer, engines text[], max_seconds double precision
) returns table (engine text, one_us double precision[], many_us double precision[])
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- A plan that is kept is what a trigger has. To compile one would take longer than all that is measured.
set plan_cache_mode = 'force_generic_plan'
set jit = off
as $$
declare
    described constant jsonb := (
        select v.contract -> 'inputs' from pgscore.model_version v
        where v.model = _measure.model and v.version = _measure.version
    );
    -- Where there is nothing to choose, it only says how long it takes.
    allowed constant interval :=
        least(max_seconds, case when cardinality(engines) > 1 then 2 else 0.5 end) * interval '1 second';
    began constant timestamptz := clock_timestamp();
    elements constant text[] := pgscore._array_elements(described, 's');
    width constant integer := cardinality(elements);
    numbers double precision[];
    texts text[];
    count integer;
    source text;
    arguments text[];
    one jsonb;
    many jsonb;
    -- By arrays, and so apart.
    scanned constant text[] := array(
        select e.engine from unnest(engines) with ordinality as e (engine, ordinal)
        where not pgscore._takes_arrays(e.engine) order by e.ordinal
    );
    rows integer;
begin
    -- Rows that have a score: the others end before they cost anything. Of wide ones fewer, since each statement is given
    -- them all.
    with scored as (
        select min(c.ordinal) as first, max(c.ordinal) as last
        from (
            select g.ordinal from pgscore.golden_row g
            where g.model = _measure.model and g.version = _measure.version and g.expected is not null
            order by g.ordinal
            limit greatest(10, least(100, 5000 / width))
        ) c
    )
    select count(*), array_agg(g.numbers order by g.ordinal) filter (where cardinality(g.numbers) > 0),
        array_agg(g.texts order by g.ordinal) filter (where cardinality(g.texts) > 0)
    into count, numbers, texts
    from scored s, pgscore._golden_arrays(_measure.model, _measure.version, s.first, s.last) g
    where g.expected is not null;
    if count = 0 then
        return;
    end if;
    -- A row's own arrays are cut out of all first: to reach a text goes through all that stand before it.
    select
        format(
            'from (select %s from generate_series(1, $3) as i (i) join ('
                'select g.g, ($1)[g.g:g.g] as numbers, ($2)[g.g:g.g] as texts'
                ' from generate_series(1, least($3, %%1$s)) as g (g) offset 0'
            ') s on s.g = 1 + mod(i.i - 1, %%1$s) offset 0) r',
            string_agg(format('%s as a%s', replace(e.element, '[', '[1]['), e.ordinal), ', ' order by e.ordinal)
        ),
        array_agg('r.a' || e.ordinal order by e.ordinal)
    into source, arguments
    from unnest(elements) with ordinality as e (element, ordinal);
    one := (
        select jsonb_object_agg(engines[t.query], t.times)
        from pgscore._time_in_turn(
            pgscore._measured_queries(model, version, engines, 'inlined', 'select %s ' || format(source, 1), arguments),
            numbers[1:1], texts[1:1], 1, 30, began + allowed / 2
        ) t
    );
    -- What takes long for one row is not asked for many: a thirtieth of a second's worth.
    rows := (
        select least(2000, greatest(20, 3e4 / greatest(max(t.least_time), 1)))
        from (select min(u::double precision) as least_time from jsonb_each(one) e, jsonb_array_elements(e.value) u group by e.key) t
    );
    if cardinality(scanned) > 0 then
        many := (
            select jsonb_object_agg(scanned[t.query], t.times)
            from pgscore._time_in_turn(
                pgscore._measured_queries(
                    model, version, scanned, null, 'select count(%s) ' || format(source, count), arguments
                ),
                numbers, texts, rows, 5, began + allowed
            ) t
        );
    end if;
    return query
    select
        e, array(select u::double precision from jsonb_array_elements(one -> e) u),
        case
            when pgscore._takes_arrays(e) then pgscore._measure_arrays(model, version, numbers, texts, began + allowed - clock_timestamp())
            else array(select u::double precision / rows from jsonb_array_elements(many -> e) u)
        end
    from unnest(engines) e;
end
$$;

create or replace function pgscore._choose_engines(
    model text, version integer, named text, max_seconds double precision default 10,
    out one_engine text, out many_engine text, out measured jsonb
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    engines constant text[] := pgscore._engines(model, version);
    -- What has no score to measure, or one engine only, needs no choice; and scikit-learn is the last resort, since each
    -- new connection pays seconds for it: it is not even timed beside others. Nor is onnxruntime, which needs a quarter
    -- of a second, and may be turned off.
    candidates constant text[] := coalesce(
        nullif(array(select e from unnest(engines) e where not pgscore._takes_arrays(e)), '{}'), engines
    );
begin
    if named is not null and named <> all (engines) then
        raise exception 'model "%" version % has no engine "%" in this database', model, version, named
            using errcode = 'invalid_parameter_value', hint = format('It has %s.', array_to_string(engines, ', '));
    end if;
    with times as materialized (
        select e.engine, coalesce(m.one_us, '{}') as one_us, coalesce(m.many_us, '{}') as many_us
        from unnest(candidates) as e (engine)
        left join pgscore._measure(model, version, candidates, coalesce(max_seconds, 'Infinity')) m on m.engine = e.engine
    )
    select
        coalesce(named, pgscore._choose_engine(jsonb_object_agg(t.engine, t.one_us))),
        coalesce(named, pgscore._choose_engine(jsonb_object_agg(t.engine, t.many_us))),
        -- As text: JSON has no infinity.
        jsonb_object_agg(t.engine, jsonb_build_array(
            coalesce((select min(u) from unnest(t.one_us) u), 'Infinity')::text,
            coalesce((select min(u) from unnest(t.many_us) u), 'Infinity')::text
        ))
    into one_engine, many_engine, measured
    from times t;
end
$$;

-- core/functions/_publish.sql
create or replace function pgscore._publish(
    model text, digest text, sha256 text, size bigint, format text, contract jsonb, signature bytea, key_id text,
    metrics jsonb, golden jsonb, program jsonb, out version integer, out created boolean, out wanted boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text;
begin
    if model is null or model !~ '^[a-z_][a-z0-9_]*$' or octet_length(model) > 50 then
        raise exception 'model name % is no identifier: lower-case letters, digits and _, at most 50',
            coalesce('"' || model || '"', 'NULL')
            using errcode = 'invalid_name';
    end if;
    if jsonb_array_length(golden) = 0 then
        raise exception 'model "%" comes without golden rows, and nothing is promoted unproved', model
            using errcode = 'invalid_parameter_value';
    end if;
    problem := case
        when program is not null then coalesce(
            pgscore._program_problem(program), pgscore._program_contract_problem(program, contract)
        )
    end;
    if problem is not null then
        raise exception 'the program of model "%" is refused: %', model, problem
            using errcode = 'invalid_parameter_value', hint = 'docs/program.md describes programs.';
    end if;
    problem := case when contract ? 'reason_codes' then coalesce(
        pgscore._reason_codes_problem(contract -> 'reason_codes'), pgscore._reason_registers_problem(program, contract)
    ) end;
    if problem is not null then
        raise exception 'the reason codes of model "%" are refused: %', model, problem
            using errcode = 'invalid_parameter_value', hint = 'docs/program.md describes them.';
    end if;
    insert into pgscore.model (name) values (model) on conflict do nothing;
    -- Versions are numbered one after the other. Not by a lock on the model's row: a publication that is left open would
    -- stand in the way of promotions. Whoever takes the same number, or publishes the same, waits and looks again.
    loop
        select v.version into version
        from pgscore.model_version v
        where v.model = _publish.model and v.digest = _publish.digest
            and (_publish.key_id is null or v.key_id = _publish.key_id)
        order by v.version desc
        limit 1;
        created := not found;
        exit when not created;
        select coalesce(max(v.version), 0) + 1 into version from pgscore.model_version v where v.model = _publish.model;
        begin
            insert into pgscore.model_version (
                model, version, digest, sha256, size, format, contract, signature, key_id, metrics
            ) values (
                _publish.model, _publish.version, _publish.digest, _publish.sha256, _publish.size, _publish.format,
                _publish.contract, _publish.signature, _publish.key_id, coalesce(_publish.metrics, '{}')
            );
            exit;
        exception when unique_violation then
            -- An older snapshot would never see what is there now.
            if current_setting('transaction_isolation') <> 'read committed' then
                raise;
            end if;
        end;
    end loop;
    if created then
        insert into pgscore.golden_row (model, version, ordinal, inputs, expected, outputs, scale)
        select
            _publish.model, _publish.version, g.ordinal, g.line -> 'inputs', (g.line ->> 'expected')::double precision,
            case when jsonb_typeof(g.line -> 'outputs') = 'array' then
                array(
                    select o.output::double precision
                    from jsonb_array_elements_text(g.line -> 'outputs') with ordinality as o (output, position)
                    order by o.position
                )
            end,
            coalesce((g.line ->> 'scale')::double precision, 0)
        from jsonb_array_elements(golden) with ordinality as g (line, ordinal);
        if program is not null then
            perform pgscore._store_program(model, version, program);
        end if;
    else
        -- An artifact that was pruned may come back, as its version stays the same.
        update pgscore.retirement r set pruned_at = null, pruned_by = null
        where r.model = _publish.model and r.version = _publish.version and r.pruned_at is not null;
        wanted := found;
    end if;
    wanted := created or wanted;
    if wanted then
        perform pgscore._compile_program(model, version);
        perform pgscore._create_explainer(model, version);
        perform pgscore._create_coder(model, version);
    end if;
end
$$;

-- core/functions/scoring.sql
-- The text of the functions that answer for a model: by JSON, by rows of a profile table, and the ones in front of
-- them, which choose by the model's name. Those that are inlined are parsed under the caller's search_path, so
-- everything in them names its schema, operators too.
--
-- A function for rows of a table names a version. Whether that one answers, it asks "churn serving"(), which each
-- promotion replaces and the planner folds away. So a function that a promotion could not replace is slow, not wrong.

create or replace function pgscore._model_functions(model text) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving record;
    payload text[];
    split record;
    posture text;
    score text;
begin
    select
        v.version, v.contract -> 'inputs' as inputs, v.contract -> 'output' as output, m.one_engine, v.digest,
        pgscore._first_engine(m.name) as first_engine, pgscore._counts_scores(m.name) as counts_scores
    into strict serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _model_functions.model;
    posture := 'sql stable parallel ' || case when pgscore._takes_arrays(serving.one_engine) then 'restricted' else 'safe' end;
    payload := pgscore._payload_arguments(serving.inputs, '$1');
    score := pgscore._lasting_call(serving.first_engine, serving.one_engine, model, serving.version, payload);
    split := pgscore._split_arguments(serving.inputs, payload);

    -- Stable, not immutable: plans depend on functions that were inlined, and not on constants that were computed.
    return next (
        pgscore._model_function(model, 'serving'), '{}', '{}', 'integer', 'sql stable parallel safe',
        'select ' || serving.version,
        format('Model "%s" version %s: the number of the version that answers', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, ''), '{payload}', '{jsonb}', 'double precision', posture,
        'select ' || score,
        format('Model "%s" version %s: a row as JSON', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'predict'), '{payload}', '{jsonb}', 'jsonb', posture,
        format(
            'select pgscore._prediction(%s, %L, %s)', serving.version, serving.output,
            pgscore._lasting_call(serving.first_engine, serving.one_engine, model, serving.version, payload, true)
        ),
        format('Model "%s" version %s: label and class probabilities, or value, of a row as JSON', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'scored'), '{payload}', '{jsonb}', 'pgscore.scored',
        'plpgsql stable parallel restricted set search_path = pg_catalog, pg_temp',
        case
            when pgscore._takes_arrays(serving.one_engine) then format(
                E'begin\n    return pgscore._estimate(%L, %s, %L, 1, %s, %s);\nend', model, serving.version, serving.digest,
                split.numbers, split.texts
            )
            else format(
                E'declare\n    score constant double precision := %s;\nbegin\n'
                    '    return (%s, array[score], array[case when score is null then pgscore._reason(%L, %s, %s, %s) end])'
                    '::pgscore.scored;\nend',
                score, serving.version, model, serving.version, split.numbers, split.texts
            )
        end,
        format('Model "%s" version %s: a row as JSON, with the version and the reason of a refusal', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'one'), '{numbers,texts}', '{double precision[],text[]}', 'double precision[]',
        case when serving.counts_scores then 'plpgsql volatile parallel unsafe' else posture end,
        case
            when serving.counts_scores then pgscore._lasting_row_sql(model, serving.version, serving.one_engine, serving.inputs)
            else format(
                'select array[%s, %s::pg_catalog.float8]',
                pgscore._given_call(serving.one_engine, model, serving.version, serving.inputs, null), serving.version
            )
        end,
        format('Model "%s" version %s: score and version of a row, given as its numbers and its texts', model, serving.version)
    )::pgscore.generated_function;
end
$$;

create or replace function pgscore._lasting_call(
    first_engine text, one_engine text, model text, version integer, arguments text[], every boolean default false
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if first_engine = one_engine then
        return pgscore._engine_call(one_engine, model, version, arguments, every, manner => 'query');
    end if;
    -- Queries count nothing, since what is counted cannot be in parallel workers; they follow what a binding has counted.
    return format(
        E'case when pgscore._can_interpret()\n    then %s\n    else %s\nend',
        pgscore._engine_call(one_engine, model, version, arguments, every, manner => 'apart'),
        pgscore._engine_call(first_engine, model, version, arguments, every)
    );
end
$$;

comment on function pgscore._model_function(text, text) is
    'The name of a function of a model''s: no word: the score; serving: the version; rows, rescore: what bindings ask; one: a row as arrays; predict, scored: by JSON';

grant execute on function pgscore._model_function(text, text) to pgscore_reader;

create or replace function pgscore._profile_functions(model text, profile regclass) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving record;
    problem record;
    arguments text[];
    present text[];
    split record;
    ordinary boolean[];
    is_current text;
    says text;
    row_type constant text := profile::text;
    many_posture text := 'sql stable parallel safe';
    rescore_posture text := 'sql stable parallel safe';
    rows_posture constant text := 'plpgsql stable parallel restricted set search_path = pg_catalog, pg_temp';
    late_score constant text := format('pgscore._late_score(%L, $1)', model);
    late_rows constant text := format('pgscore._late_rows(%L, $1)', model);
    late_rescore constant text := format('pgscore._late_rescore(%L, $2)', model);
    score text := 'select ' || late_score;
    rescore text := 'select ' || late_rescore;
    rows_body text := format(E'begin\n    return %s;\nend', late_rows);
begin
    select
        v.version, v.contract -> 'inputs' as inputs, m.one_engine, m.many_engine,
        pgscore._first_engine(m.name) as first_engine, pgscore._counts_scores(m.name) as counts_scores
    into serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _profile_functions.model;
    says := format('Model "%s" version %s: ', model, serving.version);
    select p.* into problem from pgscore._profile_problem(profile, serving.inputs) p where serving.version is not null;
    if serving.version is null then
        -- Triggers name what stands here; a promotion replaces it.
        says := format('Model "%s", without a version that answers: ', model);
    elsif problem.message is null then
        ordinary := pgscore._ordinary_columns(profile, serving.inputs);
        arguments := pgscore._profile_arguments(profile, serving.inputs, '($1)');
        is_current := format('%s() operator(pg_catalog.=) %s', pgscore._model_function(model, 'serving'), serving.version);
        -- Queries take the engine for many rows. What it calls may be parallel safe, and the estimator engine is not.
        score := format(
            E'select case when %s\n    then %s\n    else %s\nend', is_current,
            pgscore._engine_call(serving.many_engine, model, serving.version, arguments, false, ordinary, 'scan'), late_score
        );
        present := pgscore._profile_arguments(profile, serving.inputs, '($2)');
        -- A function that counts is given arrays, not rows: PL/pgSQL takes a row apart and puts it together again.
        split := pgscore._split_arguments(serving.inputs, present);
        rescore := format(
            E'select case when not %s\n    then %s\n    when $3 or %s\n    then %s\nend', is_current, late_rescore,
            pgscore._inputs_differ(profile, serving.inputs, '($1)', '($2)'),
            case
                when serving.counts_scores
                then format('%s(%s, %s)', pgscore._model_function(model, 'one'), split.numbers, split.texts)
                else format(
                    'array[%s, %s::pg_catalog.float8]',
                    pgscore._engine_call(serving.one_engine, model, serving.version, present, false, ordinary, 'brief'),
                    serving.version
                )
            end
        );
        if serving.counts_scores then
            rescore_posture := 'sql volatile parallel unsafe';
        end if;
        rows_body := format(
            E'begin\n    if not %s then\n        return %s;\n    end if;\n'
                '    -- Neither pays for the other''s plan.\n'
                '    if cardinality($1) = 1 then\n        %s\n    end if;\n    %s\nend',
            is_current, late_rows,
            pgscore._rows_statement(model, serving.version, serving.inputs, serving.first_engine, profile),
            pgscore._rows_statement(model, serving.version, serving.inputs, serving.many_engine, profile)
        );
        if pgscore._takes_arrays(serving.many_engine) then
            many_posture := 'sql stable parallel restricted';
        end if;
        if pgscore._takes_arrays(serving.one_engine) then
            rescore_posture := 'sql stable parallel restricted';
        end if;
    else
        -- It asks again at each call: the column may come back.
        says := says || problem.message || ': ';
    end if;
    if serving.version is not null then
        return next (
            pgscore._model_function(model, ''), '{profile}', array[row_type], 'double precision', many_posture, score,
            format('%sa row of %s', says, profile)
        )::pgscore.generated_function;
    end if;
    return next (
        pgscore._model_function(model, 'rescore'), '{former,present,forced}', array[row_type, row_type, 'boolean'],
        'double precision[]', rescore_posture, rescore,
        format('%sscore and version of a row of %s, if what the model reads has changed; without a score, ask for an array of one row', says, profile)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'rows'), '{profiles}', array[row_type || '[]'], 'pgscore.scored', rows_posture, rows_body,
        format('%srows of %s, with the version and the reasons of refusals', says, profile)
    )::pgscore.generated_function;
end
$$;

comment on function pgscore._profile_functions(text, regclass) is
    'The functions of a model that take rows of one profile table, naming the version that serves; where a column is missing, they say so; where none serves, those that triggers call';

create function pgscore._given_call(engine text, model text, version integer, inputs jsonb, manner text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Elements by their place among the numbers, or among the texts.
    elements constant text[] := array(
        select format(
            case when e.is_text then '($2)[%s]' else '($1)[%s]' end,
            row_number() over (partition by e.is_text order by e.ordinal)
        )
        from (
            select i.ordinal, i.input ->> 'type' = 'text' as is_text
            from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
        ) e
        order by e.ordinal
    );
    split record;
begin
    if engine = 'sql' and manner = 'careful' then
        return pgscore._scorer_call_sql(model, version, cardinality(elements), elements, true);
    elsif engine = 'sql' then
        return pgscore._engine_call(
            'sql', model, version, elements, false, array_fill(false, array[cardinality(elements)]), manner
        );
    end if;
    -- What takes arrays takes them as they are.
    select nullif(s.numbers, 'null') as numbers, nullif(s.texts, 'null') as texts into split
    from pgscore._split_arguments(inputs, elements) s;
    return replace(
        replace(pgscore._engine_call(engine, model, version, elements, manner => manner), coalesce(split.numbers, ''), '$1'),
        coalesce(split.texts, ''), '$2'
    );
end
$$;

comment on function pgscore._given_call(text, text, integer, jsonb, text) is
    'SQL that scores a row with one engine of a version, its numbers given as $1 and its texts as $2; careful: all outputs by the function for any row';

create function pgscore._lasting_row_sql(model text, version integer, one_engine text, inputs jsonb) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    positive constant integer := (
        select (v.contract #>> '{output,positive}')::integer from pgscore.model_version v
        where v.model = _lasting_row_sql.model and v.version = _lasting_row_sql.version
    );
    interpreting text := '';
    walking text := '';
begin
    if one_engine = 'interpreter' then
        interpreting := format(
            $body$
    if pg_catalog.current_setting('pgscore.lasting', true) operator(pg_catalog.=) 'on' then
        -- PL/Python has been paid for in this session, or is now. Where it does not work, sql goes on.
        begin
            score := %1$s;
            if score operator(pg_catalog.=) 'NaN' then
                -- This session does not have the program yet.
                score := %2$s;
            end if;
            return array[score, %3$s::pg_catalog.float8];
        exception
            when transaction_rollback then raise;
            when others then perform pgscore._stop_interpreting(%4$L, sqlerrm);
        end;
    end if;$body$,
            pgscore._given_call('interpreter', model, version, inputs, 'walk'),
            pgscore._given_call('interpreter', model, version, inputs, 'apart'), version, model
        );
    end if;
    if pgscore._has_walked(model, version) then
        -- In a statement of its own, so that most sessions do not plan what few rows need.
        walking := format(
            $body$
        score := %1$s;
        if score is null then
            score := (%2$s)[%3$s];
        end if;
        return array[score, %4$s::pg_catalog.float8];$body$,
            pgscore._given_call('sql', model, version, inputs, 'walk'),
            pgscore._given_call('sql', model, version, inputs, 'careful'), coalesce(positive, 0) + 1, version
        );
    end if;
    return format(
        $body$declare
    score pg_catalog.float8;
    mark pg_catalog.text;
begin%1$s
    -- Only now: each statement costs a transaction something.
    mark := pg_catalog.current_setting('pgscore.lasting', true);
    if mark is null or not mark operator(pg_catalog.=) any ('{on,sql}'::pg_catalog.text[]) then
        -- A session that scores a few rows only plans and starts as little as it can. After the ninth it lasts.
        mark := pg_catalog.set_config(
            'pgscore.lasting',
            case when pg_catalog.length(mark) operator(pg_catalog.>=) 8 then 'on' else pg_catalog.concat(mark, '.') end, false
        );%2$s
    end if;
    return array[%3$s, %4$s::pg_catalog.float8];
end$body$,
        interpreting, walking, pgscore._given_call('sql', model, version, inputs, null), version
    );
end
$$;

comment on function pgscore._lasting_row_sql(text, integer, text, jsonb) is
    'The body of a function that scores a row given as arrays: without a plan to make at first, and in sessions that last with the engine that was chosen';

create or replace function pgscore._rows_statement(model text, version integer, inputs jsonb, engine text, profile regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    row_arguments constant text[] := pgscore._profile_arguments(profile, inputs, 'pgscore_row');
    -- The table's number makes the plan depend on it: a change of its columns reaches the plans of open sessions.
    depending constant text := format('where pg_typeof(%L::regclass) is not null', profile::oid);
    each_row constant text := ') from unnest($1) as pgscore_row ' || depending || ')';
    split record;
begin
    if pgscore._takes_arrays(engine) then
        split := pgscore._split_arguments(inputs, pgscore._present_arguments(inputs, row_arguments));
        return format(
            'return pgscore._estimate(%L, %s, %L, cardinality($1), %s, %s);', model, version,
            (
                select v.digest from pgscore.model_version v
                where v.model = _rows_statement.model and v.version = _rows_statement.version
            ),
            coalesce('(select array_agg(' || nullif(split.numbers, 'null') || each_row, 'null'),
            coalesce('(select array_agg(' || nullif(split.texts, 'null') || each_row, 'null')
        );
    end if;
    -- A scan of an array is in its order; the subquery keeps each score from being computed twice; a reason is asked for
    -- only where there is no score.
    split := pgscore._split_arguments(inputs, pgscore._profile_arguments(profile, inputs, '(s.pgscore_row)'));
    return format(
        'return (
            select (%s, array_agg(s.score), array_agg(
                case when s.score is null then pgscore._reason(%L, %s, %s, %s) end
            ))::pgscore.scored
            from (select %s as score, pgscore_row from unnest($1) as pgscore_row offset 0) s
            %s
        );',
        version, model, version, split.numbers, split.texts,
        pgscore._engine_call(engine, model, version, row_arguments), depending
    );
end
$$;

create or replace function pgscore._payload_dispatch() returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    models text[];
    posture text;
begin
    -- As safe as the least safe of what it calls.
    select
        coalesce(array_agg(m.name order by m.name), '{}'),
        'sql stable parallel ' || case when bool_or(pgscore._takes_arrays(m.one_engine)) then 'restricted' else 'safe' end
    into models, posture
    from pgscore.model m
    where m.serving is not null;
    return next (
        'pgscore.score', '{model,payload}', '{text,jsonb}', 'double precision', posture,
        pgscore._chosen(models, '', '$2', 'pgscore._no_answer($1)'),
        'The score that a model''s serving version gives for a row as JSON'
    )::pgscore.generated_function;
    return next (
        'pgscore.predict', '{model,payload}', '{text,jsonb}', 'jsonb', posture,
        pgscore._chosen(models, 'predict', '$2', 'pg_catalog.to_jsonb(pgscore._no_answer($1))'),
        'What a model''s serving version says of a row as JSON: label and class probabilities, or value'
    )::pgscore.generated_function;
    return next (
        'pgscore._scored', '{model,payload}', '{text,jsonb}', 'pgscore.scored', 'sql stable parallel restricted',
        pgscore._chosen(models, 'scored', '$2', 'null::pgscore.scored'),
        'The score of a row as JSON, the version that gave it and the reason of a refusal; NULL where no version is promoted'
    )::pgscore.generated_function;
end
$$;

create or replace function pgscore._profile_dispatch(profile regclass) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    models text[];
    many_posture text;
    rescore_posture text;
    row_type constant text := profile::text;
begin
    select
        coalesce(array_agg(m.name order by m.name), '{}'),
        'sql stable parallel ' || case when bool_or(pgscore._takes_arrays(m.many_engine)) then 'restricted' else 'safe' end,
        case
            when bool_or(pgscore._counts_scores(m.name)) then 'sql volatile parallel unsafe'
            when bool_or(pgscore._takes_arrays(m.one_engine)) then 'sql stable parallel restricted'
            else 'sql stable parallel safe'
        end
    into models, many_posture, rescore_posture
    from pgscore.model m
    join pgscore._scored_tables() t on t.model = m.name and t.profile = _profile_dispatch.profile
    where m.serving is not null
        -- What a promotion had to leave out.
        and to_regprocedure(format('%s(%s[])', pgscore._model_function(m.name, 'rows'), row_type)) is not null;
    return next (
        'pgscore.score', '{model,profile}', array['text', row_type], 'double precision', many_posture,
        pgscore._chosen(models, '', '$2', 'pgscore._late_score($1, $2)'),
        format('The score that a model''s serving version gives for a row of %s', profile)
    )::pgscore.generated_function;
    return next (
        'pgscore._rescore', '{model,former,present,forced}', array['text', row_type, row_type, 'boolean'], 'double precision[]',
        rescore_posture, pgscore._chosen(models, 'rescore', '$2, $3, $4', 'pgscore._late_rescore($1, $3)'),
        format('Score and version of a row of %s; NULL if what the model reads has not changed, or no version is promoted', profile)
    )::pgscore.generated_function;
    return next (
        'pgscore._score_rows', '{model,profiles}', array['text', row_type || '[]'], 'pgscore.scored',
        'sql stable parallel restricted', pgscore._chosen(models, 'rows', '$2', 'pgscore._late_rows($1, $2)'),
        format('Scores of rows of %s and the version that gave them; NULL where no version is promoted', profile)
    )::pgscore.generated_function;
end
$$;

create or replace function pgscore._replace_profile(profile regclass, models text[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = profile);
    scored constant text[] := array(select t.model from pgscore._scored_tables() t where t.profile = _replace_profile.profile);
begin
    if space is null or cardinality(scored) = 0 and not has_schema_privilege(space, 'usage') then
        return;
    elsif not has_schema_privilege(space, 'usage') then
        raise exception 'pgscore_owner may not use schema %, and functions are generated on the row type of %', space, profile
            using errcode = 'insufficient_privilege', hint = format('grant usage on schema %s to pgscore_owner', space);
    end if;
    perform pgscore._create_function(f)
    from unnest(scored) as m (model), pgscore._profile_functions(m.model, profile) f
    -- A row about a binding is its owner's to write, and no other name is a model's.
    where m.model = any (models) and m.model ~ '^[a-z_][a-z0-9_]*$' and octet_length(m.model) <= 50;
    if cardinality(scored) > 0 or to_regprocedure(format('pgscore._score_rows(text, %s[])', profile)) is not null then
        perform pgscore._create_function(f) from pgscore._profile_dispatch(profile) f;
    end if;
    perform pgscore._drop_functions(profile, scored);
end
$$;

drop function pgscore._generate_profile(profile regclass);

create function pgscore._generate_profile(profile regclass, only_model text default null) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
    perform pgscore._note_tables();
    for attempt in 1 .. 3 loop
        begin
            perform pgscore._replace_profile(
                profile, array(
                    select t.model from pgscore._scored_tables() t
                    where t.profile = _generate_profile.profile and (t.model = only_model or only_model is null)
                )
            );
            return;
        exception
            -- Somebody else replaces the same functions: "tuple concurrently updated" is an internal error.
            when lock_not_available or unique_violation or internal_error then
                if attempt = 3 and to_regprocedure(format('pgscore._score_rows(text, %s[])', profile)) is null then
                    raise;
                end if;
        end;
    end loop;
    -- What stands there is slow at worst.
end
$$;

comment on function pgscore._generate_profile(regclass, text) is
    'Generates the functions for rows of a table anew, from the models that score it, or one of them; what is right stays as it is';

grant execute on function pgscore._generate_profile(regclass, text) to pgscore_reader;

create or replace function pgscore._outdated_profiles(model text default null) returns table (model text, profile regclass)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select m.name, t.profile
    from pgscore._scored_tables() t
    join pgscore.model m on m.name = t.model
    join pg_catalog.pg_class c on c.oid = t.profile
    where (m.name = _outdated_profiles.model or _outdated_profiles.model is null)
        and case
            -- Without it not even the names of functions are found.
            when not has_schema_privilege(c.relnamespace, 'usage') then m.serving is not null
            -- Before a version is promoted only triggers call something.
            when m.serving is null and not t.is_bound then false
            else exists (
                select from pgscore._profile_functions(m.name, t.profile) f where not pgscore._is_generated(f)
                union all
                select from pgscore._profile_dispatch(t.profile) f where not pgscore._is_generated(f)
            )
        end
    order by m.name, t.profile::text
$$;

-- core/functions/ties.sql
-- Giving a table to a model to score, and taking it away: with the caller's rights, who may read the table.

create or replace function pgscore._add_profile(model text, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    kind constant "char" := (select c.relkind from pg_catalog.pg_class c where c.oid = profile);
begin
    if kind is null then
        raise exception 'the table that model "%" is to score was dropped', model using errcode = 'undefined_table';
    elsif kind not in ('r', 'p', 'v', 'm', 'f') then
        raise exception '% is no table', profile using errcode = 'wrong_object_type';
    elsif pgscore._is_readable(profile) is null then
        raise exception 'table % is temporary or the system''s: its rows are scored without functions of their own', profile
            using errcode = 'wrong_object_type';
    elsif not pgscore._is_readable(profile) then
        raise exception '% may not read table %, and so has no model score its rows', current_user, profile
            using errcode = 'insufficient_privilege', hint = format('grant select on %s to %I', profile, current_user);
    end if;
    insert into pgscore.model_profile (model, profile, schema_name, table_name)
    select _add_profile.model, c.oid, n.nspname, c.relname
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = _add_profile.profile
    on conflict do nothing;
    -- Those of other models are theirs to look after.
    perform pgscore._generate_profile(profile, model);
end
$$;

-- core/functions/dependents.sql
-- What holds a score. PostgreSQL inlines a score to an immutable expression, and so lets it into indexes and the like.
-- What is stored there is of the version that answered, and a promotion makes it wrong. This reads the catalog, and
-- evaluates nothing of anybody's. Expressions are looked at as PostgreSQL keeps them: to have them written out would
-- lock tables.

create or replace function pgscore._answers() returns table (called oid, model text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Functions of one version, "churn 7" and its kind, stay what they are.
    select p.oid, split_part(p.proname, ' ', 1)
    from pg_catalog.pg_proc p
    where p.pronamespace = to_regnamespace('pgscore_models') and split_part(p.proname, ' ', 2) !~ '^[0-9]'
    union all
    select p.oid, null
    from pg_catalog.pg_proc p
    where p.pronamespace = 'pgscore'::regnamespace
        and p.proname in (
            'score', 'predict', 'score_rows', '_scored', '_score_row', '_score_rows', '_rescore', '_late_score',
            '_late_rows', '_late_rescore'
        )
$$;

create or replace function pgscore._written_models(body text, path text) returns setof text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select distinct f.found[1]
    from (
        select regexp_matches(
            body,
            case when path ~ 'pgscore' then E'(?:pgscore\\s*\\.\\s*|\\m)' else E'pgscore"?\\s*\\.\\s*' end
                || E'"?(?:score|predict|score_rows|_scored|_score_rows?|_rescore)"?\\s*\\('
                || E'(?:\\s*(?:model\\s*(?:=>|:=)\\s*)?''([a-z_][a-z0-9_]*)''(?:\\s*::\\s*text)?\\s*,)?',
            'gi'
        )
        union all
        select array[split_part(coalesce(m.found[1], m.found[2]), ' ', 1)]
        from regexp_matches(body, E'pgscore_models"?\\s*\\.\\s*(?:"([^"]+)"|([a-z_][a-z0-9_]*))', 'gi') as m (found)
        where split_part(coalesce(m.found[1], m.found[2]), ' ', 2) !~ '^[0-9]'
    ) f (found)
$$;

-- core/reasons/explain.sql
create function pgscore._unexplained(model text, version integer, out message text, out hint text)
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
begin
    select v.version, p.program, (v.contract #>> '{output,positive}')::integer as positive, r.pruned_at into described
    from pgscore.model_version v
    left join pgscore.program p on p.model = v.model and p.version = v.version
    left join pgscore.retirement r on r.model = v.model and r.version = v.version
    where v.model = _unexplained.model and v.version = _unexplained.version;
    if described.version is null then
        message := format('model "%s" has no version %s', model, version);
        hint := format('`pgscore show %s` lists its versions.', model);
    elsif described.pruned_at is not null then
        message := format('model "%s" version %s was pruned: its artifact is gone', model, version);
        hint := 'Publish the same file again to bring it back.';
    else
        message := pgscore._explanation_problem(described.program, coalesce(described.positive, 0));
        if message is not null then
            message := format('model "%s" version %s cannot be explained: %s', model, version, message);
            hint := 'docs/guide/explaining.md says which models can.';
        elsif to_regprocedure(format('%s(double precision[],text[])', pgscore._scorer_name(model, version, 'r'))) is null then
            message := format('model "%s" version %s has no function that explains it', model, version);
            hint := format('An operator runs select pgscore.promote(%L, %s).', model, version);
        elsif to_regprocedure('pgscore_trusted._walk_reasons(text,double precision[],text[])') is null
            and exists (
                select from pg_catalog.pg_proc f
                where f.oid = to_regprocedure(format('%s(double precision[],text[])', pgscore._scorer_name(model, version, 'r')))
                    and f.provolatile = 's'
            )
        then
            message := format(
                'model "%s" version %s cannot be explained: its trees take PL/Python, which this database lacks, or has of an older release',
                model, version
            );
            hint := 'A superuser runs: alembic upgrade plpython@head';
        end if;
    end if;
end
$$;

comment on function pgscore._unexplained(text, integer) is
    'Why the scores of a version cannot be explained here; NULL where they can';

grant execute on function pgscore._unexplained(text, integer) to pgscore_reader;

create function pgscore._reasons(model text, version integer, payload jsonb, out inputs jsonb, out reasons double precision[])
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    explainer constant regprocedure := to_regprocedure(pgscore._scorer_name(model, version, 'r') || '(double precision[],text[])');
    problem record;
begin
    if explainer is null then
        select u.* into problem from pgscore._unexplained(model, version) u;
        raise exception '%', problem.message using errcode = 'feature_not_supported', hint = coalesce(problem.hint, '');
    end if;
    select v.contract -> 'inputs' into inputs
    from pgscore.model_version v where v.model = _reasons.model and v.version = _reasons.version;
    execute format('select %s($1, $2)', explainer::regproc) into reasons
    using pgscore._payload_numbers(inputs, payload), pgscore._payload_texts(inputs, payload);
    -- Last stands the score: where it is no number there is nothing to explain.
    if reasons[cardinality(reasons)] is null then
        reasons := null;
    end if;
end
$$;

comment on function pgscore._reasons(text, integer, jsonb) is
    'What each input of a version adds to the score of a row as JSON, then the base, and last the score; NULL where there is no score';

grant execute on function pgscore._reasons(text, integer, jsonb) to pgscore_reader;

create function pgscore.explain(model text, payload jsonb, version integer default null)
returns table (input text, value text, contribution double precision)
language plpgsql stable parallel restricted rows 20
set search_path = pg_catalog, pg_temp
as $$
declare
    found record;
begin
    version := coalesce(version, (select m.serving from pgscore.model m where m.name = model));
    if version is null then
        perform pgscore._no_answer(model);
    elsif payload is null then
        return;
    end if;
    select r.* into found from pgscore._reasons(model, version, payload) r;
    if found.reasons is null then
        return;
    end if;
    value := null;
    contribution := found.reasons[cardinality(found.reasons) - 1];
    return next;
    return query
    select i.input ->> 'name', payload ->> (i.input ->> 'name'), found.reasons[i.ordinal]
    from jsonb_array_elements(found.inputs) with ordinality as i (input, ordinal)
    order by abs(found.reasons[i.ordinal]) desc, i.ordinal;
end
$$;

comment on function pgscore.explain(text, jsonb, integer) is
    'What each input of a model adds to the score of a row as JSON, the strongest first, after the base, whose input is NULL: together they are the score in the space of the link (log-odds, log, the value itself). No rows where there is no score. Of the version that answers, unless one is named';

grant execute on function pgscore.explain(text, jsonb, integer) to pgscore_reader;

create function pgscore.explain(model text, profile record, version integer default null)
returns table (input text, value text, contribution double precision)
language plpgsql stable parallel restricted rows 20
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return query select e.* from pgscore.explain(model, to_jsonb(profile), version) e;
end
$$;

comment on function pgscore.explain(text, record, integer) is
    'What each input of a model adds to the score of any row that has its inputs as columns, as for a row as JSON';

grant execute on function pgscore.explain(text, record, integer) to pgscore_reader;

-- core/bulk/source.sql
-- What is to be scored: the columns of a table or of a query.

create function pgscore._table_columns(source regclass) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        jsonb_agg(jsonb_build_object('name', a.attname, 'type', a.atttypid, 'modifier', a.atttypmod) order by a.attnum)
            filter (where a.attnum is not null),
        '[]'
    )
    from pg_catalog.pg_class c
    left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.oid = source
    group by c.oid
$$;

comment on function pgscore._table_columns(regclass) is 'The columns of a table, in its order: name, type and the type''s modifier of each; NULL where there is no such table';

create function pgscore._described_columns(columns jsonb) returns table (place bigint, name text, type oid, modifier integer)
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select c.ordinal, c.described ->> 'name', (c.described ->> 'type')::oid, (c.described ->> 'modifier')::integer
    from jsonb_array_elements(columns) with ordinality as c (described, ordinal)
$$;

comment on function pgscore._described_columns(jsonb) is 'What is known of each column: its position, name, type and the type''s modifier';

create function pgscore._aliases_sql(columns integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- By position: a query may give two columns one name.
    select string_agg('c' || i, ', ' order by i) from generate_series(1, columns) i
$$;

comment on function pgscore._aliases_sql(integer) is 'What statements call so many columns of what is to be scored';

create function pgscore._names_sql(query text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- One row of NULLs, whatever the query gives: it is planned, and not run. A comment may end it. With the star it is
    -- the row, also where one of its columns has that name.
    select format(
        E'select pg_catalog.row_to_json(pgscore_row.*) from (select pgscore_query.* from (values (1)) as pgscore_one (one)'
            ' left join (select * from (%s\n) as pgscore_given limit 0) as pgscore_query on true) as pgscore_row',
        query
    )
$$;

comment on function pgscore._names_sql(text) is 'SQL for the names of a query''s columns, as an object in JSON';

create function pgscore._types_sql(query text, names json) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        E'select array[%1$s]::pg_catalog.oid[] from (values (1)) as pgscore_one (one)'
            ' left join (select * from (%2$s\n) as pgscore_given limit 0) as pgscore_query%3$s on true',
        string_agg(format('pg_catalog.pg_typeof(c%s)', k.ordinal), ', ' order by k.ordinal), query,
        ' (' || pgscore._aliases_sql(count(*)::integer) || ')'
    )
    from json_object_keys(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._types_sql(text, json) is
    'SQL for the types of a query''s columns, whose names stand in an object in JSON';

create function pgscore._query_columns(names json, types oid[]) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_agg(jsonb_build_object('name', k.name, 'type', types[k.ordinal], 'modifier', -1) order by k.ordinal)
    from json_object_keys(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._query_columns(json, oid[]) is 'The columns of a query, in its order: name, type and the type''s modifier of each';

create function pgscore._is_name(query text) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select query ~ E'^\\s*("([^"]|"")+"|[^][\\s"(),;.:*/+-]+)(\\s*\\.\\s*("([^"]|"")+"|[^][\\s"(),;.:*/+-]+)){0,2}\\s*$'
$$;

comment on function pgscore._is_name(text) is 'Whether a text is the name of a table rather than a query';

create function pgscore._json_value(value anyelement, name text, type text) returns text
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return pgscore._payload_value(jsonb_build_object(name, value), name, type);
end
$$;

comment on function pgscore._json_value(anyelement, text, text) is
    'One input out of a column of any type, as pgscore.score reads it of a row: by way of JSON, refused where it is of another type than the contract''s';

grant execute on function
    pgscore._table_columns(regclass), pgscore._names_sql(text), pgscore._types_sql(text, json),
    pgscore._aliases_sql(integer), pgscore._query_columns(json, oid[]), pgscore._is_name(text), pgscore._json_value(anyelement, text, text)
    to pgscore_reader;

-- core/bulk/plan.sql
create function pgscore._rows_version(model text, version integer) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving constant integer := (select m.serving from pgscore.model m where m.name = model);
begin
    if version is null and serving is null then
        perform pgscore._no_answer(model);
    elsif version is null then
        return serving;
    end if;
    version := pgscore._existing_version(model, version);
    perform pgscore._refuse_pruned(model, version);
    return version;
end
$$;

comment on function pgscore._rows_version(text, integer) is
    'The version that is to score rows: the one that is named, or the one that serves; refused where there is none';

create function pgscore._rows_engine(model text, version integer) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    chosen constant text := (
        select m.many_engine from pgscore.model m where m.name = _rows_engine.model and m.serving = _rows_engine.version
    );
    size constant integer := (
        select p.size from pgscore.program p where p.model = _rows_engine.model and p.version = _rows_engine.version
    );
begin
    if chosen is not null then
        return chosen;
    elsif size is null then
        return pgscore._called_engine(model, version);
    elsif size <= pgscore._largest_sql_program() then
        return 'sql';
    elsif to_regproc('pgscore_trusted._walk') is not null then
        return 'interpreter';
    end if;
    -- Says what is missing.
    return (pgscore._engines(model, version))[1];
end
$$;

comment on function pgscore._rows_engine(text, integer) is
    'The engine that scores many rows: of the version that serves the one that was chosen, of others the first that needs least';

create function pgscore._key_expression(columns jsonb, key name[], words text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    named record;
    texts text[] := '{}';
begin
    for named in
        select k.name, count(c.name) as times, min(c.place) as place
        from unnest(key) with ordinality as k (name, ordinal)
        left join pgscore._described_columns(columns) c on c.name = k.name::text
        group by k.name, k.ordinal
        order by k.ordinal
    loop
        if named.name is null or named.times <> 1 then
            raise exception '% has % column "%" for the key', words, case named.times when 0 then 'no' else 'more than one' end, named.name
                using errcode = case named.times when 0 then 'undefined_column' else 'ambiguous_column' end,
                      hint = 'key names columns of what is scored.';
        end if;
        texts := texts || format('pgscore_row.c%s::pg_catalog.text', named.place);
    end loop;
    return case cardinality(texts)
        -- Of a query, and of a table without a primary key.
        when 0 then 'pgscore_row.c1::pg_catalog.text'
        when 1 then texts[1]
        else format('array[%s]::pg_catalog.text', array_to_string(texts, ', '))
    end;
end
$$;

comment on function pgscore._key_expression(jsonb, name[], text) is
    'SQL for the key of a row, as text: of these columns of what is scored, or of the first where none is named';

create function pgscore._source_arguments(
    model text, inputs jsonb, columns jsonb, source regclass, words text,
    out arguments text[], out ordinary boolean[]
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- pgscore.score has functions of its own for rows of such a table, which are stricter with types.
    is_tied constant boolean := exists (
        select from pgscore._scored_tables() t where t.model = _source_arguments.model and t.profile = source
    );
    given record;
    problem record;
    expression text;
begin
    for given in
        select i.input, i.input ->> 'name' as name, i.input ->> 'type' as wanted, count(c.name) as times, min(c.place) as place,
            min(c.type) as type, min(c.modifier) as modifier
        from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
        left join pgscore._described_columns(columns) c on c.name = i.input ->> 'name'
        group by i.input, i.ordinal
        order by i.ordinal
    loop
        if given.times <> 1 then
            raise exception '% has % column "%", which the model reads', words,
                case given.times when 0 then 'no' else 'more than one' end, given.name
                using errcode = case given.times when 0 then 'undefined_column' else 'ambiguous_column' end;
        end if;
        expression := (
            select e.expression
            from pgscore._column_expression(given.wanted, given.type, given.modifier, 'pgscore_row.c' || given.place) e
        );
        if expression is null and is_tied then
            select p.* into problem from pgscore._profile_column(source, given.input, 'p') p;
            raise exception '%', problem.message using errcode = problem.sqlstate, hint = problem.hint;
        end if;
        arguments := arguments || coalesce(
            expression,
            format('pgscore._json_value(pgscore_row.c%s, %L, %L)', given.place, given.name, given.wanted)
                || case given.wanted
                    when 'text' then ''
                    when 'boolean' then '::pg_catalog.bool::pg_catalog.int4::pg_catalog.float8'
                    else '::pg_catalog.float8'
                end
        );
        ordinary := ordinary || (
            given.type in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'boolean'::regtype, 'real'::regtype)
        );
    end loop;
end
$$;

comment on function pgscore._source_arguments(text, jsonb, jsonb, regclass, text) is
    'SQL for each input of a contract, read from the columns of what is scored, and whether it holds neither huge nor tiny numbers; refused where a column is missing';

create function pgscore._rows_plan(
    model text, asked integer, columns jsonb, source regclass, key name[],
    out version integer, out digest text, out first integer, out most integer, out is_chunked boolean, out statement text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    words constant text := case when source is null then 'the query' else 'table ' || source end;
    described jsonb;
    engine text;
    key_sql text;
    given record;
    split record;
begin
    if columns is null and source is not null then
        raise exception '% does not exist', words using errcode = 'undefined_table';
    end if;
    version := pgscore._rows_version(model, asked);
    engine := pgscore._rows_engine(model, version);
    is_chunked := pgscore._takes_arrays(engine);
    select v.contract -> 'inputs', v.digest into described, digest
    from pgscore.model_version v
    where v.model = _rows_plan.model and v.version = _rows_plan.version;
    most := pgscore._most_chunk_rows(described);
    -- Nothing is known of the texts yet.
    first := least(most, 1000);
    select a.* into given from pgscore._source_arguments(model, described, columns, source, words) a;
    key_sql := pgscore._key_expression(columns, coalesce(key, pgscore._row_key(source)), words);
    if is_chunked then
        select s.* into split from pgscore._split_arguments(described, pgscore._present_arguments(described, given.arguments)) s;
        statement := format('select %s, %s::pg_catalog.float8[], %s::pg_catalog.text[]', key_sql, split.numbers, split.texts);
    else
        select s.* into split from pgscore._split_arguments(described, given.arguments) s;
        -- The score is computed once; a reason is asked for where there is none.
        statement := format(
            'select pgscore_row.pgscore_key, pgscore_row.pgscore_score, %1$s,'
                ' case when pgscore_row.pgscore_score is null then pgscore._reason(%2$L, %1$s, %3$s, %4$s) end'
                ' from (select pgscore_row.*, %5$s as pgscore_key, %6$s as pgscore_score',
            version, model, split.numbers, split.texts, key_sql,
            pgscore._engine_call(engine, model, version, given.arguments, false, given.ordinary, 'scan')
        );
    end if;
    statement := format(
        E'%s from %%s as pgscore_row (%s)%s', replace(statement, '%', '%%'), pgscore._aliases_sql(jsonb_array_length(columns)),
        case when is_chunked then '' else ' offset 0) as pgscore_row' end
    );
end
$$;

comment on function pgscore._rows_plan(text, integer, jsonb, regclass, name[]) is
    'How rows are scored: version and digest, and a statement with %s for a table or a query in parentheses. Where chunked it gives keys, numbers and texts, of which most rows are scored together; else it gives the answer';

grant execute on function pgscore._rows_plan(text, integer, jsonb, regclass, name[]) to pgscore_reader;

-- core/bulk/chunks.sql
-- Chunks of a cursor. Nothing here has a pinned path: what a cursor runs is the caller's, and looks up its names along the
-- caller's path. So every name has its schema.

create function pgscore._fetch(source refcursor, rows integer) returns setof record
language plpgsql volatile parallel unsafe
as $$
begin
    return query execute pg_catalog.format('fetch forward %s from %I', rows, source);
end
$$;

comment on function pgscore._fetch(refcursor, integer) is 'The next rows of a cursor, as a set';

grant execute on function pgscore._fetch(refcursor, integer) to pgscore_reader;

create function pgscore._most_chunk_rows(inputs jsonb) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- An estimator's call costs it milliseconds, whatever it is given; a chunk of the widest model has megabytes.
    select greatest(100, least(32768, 400000 / greatest(jsonb_array_length(inputs), 1)))
$$;

comment on function pgscore._most_chunk_rows(jsonb) is 'How many rows of a model with these inputs are scored together at most';

create function pgscore._next_chunk_rows(rows integer, most integer, texts text[]) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when pg_column_size(texts) > 16000000 then greatest(rows / 4, 1)
        when pg_column_size(texts) > 4000000 then rows
        -- As many as make about that much of texts, which may be longer from here on.
        else least(rows * least(16, greatest(2, 4000000 / greatest(pg_column_size(texts), 1))), most)
    end
$$;

comment on function pgscore._next_chunk_rows(integer, integer, text[]) is
    'How many rows the next chunk is to have, after one of that many with these texts: long texts make short chunks';

grant execute on function
    pgscore._most_chunk_rows(jsonb), pgscore._next_chunk_rows(integer, integer, text[])
    to pgscore_reader;

-- core/bulk/score_rows.sql
create function pgscore._refuse_source(query text) returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if query is null or query ~ E'^[\\s;]*$' then
        raise exception 'there is no query, and no table, whose rows are to be scored' using errcode = 'invalid_parameter_value';
    end if;
    raise exception 'table % does not exist', btrim(query, E' \t\r\n')
        using errcode = 'undefined_table', hint = 'Name its schema too, or give a query.';
end
$$;

comment on function pgscore._refuse_source(text) is 'Says what is wrong with a text that is neither a query nor the name of a table';

grant execute on function pgscore._refuse_source(text) to pgscore_reader;

create function pgscore._score_source(model text, query text, source regclass, asked integer, keys name[])
returns table (key text, score double precision, version integer, reason text)
language plpgsql stable parallel unsafe rows 10000
as $$
declare
    -- Without a pinned path: what the caller asks for is parsed, and run, under the caller's. Every name here is qualified,
    -- and all that is called is pinned itself, or says why not.
    is_name constant pg_catalog.bool := source is null and pgscore._is_name(query);
    relation pg_catalog.regclass := case when is_name then pg_catalog.to_regclass(query) else source end;
    given pg_catalog.text := pg_catalog.rtrim(query, E'; \t\r\n');
    names pg_catalog.json;
    types pg_catalog.oid[];
    columns pg_catalog.jsonb;
    plan pg_catalog.record;
    portal pg_catalog.refcursor;
    size pg_catalog.int4;
    chunk pg_catalog.record;
    answer pgscore.scored;
begin
    if relation is not null then
        columns := pgscore._table_columns(relation);
        given := relation::pg_catalog.text;
    elsif is_name or pg_catalog.length(given) operator(pg_catalog.>) 0 is not true then
        perform pgscore._refuse_source(query);
    else
        execute pgscore._names_sql(given) into names;
        execute pgscore._types_sql(given, names) into types;
        columns := pgscore._query_columns(names, types);
        given := pg_catalog.concat('(', given, E'\n)');
    end if;
    select p.* into plan from pgscore._rows_plan(model, asked, columns, relation, keys) p;
    if not plan.is_chunked then
        return query execute pg_catalog.format(plan.statement, given);
        return;
    end if;
    open portal for execute pg_catalog.format(plan.statement, given);
    size := plan.first;
    loop
        select
            pg_catalog.count(*)::pg_catalog.int4 as rows, pg_catalog.array_agg(row_key) as keys,
            -- Arrays without elements cannot be put together.
            pg_catalog.array_agg(row_numbers) filter (where row_numbers is not null) as numbers,
            pg_catalog.array_agg(row_texts) filter (where row_texts is not null) as texts
        into chunk
        from pgscore._fetch(portal, size)
            as (row_key pg_catalog.text, row_numbers pg_catalog.float8[], row_texts pg_catalog.text[]);
        exit when chunk.rows operator(pg_catalog.=) 0;
        answer := pgscore._estimate(model, plan.version, plan.digest, chunk.rows, chunk.numbers, chunk.texts);
        -- Arrays of the same length, side by side.
        return query select
            pg_catalog.unnest(chunk.keys), pg_catalog.unnest(answer.scores), answer.version, pg_catalog.unnest(answer.reasons);
        exit when chunk.rows operator(pg_catalog.<) size;
        size := pgscore._next_chunk_rows(size, plan.most, chunk.texts);
    end loop;
    close portal;
end
$$;

comment on function pgscore._score_source(text, text, regclass, integer, name[]) is
    'Scores all rows of a table or a query: with a program in one statement, with an estimator in chunks of whole arrays';

grant execute on function pgscore._score_source(text, text, regclass, integer, name[]) to pgscore_reader;

create function pgscore.score_rows(model text, query text, version integer default null, key name[] default null)
returns table (key text, score double precision, version integer, reason text)
language sql stable parallel unsafe rows 10000
as $$
    -- Not pinned: the query is the caller's.
    select s.key, s.score, s.version, s.reason from pgscore._score_source($1, $2, null, $3, $4) s
$$;

comment on function pgscore.score_rows(text, text, integer, name[]) is
    'The scores of all rows of a query, or of the table that a text names, with the version that serves or is named, and reasons of refusals; key: these columns, else the primary key of a table and the first column of a query';

grant execute on function pgscore.score_rows(text, text, integer, name[]) to pgscore_reader;

create function pgscore.score_rows(model text, profile regclass, version integer default null, key name[] default null)
returns table (key text, score double precision, version integer, reason text)
language sql stable parallel unsafe rows 10000
as $$
    select s.key, s.score, s.version, s.reason from pgscore._score_source($1, null, $2, $3, $4) s
$$;

comment on function pgscore.score_rows(text, regclass, integer, name[]) is
    'The scores of all rows of a table, with the version that serves or is named, and reasons of refusals; key: these columns, else the primary key, else the first column';

grant execute on function pgscore.score_rows(text, regclass, integer, name[]) to pgscore_reader;

-- core/functions/release.sql
-- Which version answers. What takes long, replaying golden rows and measuring, comes first and is bounded in time; then
-- promotions, rollbacks, retirements and prunings wait for each other at pgscore.promotion, which only they lock.

create function pgscore._proof(model text, version integer, max_seconds double precision, out proved jsonb)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    worst record;
begin
    perform pgscore._refuse_pruned(model, version);
    with compared as materialized (
        select d.*
        from pgscore._golden_differences(_proof.model, _proof.version, coalesce(max_seconds, 'Infinity')) d
    ),
    engines as (
        select c.engine, count(*) as rows, max(c.difference) as max_abs_diff from compared c group by c.engine
    )
    select
        (
            select jsonb_agg(
                jsonb_build_object('engine', e.engine, 'rows', e.rows, 'max_abs_diff', e.max_abs_diff, 'ok', true)
                order by e.engine
            )
            from engines e
        ) as engines,
        w.*
    into worst
    from (values (null)) as one (row)
    left join lateral (
        select c.* from compared c where c.ok is not true order by c.difference desc, c.ordinal limit 1
    ) w on true;
    if worst.ordinal is not null then
        raise exception 'model "%" version % is not promoted: golden row % gives % in the % engine, and the fitted estimator gave %',
            model, version, worst.ordinal, coalesce(worst.score::text, 'NULL'), worst.engine,
            coalesce(worst.expected::text, 'NULL')
            using errcode = 'data_exception',
                  detail = coalesce(worst.reason, format('They differ by %s.', worst.difference)),
                  hint = '`pgscore doctor` compares the libraries.';
    end if;
    proved := worst.engines;
end
$$;

comment on function pgscore._proof(text, integer, double precision) is
    'Replays the golden rows of a version in each of its engines, and says what came of it, as pgscore.verify does; refused where one differs, with the worst row, or where it takes longer';

create or replace function pgscore._serve(
    model text, version integer, engine text, one_engine text default null, many_engine text default null
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if one_engine is null then
        select c.one_engine, c.many_engine into one_engine, many_engine
        from pgscore._choose_engines(_serve.model, _serve.version, _serve.engine) c;
    end if;
    update pgscore.model m
    set serving = _serve.version, engine = _serve.engine, one_engine = _serve.one_engine, many_engine = _serve.many_engine
    where m.name = _serve.model;
    if to_regprocedure(format('%s(double precision[],text[])', pgscore._scorer_name(model, version, 'r'))) is null then
        perform pgscore._create_explainer(model, version);
    end if;
    perform pgscore._create_function(f) from pgscore._model_functions(model) f;
    perform pgscore._create_function(f) from pgscore._payload_dispatch() f;
    perform pgscore._replace_profiles(model);
end
$$;

create or replace function pgscore._restore_models() returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    perform pgscore._lock_releases();
    perform pgscore._compile_program(p.model, p.version) from pgscore.program p;
    perform pgscore._create_explainer(p.model, p.version), pgscore._create_coder(p.model, p.version) from pgscore.program p;
    perform pgscore._serve(m.name, m.serving, m.engine, m.one_engine, m.many_engine)
    from pgscore.model m
    where m.serving is not null;
    -- Triggers call something of models without a version that answers too.
    perform pgscore._replace_profiles(t.model)
    from (select distinct s.model from pgscore._scored_tables() s) t
    where not exists (select from pgscore.model m where m.name = t.model and m.serving is not null);
end
$$;

create function pgscore._promote(
    model text, version integer, engine text, max_seconds double precision, despite_dependents boolean, out proved jsonb
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    chosen record;
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    proved := pgscore._proof(model, version, max_seconds);
    select c.* into chosen
    from pgscore._choose_engines(_promote.model, _promote.version, _promote.engine, max_seconds) c;
    -- With the same version another engine may differ in the last digit, which is enough for an index.
    if despite_dependents is not true and exists (
        select from pgscore.model m
        where m.name = _promote.model
            and (m.serving, m.one_engine, m.many_engine) <> (_promote.version, chosen.one_engine, chosen.many_engine)
    ) then
        perform pgscore._refuse_dependents(
            model, version, format(
                'select pgscore.promote(%L, %s%s, despite_dependents => true)', model, version,
                case when engine is null then '' else format(', %L', engine) end
            )
        );
    end if;
    perform pgscore._lock_releases();
    perform pgscore._refuse_pruned(model, version);
    perform pgscore._refuse_unexplained(model, version);
    if exists (select from pgscore.retirement r where r.model = _promote.model and r.version = _promote.version) then
        raise exception 'model "%" version % is retired', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = format('`pgscore retire %s %s --undo` takes that back.', model, version);
    end if;
    if version is distinct from (select m.serving from pgscore.model m where m.name = _promote.model) then
        insert into pgscore.promotion (model, version) values (_promote.model, _promote.version);
    end if;
    perform pgscore._note_measurements(model, version, chosen.measured);
    perform pgscore._serve(model, version, engine, chosen.one_engine, chosen.many_engine);
end
$$;

comment on function pgscore._promote(text, integer, text, double precision, boolean) is
    'What pgscore.promote does; says what came of the golden rows, so that whoever wants to know need not replay them again';

grant execute on function pgscore._promote(text, integer, text, double precision, boolean) to pgscore_operator;

create or replace function pgscore.promote(
    model text, version integer, engine text default null, max_seconds double precision default 10,
    despite_dependents boolean default false
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    perform pgscore._promote(model, version, engine, max_seconds, despite_dependents);
end
$$;

create or replace function pgscore.rollback(
    model text, max_seconds double precision default 10, despite_dependents boolean default false
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    target integer;
    chosen record;
begin
    perform pgscore._existing_version(model, null);
    target := pgscore._rollback_target(model);
    if target is not null then
        perform pgscore._proof(model, target, max_seconds);
        select c.* into chosen from pgscore._choose_engines(model, target, null, max_seconds) c;
        if despite_dependents is not true then
            perform pgscore._refuse_dependents(
                model, target, format('select pgscore.rollback(%L, despite_dependents => true)', model)
            );
        end if;
    end if;
    perform pgscore._lock_releases();
    if target is distinct from pgscore._rollback_target(model) then
        raise exception 'another version of model "%" was promoted meanwhile: nothing was rolled back', model
            using errcode = 'serialization_failure', hint = 'Look which one answers, and roll back again if it should not.';
    elsif target is null then
        raise exception 'model "%" has no version to go back to', model
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Only promotions can be taken back; `pgscore show` lists the versions that can be promoted.';
    end if;
    perform pgscore._refuse_pruned(model, target);
    perform pgscore._refuse_unexplained(model, target);
    update pgscore.promotion p
    set rolled_back_at = now(), rolled_back_by = session_user
    where p.model = rollback.model and p.rolled_back_at is null
        and p.id > (
            select max(t.id) from pgscore.promotion t
            where t.model = rollback.model and t.version = target and t.rolled_back_at is null
        );
    -- It answers again, whatever was thought of it meanwhile.
    delete from pgscore.retirement r where r.model = rollback.model and r.version = target;
    perform pgscore._note_measurements(model, target, chosen.measured);
    perform pgscore._serve(model, target, null, chosen.one_engine, chosen.many_engine);
    return target;
end
$$;

-- core/functions/regenerate.sql
-- What a migration calls that changes a generator: nothing that an older release has generated stays.

create or replace function pgscore._regenerate_models(recompile boolean default false) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    one record;
    problem text;
begin
    -- No promotion comes between.
    perform pgscore._lock_releases();
    if recompile then
        perform pgscore._create_scorer(v.model, v.version, p.program, (v.contract #>> '{output,positive}')::integer)
        from pgscore.model_version v join pgscore.program p on p.model = v.model and p.version = v.version
        -- Those that have functions: neither too large a program, nor one that was pruned.
        where exists (
            select from pg_catalog.pg_proc f
            where f.pronamespace = 'pgscore_models'::regnamespace
                and f.proname = format('_%s %s', v.model, v.version)::name
        );
        perform pgscore._create_explainer(v.model, v.version), pgscore._create_coder(v.model, v.version)
        from pgscore.model_version v
        where not exists (
            select from pgscore.retirement r where r.model = v.model and r.version = v.version and r.pruned_at is not null
        );
    end if;
    perform pgscore._create_function(f) from pgscore.model m, pgscore._model_functions(m.name) f where m.serving is not null;
    perform pgscore._create_function(f) from pgscore._payload_dispatch() f;
    for one in
        select t.profile, array_agg(t.model order by t.model) as models from pgscore._scored_tables() t group by t.profile order by t.profile::oid
    loop
        problem := pgscore._replace_quietly(one.profile, one.models);
        if problem is not null then
            raise warning 'the functions for rows of table % could not be replaced: %', one.profile, problem
                using hint = format('select pgscore._generate_profile(%L)', one.profile);
        end if;
    end loop;
end
$$;

-- core/binding/fill.sql
create or replace function pgscore._fill(template text, parts jsonb) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    filled text := '';
    line text;
    piece text;
    part text;
    margin text;
    is_only boolean;
begin
    if template is null then
        return null;
    end if;
    -- Without a backslash, which a session may have read otherwise. In one pass: what a part brings along is never looked at again. A part of several lines keeps the margin of its
    -- place, and a line of which nothing but an empty part would be left goes.
    foreach line in array string_to_array(trim(both e'\n' from template), e'\n') loop
        -- Most lines have none.
        if strpos(line, '{{') = 0 then
            filled := concat(filled, line, e'\n');
            continue;
        end if;
        is_only := line ~ '^ *[{][{][a-z_0-9]+[}][}]$';
        margin := substring(line from '^ *');
        part := null;
        for piece in select p[1] from regexp_matches(line, '[{][{][a-z_0-9]+[}][}]|(?:(?![{][{][a-z_0-9]+[}][}]).)+', 'g') p loop
            if piece ~ '^[{][{][a-z_0-9]+[}][}]$' then
                if not parts ? trim(both '{}' from piece) then
                    raise exception 'a template asks for %, which nothing fills', piece using errcode = 'internal_error';
                end if;
                piece := replace(parts ->> trim(both '{}' from piece), e'\n', e'\n' || margin);
            end if;
            part := concat(part, piece);
        end loop;
        if not is_only or part <> margin then
            filled := concat(filled, part, e'\n');
        end if;
    end loop;
    return rtrim(filled, e'\n');
end
$$;

create or replace function pgscore._primary_key(relation regclass) returns name[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Asked for each binding of a table, as the others in PL/pgSQL here, which plans a query once.
    return (
        select array_agg(a.attname order by k.ordinal)
        from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
        join pg_catalog.pg_attribute a on a.attnum = k.number
        where i.indrelid = relation and i.indisprimary and a.attrelid = relation and k.ordinal <= i.indnkeyatts
    );
end
$$;

create or replace function pgscore._partitions(relation regclass) returns setof regclass
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Statement triggers of a parent do not fire for rows that go into a partition directly, and those of both do not
    -- fire twice for one statement.
    return query select relation union select p.relid::regclass from pg_catalog.pg_partition_tree(relation) p;
end
$$;

create or replace function pgscore._bindings_of(profile regclass) returns setof pgscore.binding
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select b.* from pgscore.binding b
        where b.profile = _bindings_of.profile and exists (select from pg_catalog.pg_class c where c.oid = b.events)
        order by b.number;
end
$$;

create function pgscore._is_together(b pgscore.binding) returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Each of a few changes the row of one event by itself. To do that for many takes time with the square of their number,
    -- since each change asks all models. Partitions have triggers for rows, and none that is the last.
    return b.timing = 'statement' and not pgscore._is_partitioned(b.events) and 4 < (
        select count(*) from pgscore._bindings_of(b.profile) o where o.events = b.events and o.timing = 'statement'
    );
end
$$;

comment on function pgscore._is_together(pgscore.binding) is
    'Whether what a statement brings by a binding is done together with what it brings by the others of the same tables, by a trigger after all of theirs';

grant execute on function pgscore._is_together(pgscore.binding) to pgscore_reader;

create function pgscore._run_trigger(b pgscore.binding) returns name
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- It fires after all that begin with "pgscore_".
    select '~' || substr(o.event_prefix::text, 2) || '_run'
    from pgscore._bindings_of(b.profile) o
    where o.events = b.events and o.timing = 'statement'
    order by o.number limit 1
$$;

comment on function pgscore._run_trigger(pgscore.binding) is
    'The name of the trigger that does what a statement brings by all bindings of two tables: that of the first of them';

grant execute on function pgscore._run_trigger(pgscore.binding) to pgscore_reader;

create function pgscore._keys_of(profile regclass)
returns table (profile_key name[], first integer, numbers text, bindings pgscore.binding[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.profile_key, min(b.number), string_agg(b.number::text, ', ' order by b.number), array_agg(b order by b.number)
    from pgscore._bindings_of(profile) b
    group by b.profile_key
$$;

comment on function pgscore._keys_of(regclass) is
    'The keys by which the bindings of a profile table find its rows: the first binding, and the numbers and rows of all, for each';

grant execute on function pgscore._keys_of(regclass) to pgscore_reader;

create or replace function pgscore._targets_of(profile regclass) returns setof pgscore.binding
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A model that several bindings name is asked once; the first of them stands for it.
    return query select distinct on (b.model) b.* from pgscore._bindings_of(profile) b order by b.model, b.number;
end
$$;

-- core/reasons/strongest.sql
-- What bindings store beside a score.

create function pgscore._strongest(model text, version integer, profile record, top integer) returns jsonb
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
-- What becomes JSON on the way does so alike in every session.
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
declare
    payload constant jsonb := to_jsonb(profile);
    found record;
begin
    if version is null then
        return null;
    end if;
    select r.* into found from pgscore._reasons(model, version, payload) r;
    if found.reasons is null then
        return null;
    end if;
    return (
        select coalesce(
            jsonb_agg(
                jsonb_build_object('input', s.name, 'value', payload ->> s.name, 'contribution', s.contribution)
                order by abs(s.contribution) desc, s.ordinal
            ), '[]'
        )
        from (
            select i.input ->> 'name' as name, found.reasons[i.ordinal] as contribution, i.ordinal
            from jsonb_array_elements(found.inputs) with ordinality as i (input, ordinal)
            where found.reasons[i.ordinal] <> 0
            order by abs(found.reasons[i.ordinal]) desc, i.ordinal
            limit top
        ) s
    );
end
$$;

comment on function pgscore._strongest(text, integer, record, integer) is
    'The inputs that add most to the score of a row, up or down, the strongest first; without those that add nothing. NULL where there is no score';

grant execute on function pgscore._strongest(text, integer, record, integer) to pgscore_reader;

create function pgscore._reason_names(reasons jsonb) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case when reasons is not null then array(
        select r.reason ->> 'input' from jsonb_array_elements(reasons) with ordinality as r (reason, ordinal) order by r.ordinal
    ) end
$$;

comment on function pgscore._reason_names(jsonb) is 'The names of the inputs in stored reasons, in their order';

grant execute on function pgscore._reason_names(jsonb) to pgscore_reader;

create function pgscore._refuse_unexplained(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    kept constant text := (
        select string_agg(format('%s', b.profile), ', ' order by b.number)
        from pgscore.binding b where b.model = _refuse_unexplained.model and b.reasons is not null
    );
    problem record;
begin
    if kept is null then
        return;
    end if;
    if to_regprocedure(format('%s(double precision[],text[])', pgscore._scorer_name(model, version, 'r'))) is null then
        perform pgscore._create_explainer(model, version);
    end if;
    select u.* into problem from pgscore._unexplained(model, version) u;
    if problem.message is not null then
        raise exception '%, and reasons are stored in table %', problem.message, kept
            using errcode = 'feature_not_supported',
                  hint = concat_ws(' ', problem.hint, 'Attached again without reasons, the tables take it.');
    end if;
end
$$;

comment on function pgscore._refuse_unexplained(text, integer) is
    'Refuses a version to answer that cannot be explained where bindings store reasons';

create function pgscore._check_reasons(b pgscore.binding) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    problem record;
begin
    select u.* into problem
    from pgscore.model m, pgscore._unexplained(m.name, m.serving) u
    where m.name = b.model and m.serving is not null and b.reasons is not null;
    if problem.message is not null then
        raise exception '%', problem.message using errcode = 'feature_not_supported', hint = problem.hint;
    end if;
end
$$;

comment on function pgscore._check_reasons(pgscore.binding) is
    'Refuses reasons of a model whose version that answers cannot be explained';

grant execute on function pgscore._check_reasons(pgscore.binding) to pgscore_reader;

create function pgscore._explain_sql(b pgscore.binding, version text, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format('pgscore._strongest(%L, %s, %s, %s)', b.model, version, source, b.top)
$$;

comment on function pgscore._explain_sql(pgscore.binding, text, text) is
    'SQL that gives the reasons which a binding stores, of a version and a row given as SQL';

grant execute on function pgscore._explain_sql(pgscore.binding, text, text) to pgscore_reader;

create function pgscore._explained_sql(b pgscore.binding, explanation text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case (pgscore._column(b.profile, b.reasons)).atttypid
        when 'text[]'::regtype then format('pgscore._reason_names(%s)', explanation)
        else explanation
    end
$$;

comment on function pgscore._explained_sql(pgscore.binding, text) is
    'SQL that gives reasons as the column of a binding has them: jsonb, or names';

grant execute on function pgscore._explained_sql(pgscore.binding, text) to pgscore_reader;

create or replace function pgscore._reducers_of(b pgscore.binding) returns setof pgscore.reducer_sql
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A generator asks it some hundred times: PL/pgSQL plans its query once.
    return query
        select r.*
        from jsonb_array_elements(b.reducers) with ordinality as e (reducer, ordinal),
            pgscore._reducer(e.reducer, e.ordinal::integer, b.events, b.profile, b.event_key, b.reducers) as r
        order by e.ordinal;
end
$$;

-- core/binding/templates/insert.sql
create or replace function pgscore._insert_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: rows that come into {{events}} move {{profile}}. Generated; change it with pgscore.attach.
<<here>>
declare
    many boolean := false;
    {{declared}}
begin
    begin
        -- One event is what most statements bring, and to group it costs more than all the rest. No other columns are read
        -- or written below, or at commit, so what is wrong with them is found here, and said in one sentence.
        select {{brought}}
        into strict {{variables}}
        from pgscore_new e
        where {{fits}};
    exception
        when no_data_found then return null;
        when too_many_rows then many := true;
        when others then {{unfit}}
    end;
    if many then
        {{insert_many}}
    else
        {{insert_one}}
    end if;
    return null;
end
$template$ $function$;

create or replace function pgscore._queue_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Folded by profile. The first row runs what is to be done with all of them.
insert into {{queue}}
    (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
select
    {{number}}, 'move', {{runs}},
    {{folded_names}}
from (
    select {{folded}}
    from {{source}}
    where {{present}}
    group by {{event_keys}}
    {{having}}
) f;
$template$ $function$;

create function pgscore._insert_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if {{is_nothing}} then
    return null;
end if;
{{move_at_once}}
insert into {{queue}}
    (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
values ({{number}}, 'move', {{runs_one}}, {{variables}});
$template$ $function$;

comment on function pgscore._insert_one_template() is
    'Template: what a trigger function does with one event that came';

grant execute on function pgscore._insert_one_template() to pgscore_reader;

create function pgscore._move_at_once_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if not {{recounted}} then
    update {{profile}} p set {{moved}}
    where {{match_variables}};
    if found then
        return null;
    end if;
end if;
-- No profile, or events of this statement were counted before: that is more than one UPDATE.
$template$ $function$;

comment on function pgscore._move_at_once_template() is
    'Template: what a trigger function does with one event where work is done at the end of each statement';

grant execute on function pgscore._move_at_once_template() to pgscore_reader;

create or replace function pgscore._queue_change_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
insert into {{queue}}
    (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
select
    {{number}}, {{task}}, {{runs}},
    {{folded_names}}
from (
    select {{signed}}
    from (
        {{sources}}
    ) e
    where {{present}}
    group by {{event_keys}}
    {{having}}
) f;
$template$ $function$;

-- core/binding/templates/row.sql
create or replace function pgscore._row_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: a row of {{events}} moves {{profile}}. Generated; change it with pgscore.attach.
-- For each row: partitions get this trigger when they are attached and lose it when they are detached.
<<here>>
declare
    missing integer;
    {{declared}}
begin
    begin
        -- What is wrong with the columns of events is found here, and said in one sentence.
        if tg_op = 'DELETE' then
            missing := case when {{bound}} then num_nulls({{read_old}}) end;
        else
            missing := case when {{bound}} then num_nulls({{read_new}}) end;
        end if;
    exception when others then
        {{unfit}}
    end;
    if tg_op = 'INSERT' then
        select {{brought}}
        into {{variables}}
        from {{source}};
        {{insert_one}}
    elsif tg_op = 'UPDATE' then
        {{queue_update}}
    else
        {{queue_delete}}
    end if;
    return null;
end
$template$ $function$;

create function pgscore._run_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Does what a statement has brought to {{profile}} by many bindings. Generated; change it with pgscore.attach.
<<here>>
declare
    work {{queue}}[];
    detail text;
    hint text;
begin
    with taken as (
        delete from {{queue}} pgscore_row
        where pgscore_row.pgscore_transaction = pg_current_xact_id_if_assigned() and pgscore_row.pgscore_runs = 'last'
        returning pgscore_row as work
    )
    select array_agg(t.work) into work from taken t;
    if work is null then
        return null;
    end if;
    begin
        perform {{apply}}(work);
    exception when others then
        get stacked diagnostics detail = pg_exception_detail, hint = pg_exception_hint;
        perform pgscore._fail({{number}}, {{events}}, sqlstate, sqlerrm, detail, hint);
    end;
    return null;
end
$template$ $function$;

comment on function pgscore._run_template() is
    'Template: the trigger function that does, after all triggers of a statement, what they have queued';

grant execute on function pgscore._run_template() to pgscore_reader;

-- core/binding/templates/move.sql
create or replace function pgscore._move_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
{{every}}
serving := exists (select from pgscore.model m where m.name = any ({{models}}) and m.serving is not null);
for item in
    select
        pgscore_row as profile,
        -- Who recounted must meet who counts at the same time with an older snapshot, even if nothing changed.
        {{forced}} as forced,
        -- Rows that no model has scored yet are scored where they are new, or all is counted.
        here.serving and ({{counted}}) and ({{unscored}}) as unscored{{values}}
    from unnest(here.locked) as pgscore_row
    {{joins}}
    where {{bound}}
loop
    {{each}}
end loop;
$template$ $function$;

create function pgscore._move_light_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if not again and not exists (
    select from unnest(here.work) w where w.pgscore_task <> 'move'{{or_looks}}
) then
    -- New events, and nothing to look up: each profile's deltas of all bindings at once. To join each binding by itself, as
    -- below, takes time and memory with the square of their number.
    for item in
        select
            pgscore_row as profile, {{forced}} as forced, false as unscored{{values}}
        from unnest(here.locked) as pgscore_row
        {{joins}}
        where {{bound}}
    loop
        {{each}}
    end loop;
else
    {{move}}
end if;
$template$ $function$;

comment on function pgscore._move_light_template() is
    'Template: what the apply function of a table with many bindings does to find the rows as they will stand, where there are but new events';

grant execute on function pgscore._move_light_template() to pgscore_reader;

create function pgscore._move_each_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
one := item.profile;
{{assignments}}
{{filled}}
touched := item.forced or one operator(pg_catalog.*<>) item.profile;
if touched or item.unscored then
    moved := array_append(moved, one);
    changed := array_append(changed, touched);
end if;
$template$ $function$;

comment on function pgscore._move_each_template() is
    'Template: what the apply function does with each row that it has found as it will stand';

grant execute on function pgscore._move_each_template() to pgscore_reader;

create function pgscore._deltas_join_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
left join (
    select {{keys}}{{touched}}{{merged}}
    from unnest(here.work) w
    where w.pgscore_binding in ({{numbers}}) and {{present}}
    group by {{keys}}
) {{name}} on {{match}}
$template$ $function$;

comment on function pgscore._deltas_join_template() is
    'Template: what joins to rows of a profile table what new events bring to each, of all bindings with the same key';

grant execute on function pgscore._deltas_join_template() to pgscore_reader;

create or replace function pgscore._score_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
{{starts}}
first := 1;
while first <= cardinality(moved) loop
    size := least(1000, cardinality(moved) - first + 1);
    failure := null;
    {{forget}}
    {{ask}}
    if failure is not null then
        select null::double precision[] as scores, null::integer as version, null::text[] as reasons into answer;
    end if;
    scores_{{number}} := scores_{{number}} || coalesce(answer.scores, array_fill(null::double precision, array[size]));
    versions_{{number}} := versions_{{number}} || array_fill(answer.version, array[size]);
    reasons_{{number}} := reasons_{{number}} || coalesce(answer.reasons, array_fill(failure, array[size]));
    {{collect}}
    first := first + size;
end loop;
names_{{number}} := array(select {{key_text}} from unnest(here.moved) m where {{bound}});
if num_nonnulls(variadic reasons_{{number}}) > 0 then
    {{refused}}
end if;
delete from pgscore.stale_row s
using unnest(here.names_{{number}}, here.reasons_{{number}}, here.versions_{{number}}) as a (key, reason, version)
where s.binding = {{number}} and s.cause = 'score' and s.key = a.key and a.reason is null and a.version is not null;
{{log}}
$template$ $function$;

create or replace function pgscore._ask_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    select s.scores, s.version, s.reasons into answer from {{rows}}(here.moved[here.first : here.first + here.size - 1]) s;
    {{explain}}
exception
    when transaction_rollback then raise;
    when others then failure := sqlerrm;
end;
$template$ $function$;

-- core/binding/templates/score.sql
create or replace function pgscore._score_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Scores a row of {{profile}} if what a model reads has changed, whoever changed it. Generated; change it with pgscore.attach.
#variable_conflict use_column
declare
    rekeys boolean;
begin
    {{rekeys}}
    {{scores}}
    return new;
end
$template$ $function$;

create function pgscore._is_marked_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Whether a statement stores rows of {{profile}} together with their scores: then the trigger that scores them stands
-- aside. Generated; change it with pgscore.attach.
begin
    -- The condition of that trigger, and of no use elsewhere. It says that it is immutable, so PostgreSQL evaluates it when it
    -- prepares the condition: once for each execution of a statement and each table, and not for each row. No plan keeps a
    -- trigger's condition, while one that called this would keep the answer; hence what is called here is not immutable.
    -- Whoever writes to the table runs it for each statement: without settings, so with the schema of each name.
    if pg_catalog.current_setting('pgscore.scored', true) operator(pg_catalog.<>) '' then
        return {{has_mark}}();
    end if;
    return false;
end
$template$ $function$;

comment on function pgscore._is_marked_template() is
    'Template: the condition on which the trigger function that scores rows is not called, the same for all rows of a statement';

grant execute on function pgscore._is_marked_template() to pgscore_reader;

create function pgscore._has_mark_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Whether the setting names a mark in the queue of {{profile}}. Generated; change it with pgscore.attach.
begin
    -- Anybody may set it, and only the owner can queue what it names. It says at which depth of triggers rows are stored
    -- with their scores: not what a trigger changes because of that.
    if current_setting('pgscore.scored', true) ~ ('^' || pg_trigger_depth() + 1 || '/[0-9]{1,18}$') then
        return exists (
            select from {{queue}} q
            where q.pgscore_transaction = pg_current_xact_id_if_assigned() and q.pgscore_task = 'scored'
                and q.pgscore_id = split_part(current_setting('pgscore.scored', true), '/', 2)::bigint
        );
    end if;
    return false;
end
$template$ $function$;

comment on function pgscore._has_mark_template() is
    'Template: the function that looks for the mark by which the trigger that scores rows is told to leave them alone';

grant execute on function pgscore._has_mark_template() to pgscore_reader;

create or replace function pgscore._score_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
<<scored>>
declare
    answer double precision[];
    alone record;
    reason text;
    {{explanation}}
begin
    -- What can fail is apart from what writes: a block that only reads costs no transaction id. A conflict of
    -- transactions is no failure of the model.
    begin
        {{filled}}
        {{ask}}
        if answer is not null then
            if answer[1] is null then
                -- Refused, or not known to this session yet.
                select s.scores, s.version, s.reasons into alone from {{rows}}(array[new]) s;
                answer := array[alone.scores[1], alone.version];
                reason := alone.reasons[1];
            end if;
            {{explain}}
        end if;
    exception
        when transaction_rollback then raise;
        when others then reason := sqlerrm;
    end;
    if reason is not null then
        {{refused}}
    elsif answer is not null then
        new.{{score}} := answer[1];
        {{version}}
        {{scored_at}}
        {{explained}}
        -- The list is empty but for bad days, and an empty table is told apart sooner than searched.
        if pg_relation_size('pgscore.stale_row') > 0 then
            delete from pgscore.stale_row s where s.binding = {{number}} and s.key = {{key_text}} and s.cause = 'score';
        end if;
        {{log}}
    end if;
end;
$template$ $function$;

create function pgscore._ask_only_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Where a counter has moved the model is asked, without the price of finding out what else has changed.
if new.{{score}} is null or {{moved}} then
    answer := case when {{bound}} then {{rescore}}(null::{{profile}}, new, true) end;
else
    answer := case when {{bound}} then {{rescore}}(old, new, false) end;
end if;
$template$ $function$;

comment on function pgscore._ask_only_template() is
    'Template: what asks the only model of a profile table for the score of a row';

grant execute on function pgscore._ask_only_template() to pgscore_reader;

create function pgscore._ask_among_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- One of many models: the counters of others need not be among what it reads, and each plan is kept by the session.
answer := case when {{bound}} then {{rescore}}(old, new, new.{{score}} is null or {{moved}}) end;
$template$ $function$;

comment on function pgscore._ask_among_template() is
    'Template: what asks one of several models of a profile table for the score of a row';

grant execute on function pgscore._ask_among_template() to pgscore_reader;

create or replace function pgscore._arrive_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    perform {{fits}} from pgscore_new n, {{queue}} q limit 0;
exception when others then
    {{unfit}}
end;
insert into {{queue}} (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
select {{number}}, 'arrive', case when row_number() over () = 1 then '{{timing}}' end, {{values}}
from pgscore_new n{{and_numbers}}
where {{present}};
$template$ $function$;

comment on function pgscore._arrive_one_template() is
    'Template: the statement that queues new profiles for bindings with the same key and timing, of which one row runs all';

-- core/binding/templates/tell.sql
create function pgscore._tell_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Tells of scores of {{profile}} that change, whoever changes them. Generated; change it with pgscore.attach.
#variable_conflict use_column
begin
    {{tellings}}
    return null;
end
$template$ $function$;

comment on function pgscore._tell_template() is
    'Template: the trigger function that writes changes of scores to the outbox, and notes those that cross a threshold';

grant execute on function pgscore._tell_template() to pgscore_reader;

create function pgscore._fits_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    -- What is wrong with the columns is found here, and said in one sentence.
    perform where {{bound}} and num_nulls({{read}}) < 0;
exception when others then
    {{unfit}}
end;
$template$ $function$;

comment on function pgscore._fits_one_template() is
    'Template: what a trigger function that tells of scores looks at first';

grant execute on function pgscore._fits_one_template() to pgscore_reader;

create function pgscore._change_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if tg_op = 'TRUNCATE' then
    perform pgscore._refuse_old_snapshot(tg_relid);
    insert into pgscore.score_change (binding, owner, model, key, former)
    select b.name, b.owner, b.model, {{row_text}}, p.{{score}}
    from pgscore.binding b, {{profile}} p
    where {{known}} and p.tableoid = tg_relid and p.{{score}} is not null and {{row_present}};
elsif tg_op = 'UPDATE' and not ({{moved}}) then
    insert into pgscore.score_change (binding, owner, model, key, former, score, version)
    select b.name, b.owner, b.model, {{new_text}}, old.{{score}}, new.{{score}}, {{version}}
    from pgscore.binding b
    where {{known}} and old.{{score}} is distinct from new.{{score}} and {{new_present}};
else
    -- Under another key, or in another partition, it is another row.
    insert into pgscore.score_change (binding, owner, model, key, former)
    select b.name, b.owner, b.model, {{old_text}}, old.{{score}}
    from pgscore.binding b
    where {{known}} and old.{{score}} is not null and {{old_present}};
    insert into pgscore.score_change (binding, owner, model, key, score, version)
    select b.name, b.owner, b.model, {{new_text}}, new.{{score}}, {{version}}
    from pgscore.binding b
    where {{known}} and new.{{score}} is not null and {{new_present}};
end if;
$template$ $function$;

comment on function pgscore._change_one_template() is
    'Template: the statements that write a change of a score to the outbox';

grant execute on function pgscore._change_one_template() to pgscore_reader;

create function pgscore._crossing_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- On which side it was before the transaction. At commit the trigger that notifies looks where it has got to.
if {{crosses}} then
    insert into pgscore.crossing (binding, key, former)
    select b.number, md5(case tg_op when 'DELETE' then {{old_text}} else {{new_text}} end), old.{{score}}
    from pgscore.binding b
    where {{known}} and case tg_op when 'DELETE' then {{old_present}} else {{new_present}} end
    on conflict do nothing;
end if;
$template$ $function$;

comment on function pgscore._crossing_one_template() is
    'Template: the statement that notes a score that crosses a threshold, the first time in a transaction';

grant execute on function pgscore._crossing_one_template() to pgscore_reader;

create function pgscore._notify_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Notifies of scores of {{profile}} that have crossed a threshold, when the transaction commits. Generated; change it with
-- pgscore.attach.
#variable_conflict use_column
declare
    it record;
    before record;
    now_is record;
begin
    if tg_op = 'DELETE' then
        it := old;
    else
        it := new;
    end if;
    {{notifications}}
    return null;
end
$template$ $function$;

comment on function pgscore._notify_template() is
    'Template: the deferred trigger function that notifies of scores that have crossed a threshold';

grant execute on function pgscore._notify_template() to pgscore_reader;

create function pgscore._notify_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if {{crosses}} then
    -- Noted once, however often it has crossed meanwhile: there and back is no crossing.
    delete from pgscore.crossing c
    where c.transaction = pg_current_xact_id() and c.binding = {{number}} and c.key = md5({{it_text}})
    returning c.former as score into before;
    if found then
        select p.{{score}} as score, {{version}} as version into now_is from {{profile}} p where {{is_it}};
        if found and ({{reached}}) then
            perform pgscore._notify({{model}}, {{it_text}}, now_is.score, now_is.version);
        end if;
    end if;
end if;
$template$ $function$;

comment on function pgscore._notify_one_template() is
    'Template: the statements that notify of a score that has crossed a threshold of a binding';

grant execute on function pgscore._notify_one_template() to pgscore_reader;

-- core/binding/templates/rescore.sql
create function pgscore._rescore_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Brings scores of {{profile}} up to the version that serves, for pgscore.rescore: counts the rows to look at, hands out
-- the next of them, or scores those that were handed out. Generated; change it with pgscore.attach.
#variable_conflict use_column
<<here>>
declare
    task text := $2;
    whole boolean := $3 = 'whole';
    outdated boolean := $3 = 'outdated';
    serving integer := $4;
    first text[] := $5;
    last text[] := $6;
    among text[] := $7;
    many integer := $8;
    listed boolean;
    {{declared}}
    names text[];
    scores double precision[];
    reasons text[];
    given {{profile}}[];
    answer record;
    mark bigint;
    start integer;
    detail text;
    hint text;
begin
    {{targets}}
    -- Deferred triggers of the tables fire here, with the owner's rights, and not with those of a member who called.
    set constraints all immediate;
end
$template$ $function$;

comment on function pgscore._rescore_template() is
    'Template: the function that brings scores of a profile table up to the version that serves';

grant execute on function pgscore._rescore_template() to pgscore_reader;

create function pgscore._rescore_target_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if $1 = {{number}} then
    begin
        -- The list is empty but for bad days.
        listed := exists (select from pgscore.stale_row s where s.binding = {{number}} and s.cause = 'score');
        if task = 'count' then
            select count(*) into checked from {{profile}} pgscore_row where {{present}} and ({{wanted}});
            return;
        elsif task = 'page' then
            -- The first, and the last of so many. A plan for any number would sort the whole table each time.
            perform set_config('enable_sort', 'off', true);
            if first is null then
                select {{place}} into page_first from {{profile}} pgscore_row
                where {{present}} and ({{wanted}}) order by {{keys}} limit 1;
            else
                select {{place}} into page_first from {{profile}} pgscore_row
                where ({{keys}}) > ({{first}}) and {{present}} and ({{wanted}}) order by {{keys}} limit 1;
            end if;
            select count(*), {{last_place}} into checked, page_last
            from (
                select {{aliased}}
                from {{profile}} pgscore_row
                where ({{keys}}) >= ({{page_first}}) and {{present}} and ({{wanted}})
                order by {{keys}} limit here.many
            ) u;
            return;
        end if;
        {{work}}
    exception when others then
        get stacked diagnostics detail = pg_exception_detail, hint = pg_exception_hint;
        {{fail}}
    end;
end if;
$template$ $function$;

comment on function pgscore._rescore_target_template() is
    'Template: what the function that rescores does for one model';

grant execute on function pgscore._rescore_target_template() to pgscore_reader;

create function pgscore._rescore_work_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
changed := 0;
-- Tells the trigger that scores rows to leave these alone, unless another trigger, or another model, may have to be heard.
if not exists (
    select from pg_catalog.pg_trigger t
    where t.tgrelid = any ({{relations}}::regclass[]) and t.tgtype & 19 = 19 and t.tgenabled <> 'D' and t.tgname <> '~pgscore_score'
){{alone}} then
    insert into {{queue}} (pgscore_binding, pgscore_task) values (0, 'scored') returning pgscore_id into mark;
    perform set_config('pgscore.scored', format('%s/%s', pg_trigger_depth() + 1, mark), true);
end if;
-- In the one order, and without waiting for anybody. Who is locked is read as it stands then.
if exists (select from pgscore.model m where m.name = {{model}} and m.many_engine in ('estimator', 'onnx')) then
    select count(*), {{collected}}, array_agg(u.name), array_agg(u.pgscore_row) into checked, {{collectors}}, names, given
    from (
        select {{aliased}}, {{key_text}} as name, pgscore_row
        from {{profile}} pgscore_row
        where {{range}} and {{present}} and ({{wanted}})
        order by {{order}} for no key update skip locked
    ) u;
    if whole or checked < many then
        select array_agg({{row_text}}) into skipped
        from {{profile}} pgscore_row
        where {{range}} and {{present}} and ({{wanted}})
            and {{row_text}} not in (select {{unnested_text}} from unnest({{arrays}}) as u ({{key_names}}));
    end if;
else
    {{work_at_once}}
    if keys_1 is not null then
        -- Refused, perhaps: the function for rows says why.
        select {{collected}}, array_agg({{key_text}}), array_agg(pgscore_row) into {{collectors}}, names, given
        from unnest({{arrays}}) as u ({{key_names}}) join {{profile}} pgscore_row on {{unnested_match}};
    end if;
end if;
if names is not null then
    {{ask}}
    refused := num_nonnulls(variadic reasons);
    if listed or refused > 0 then
        insert into pgscore.stale_row as s (binding, key, reason)
        select {{number}}, a.key, a.reason from unnest(here.names, here.reasons) as a (key, reason)
        where a.reason is not null and a.key is not null and {{known}}
        on conflict on constraint stale_row_pkey do update set reason = excluded.reason where s.reason <> excluded.reason;
        delete from pgscore.stale_row s
        using unnest(here.names, here.reasons) as a (key, reason)
        where s.binding = {{number}} and s.cause = 'score' and s.key = a.key and a.reason is null;
    end if;
    {{write}}
end if;
if mark is not null then
    perform set_config('pgscore.scored', '', true);
    delete from {{queue}} q where q.pgscore_transaction = pg_current_xact_id() and q.pgscore_id = here.mark;
end if;
$template$ $function$;

comment on function pgscore._rescore_work_template() is
    'Template: what scores the rows that were handed out, and writes what has changed';

grant execute on function pgscore._rescore_work_template() to pgscore_reader;

create function pgscore._rescore_at_once_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- One statement, and each row is touched once. Of those that have no score the keys are left.
with locked as materialized (
    select {{aliased}}, {{former}}, case when here.listed then {{key_text}} end as name,
        pgscore.score({{model}}::text, pgscore_row) as score{{given}}
    from {{profile}} pgscore_row
    where {{range}} and {{present}} and ({{wanted}})
    order by {{order}} for no key update skip locked
), written as (
    update {{profile}} p set {{score}} = u.score{{columns}}
    from {{locked}} u
    where {{match}} and {{own_range}} and u.score is not null and ({{former_differs}})
    returning {{returned}}
), {{logged}}unlisted as (
    delete from pgscore.stale_row s
    using locked u
    where here.listed and s.binding = {{number}} and s.cause = 'score' and s.key = u.name and u.score is not null
)
select
    count(*), (select count(*) from written), {{collected_without}}, (
        -- What was handed out and could not be had: others have locked it, or have scored it meanwhile.
        select array_agg({{row_text}})
        from {{profile}} pgscore_row
        where (here.whole or (select count(*) from locked) < here.many)
            and {{range}} and {{present}} and ({{wanted}}) and not exists (select from locked u where {{unnested_match}})
    )
into checked, changed, {{collectors}}, skipped
from locked u;
$template$ $function$;

comment on function pgscore._rescore_at_once_template() is
    'Template: the one statement that locks, scores and writes rows';

grant execute on function pgscore._rescore_at_once_template() to pgscore_reader;

create function pgscore._rescore_ask_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
start := 1;
while start <= cardinality(given) loop
    select s.scores, s.version, s.reasons into answer
    from pgscore._score_rows({{model}}, here.given[here.start : here.start + 999]) s;
    if answer.version is distinct from serving then
        raise exception 'another version of model "%" was promoted meanwhile', {{model}} using errcode = 'serialization_failure';
    end if;
    scores := scores || answer.scores;
    reasons := reasons || coalesce(answer.reasons, array_fill(null::text, array[cardinality(answer.scores)]));
    {{explain}}
    start := start + 1000;
end loop;
$template$ $function$;

comment on function pgscore._rescore_ask_template() is
    'Template: what asks a model for scores or reasons of rows, a thousand at a time';

grant execute on function pgscore._rescore_ask_template() to pgscore_reader;

create function pgscore._rescore_write_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
with written as (
    update {{profile}} p set {{score}} = u.score{{columns}}
    from unnest({{arrays}}, here.scores, here.reasons{{explanations}}) as u ({{key_names}}, score, reason{{explanation}})
    where {{match}} and u.reason is null and ({{differs}})
    returning {{returned}}
){{also_logged}}
select changed + count(*) into changed from written;
$template$ $function$;

comment on function pgscore._rescore_write_template() is
    'Template: the UPDATE that writes scores which differ, from arrays';

grant execute on function pgscore._rescore_write_template() to pgscore_reader;

create function pgscore._rescore_log_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
logged as (
    insert into pgscore.prediction_log (model, version, binding, key, score)
    select b.model, here.serving, b.name, w.key, w.score
    from pgscore.binding b, written w
    where b.number = {{number}} and b.profile = {{profile}}::regclass
)
$template$ $function$;

comment on function pgscore._rescore_log_template() is
    'Template: what writes scores to the prediction log too';

grant execute on function pgscore._rescore_log_template() to pgscore_reader;

create function pgscore._generated_names(b pgscore.binding) returns table (kind text, schema name, name text, what text, is_shared boolean)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select 'function', b.event_schema, b.event_prefix || '_' || w.what, w.what, false
    from unnest(array['insert', 'update', 'delete', 'row', 'truncate', 'recount', 'reconcile', 'tick']) as w (what)
    union all
    select 'function', b.profile_schema, b.profile_prefix || '_' || w.what, w.what, true
    from unnest(array['apply', 'commit', 'run', 'score', 'is_marked', 'has_mark', 'arrive', 'forget', 'rekey', 'tell', 'notify', 'rescore']) as w (what)
    union all
    select 'table', b.profile_schema, b.profile_prefix || '_' || w.what, w.what, true
    from unnest(array['queue', 'arrival']) as w (what)
$$;

comment on function pgscore._generated_names(pgscore.binding) is
    'All that may be generated for a binding, by name; is_shared: beside the profile table, for all of its bindings';

grant execute on function pgscore._generated_names(pgscore.binding) to pgscore_reader;

create function pgscore._generated_functions(b pgscore.binding) returns table (oid oid, owner oid, schema name, name text, what text, is_shared boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select p.oid, p.proowner, g.schema, g.name, g.what, g.is_shared
    from pgscore._generated_names(b) g
    join pg_catalog.pg_namespace n on n.nspname = g.schema
    join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = g.name
    where g.kind = 'function'
$$;

comment on function pgscore._generated_functions(pgscore.binding) is
    'The functions that stand under the names of what is generated for a binding, whoever owns them';

grant execute on function pgscore._generated_functions(pgscore.binding) to pgscore_reader;

create function pgscore._generated_tables(b pgscore.binding) returns table (oid oid, owner oid, kind "char", object text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select c.oid, c.relowner, c.relkind, format('%I.%I', g.schema, g.name)
    from pgscore._generated_names(b) g
    join pg_catalog.pg_namespace n on n.nspname = g.schema
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = g.name
    where g.kind = 'table'
$$;

comment on function pgscore._generated_tables(pgscore.binding) is
    'What stands under the names of the tables that are generated for a binding, whoever owns it';

grant execute on function pgscore._generated_tables(pgscore.binding) to pgscore_reader;

create function pgscore._is_wanted(b pgscore.binding, what text) returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when what in ('insert', 'update', 'delete') then not pgscore._is_partitioned(b.events)
        when what = 'row' then pgscore._is_partitioned(b.events)
        when what in ('tell', 'notify') then exists (select from pgscore._tell_triggers(b.profile) t where t.function = what)
        when what = 'run' then exists (select from pgscore._bindings_of(b.profile) o where pgscore._is_together(o))
        -- A release before this one had no condition for the trigger that scores.
        when what in ('is_marked', 'has_mark') then pgscore._procedure(b.profile_schema, b.profile_prefix || '_is_marked') is not null
        when what = 'tick' then pgscore._due_column(b) is not null
        -- Made when it is first called.
        when what = 'rescore' then pgscore._has_rescore(b)
        else true
    end;
end
$$;

comment on function pgscore._is_wanted(pgscore.binding, text) is
    'Whether a binding has what may be generated under a name, as its tables, its options and the other bindings are';

grant execute on function pgscore._is_wanted(pgscore.binding, text) to pgscore_reader;

drop function pgscore._function_sql(signature text, returns text, posture text, body text, says text, owner regrole);

-- core/binding/generating/statements.sql
create function pgscore._function_sql(
    signature text, returns text, posture text, body text, says text, owner regrole, has_owners_rights boolean default true
) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The body is a literal, never dollar-quoted: names stand in it, and could end the quote. Its hash in the comment tells
    -- what has been changed since, or is generated otherwise now.
    select s.statement
    from (select replace(format(e'\n%s\n', body), chr(2), chr(10)) as body) as text, lateral (
        values
            (1, format(
                e'create or replace function %s%s\nlanguage %s%s\nas %L',
                signature, coalesce(' returns ' || returns, ''), posture,
                case when has_owners_rights then ' security definer set search_path = pg_catalog, pg_temp' end, text.body
            )),
            (2, format('comment on function %s is %L', signature, format('pgscore: %s (%s)', says, md5(text.body)))),
            (3, format('revoke all on function %s from public', signature)),
            (4, case when pg_get_userbyid(owner) <> current_user then format('alter function %s owner to %s', signature, owner) end)
    ) s (step, statement)
    where s.statement is not null
    order by s.step
$$;

comment on function pgscore._function_sql(text, text, text, text, text, regrole, boolean) is
    'What makes a function that works with the rights of the owner of tables, or with its caller''s, and that nobody else may call';

grant execute on function pgscore._function_sql(text, text, text, text, text, regrole, boolean) to pgscore_reader;

create or replace function pgscore._trigger_state(name text, fires text, relation regclass, details text, function regprocedure) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        (
            select case
                when t.tgenabled not in ('O', 'A') then 'disabled'
                when c.hash is null or t.tgfoid is distinct from function::oid then 'edited'
                when c.hash <> pgscore._trigger_hash(fires, details) then 'outdated'
                when
                    -- What its definition says, but for expressions: those are PostgreSQL's text of ours.
                    (t.tgtype & 1 <> 0) <> (details ~ 'for each row') or (t.tgtype & 2 <> 0) <> (fires ~ '^before')
                    or (t.tgtype & 4 <> 0) <> (fires ~ ' insert') or (t.tgtype & 8 <> 0) <> (fires ~ ' delete')
                    or (t.tgtype & 16 <> 0) <> (fires ~ ' update') or (t.tgtype & 32 <> 0) <> (fires ~ ' truncate')
                    or (t.tgqual is not null) <> (details ~ 'when [(]') or array_length(t.tgattr::smallint[], 1) > 0
                    or (t.tgnewtable is not null) <> (details ~ 'new table') or (t.tgoldtable is not null) <> (details ~ 'old table')
                    or t.tginitdeferred <> (details ~ 'initially deferred')
                    -- One that names no columns is written alike.
                    or details ~ ' when [(]not ' and strpos(pg_get_triggerdef(t.oid), format('WHEN ((NOT %s))', substring(details from ' when [(]not (.*)[)]$'))) = 0
                then 'edited'
                else 'ok'
            end
            from pg_catalog.pg_trigger t,
                lateral (select substring(obj_description(t.oid, 'pg_trigger') from '^pgscore: .*[(]([0-9a-f]{32})[)]$') as hash) c
            where t.tgrelid = relation and t.tgname = _trigger_state.name
        ), 'missing'
    )
$$;

create or replace function pgscore._trigger_sql(name text, fires text, relation regclass, details text, function text, says text) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.statement
    from (select details ~ 'initially deferred' as is_deferred) d, lateral (values
        -- A constraint trigger cannot be replaced.
        (0, case when d.is_deferred then format('drop trigger if exists %I on %s', name, relation) end),
        (1, format(
            'create %s trigger %I %s on %s %s execute function %s()', case when d.is_deferred then 'constraint' else 'or replace' end,
            name, fires, relation, details, function
        )),
        (2, format(
            'comment on trigger %I on %s is %L', name, relation, format('pgscore: %s (%s)', says, pgscore._trigger_hash(fires, details))
        ))
    ) as s (step, statement)
    where s.statement is not null
    order by s.step
$$;

create function pgscore._written_sql(b pgscore.binding, targets name[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select concat_ws(', ', pgscore._columns_sql(array(
        select c.name from (
            select 1 as step, k.ordinal, k.name from unnest(b.profile_key) with ordinality as k (name, ordinal)
            union all
            select 2, r.ordinal, r.target from pgscore._reducers_of(b) r
            union all
            select 3, n.ordinal, n.name
            -- Those of other models are looked at where rows are scored: what else is attached changes nothing here.
            from pgscore._targets_of(b.profile) t, unnest(array[t.score, t.version, t.scored_at, t.reasons]) with ordinality as n (name, ordinal)
            where t.model = b.model and n.name is not null
        ) c
        group by c.name order by min(c.step), min(c.ordinal), c.name
    ), 'p'), pgscore._profiles_fit_sql(b, 'p'), pgscore._columns_sql(b.profile_key || targets, 'q'))
$$;

comment on function pgscore._written_sql(pgscore.binding, name[]) is
    'SQL that PostgreSQL refuses where columns of a profile, p, or of its queue, q, are not those that a binding writes; never computed';

grant execute on function pgscore._written_sql(pgscore.binding, name[]) to pgscore_reader;

-- core/binding/generating/events.sql
create or replace function pgscore._event_parts(b pgscore.binding) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    targets name[];
    ones text[];
    folded text[];
    moved text;
    keys_folded constant text[] := array(
        select format('e.%I as %I', e.name, p.name)
        from unnest(b.event_key) with ordinality as e (name, ordinal) join unnest(b.profile_key) with ordinality as p (name, ordinal) using (ordinal)
        order by ordinal
    );
begin
    -- Those that are looked up in the events bring nothing.
    select
        array_agg(r.target order by r.ordinal) filter (where r.kind <> 'look'),
        -- Of the variables' types: PL/pgSQL would have a cast made ready in each transaction. But one that might cut off.
        array_agg(
            case
                when r.delta not in ('bigint', 'numeric', 'double precision') then r.one
                else format(case when r.one ~ '^case ' then '(%s)::%s' else '%s::%s' end, r.one, r.delta)
            end order by r.ordinal
        ) filter (where r.kind <> 'look'),
        array_agg(r.folded order by r.ordinal) filter (where r.kind <> 'look'),
        string_agg(
            format('%I = %s', r.target, pgscore._fill(r.grown, jsonb_build_object(
                'present', format('p.%I', r.target), 'delta', format('here.delta_%s', r.ordinal)
            ))), ', ' order by r.ordinal
        )
    into targets, ones, folded, moved
    from pgscore._reducers_of(b) r;
    return jsonb_build_object(
        'binding', b.events, 'number', b.number, 'events', b.events, 'profile', b.profile,
        'queue', pgscore._profile_object(b, 'queue'), 'unfit', pgscore._unfit_sql(b), 'recounted', pgscore._recounted_sql(),
        'read', format(
            e'%s,\n    %s,\n    (select row(%s) from %s p, %s q where false)', pgscore._columns_sql(pgscore._read_columns(b), 'e'),
            pgscore._events_fit_sql(b, 'e'), pgscore._written_sql(b, targets), b.profile, pgscore._profile_object(b, 'queue')
        ),
        -- As long as it fits nothing is left of it but the locks, without which a change of columns might come too late.
        'fits', format(
            e'case when false then row(\n        %s,\n        %s\n    ) is null else true end\n'
                '    and (select 1 from %s p, %s q where false and row(\n        %s\n    ) is null) is null',
            pgscore._columns_sql(pgscore._read_columns(b), 'e'), pgscore._events_fit_sql(b, 'e'), b.profile, pgscore._profile_object(b, 'queue'),
            pgscore._written_sql(b, targets)
        ),
        'runs', case when pgscore._is_together(b) then '''last''' else format('case when row_number() over () = 1 then %L end', b.timing) end,
        'runs_one', quote_literal(case when pgscore._is_together(b) then 'last' else b.timing end),
        'columns', pgscore._columns_sql(b.profile_key || targets),
        'event_keys', pgscore._columns_sql(b.event_key, 'e'),
        'present', pgscore._present_sql(b.event_key, 'e'),
        'folded_names', pgscore._columns_sql(b.profile_key || targets, 'f'),
        'brought', concat_ws(', ',
            (
                select string_agg(format('e.%I::%s', e.name, t.type), ', ' order by ordinal)
                from unnest(b.event_key) with ordinality as e (name, ordinal)
                join unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as t (type, ordinal) using (ordinal)
            ),
            pgscore._list_sql(ones)
        ),
        'is_nothing', concat_ws(' or not ',
            (select string_agg(format('here.key_%s is null', o), ' or ' order by o) from generate_subscripts(b.event_key, 1) o),
            pgscore._worth_sql(b, array(
                select format('here.delta_%s', r.ordinal) from pgscore._reducers_of(b) r where r.kind <> 'look' order by r.ordinal
            ))
        ),
        'folded', array_to_string(keys_folded || array(
            select format('%s as %I', f.folded, t.target)
            from unnest(folded) with ordinality as f (folded, ordinal) join unnest(targets) with ordinality as t (target, ordinal) using (ordinal)
            order by ordinal
        ), e',\n    '),
        'having', 'having ' || pgscore._worth_sql(b, folded),
        'moved', moved,
        'match_variables', (
            select string_agg(format('p.%I = here.key_%s', k.name, k.ordinal), ' and ' order by k.ordinal)
            from unnest(b.profile_key) with ordinality as k (name, ordinal)
        ),
        'variables', concat_ws(', ',
            (select string_agg(format('here.key_%s', o), ', ' order by o) from generate_subscripts(b.event_key, 1) o),
            (select string_agg(format('here.delta_%s', r.ordinal), ', ' order by r.ordinal) from pgscore._reducers_of(b) r where r.kind <> 'look')
        ),
        'declared', null, 'source', 'pgscore_new e'
    );
end
$$;

create or replace function pgscore._can_move_at_once(b pgscore.binding) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.timing = 'statement' and not pgscore._is_together(b) and not exists (select from pgscore._reducers_of(b) r where r.kind = 'look')
$$;

create or replace function pgscore._insert_one_sql(b pgscore.binding, parts jsonb) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._insert_one_template(), parts || jsonb_build_object(
        'move_at_once', case when pgscore._can_move_at_once(b) then pgscore._fill(pgscore._move_at_once_template(), parts) end
    ))
$$;

create or replace function pgscore._declared_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(d.line, e'\n' order by d.step, d.ordinal)
    from (
        select 1 as step, k.ordinal, format('key_%s %s;', k.ordinal, k.type) as line
        from unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as k (type, ordinal)
        union all
        select 2, r.ordinal, format('delta_%s %s;', r.ordinal, r.delta) from pgscore._reducers_of(b) r where r.kind <> 'look'
    ) d
$$;

create or replace function pgscore._truncate_sql(b pgscore.binding, parts jsonb) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._truncate_template(), parts || jsonb_build_object(
        -- A partition keeps its trigger for TRUNCATE when it is detached.
        'detached', case when pgscore._is_partitioned(b.events) then format(
            e'if pg_partition_root(tg_relid) is distinct from %L::regclass then\n    return null;\nend if;', b.events
        ) end,
        'recount_all', case when exists (select from jsonb_array_elements(b.reducers) r where not r ? 'deletes') then format(
            e'insert into %s (pgscore_binding, pgscore_task, pgscore_runs)\nvalues (%s, ''recount all'', %s);',
            pgscore._profile_object(b, 'queue'), b.number, parts ->> 'runs_one'
        ) end
    ))
$$;

-- core/binding/generating/event_triggers.sql
create or replace function pgscore._event_triggers(b pgscore.binding)
returns table (step integer, name text, fires text, relation regclass, details text, function text, says text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select t.step, n.name, t.fires, t.relation, t.details, n.function, n.says,
        pgscore._trigger_state(n.name, t.fires, t.relation, t.details, n.procedure)
    from (
        select 1 as step, b.events as relation, o.operation, 'after ' || o.operation as fires, o.tables || ' for each statement' as details
        from (values
            ('insert', 'referencing new table as pgscore_new'),
            ('update', 'referencing new table as pgscore_new old table as pgscore_old'),
            ('delete', 'referencing old table as pgscore_old')
        ) as o (operation, tables)
        where not pgscore._is_partitioned(b.events)
        union all
        -- Partitions get it from their parent, also those that are attached later.
        select 2, b.events, 'row', 'after insert or update or delete', 'for each row' where pgscore._is_partitioned(b.events)
        union all
        select 3, p.relation, 'truncate', 'after truncate', 'for each statement' from pgscore._partitions(b.events) as p (relation)
        union all
        select 4, b.events, 'run', 'after insert or update or delete or truncate', 'for each statement' where pgscore._is_together(b)
    ) t,
        lateral (
            select
                substr(b.event_prefix::text || '_' || t.operation, 2) as name, pgscore._event_object(b, t.operation) as function,
                pgscore._procedure(b.event_schema, b.event_prefix || '_' || t.operation) as procedure,
                format('moves counters of %s and scores of model %s', b.profile, b.model) as says
            where t.operation <> 'run'
            union all
            select
                pgscore._run_trigger(b), pgscore._profile_object(b, 'run'), pgscore._procedure(b.profile_schema, b.profile_prefix || '_run'),
                format('does what a statement brings to %s by all of its bindings', b.profile)
            where t.operation = 'run'
        ) n
$$;

create or replace function pgscore._queue_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    queue constant text := pgscore._profile_object(b, 'queue');
    arrival constant text := pgscore._profile_object(b, 'arrival');
    says constant text := format('pgscore: what transactions in flight bring to %s; written by triggers, taken back at commit, never seen by another transaction (%s)', b.profile, pgscore._queue_hash(b));
    other record;
begin
    -- One that has the columns stays as it is.
    if pgscore._queue_state(b) <> 'ok' then
        if pgscore._profile_relation(b, 'queue') is not null then
            return next format('drop table %s cascade', queue);
        end if;
        -- Unlogged: a crash leaves no transaction in flight. The index finds a transaction's own rows among dead ones.
        return next format(
            e'create unlogged table %s (\n    pgscore_transaction xid8 not null default pg_current_xact_id(),\n    pgscore_id bigint generated always as identity,\n'
            '    pgscore_binding integer not null,\n    pgscore_task text not null,\n    pgscore_runs text%s\n) with (\n'
            '    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = -1, vacuum_truncate = false\n)',
            queue, (select string_agg(format(e',\n    %I %s', c.name, c.type), '') from pgscore._queue_columns(b.profile) c)
        );
        return next format('create index on %s (pgscore_transaction, pgscore_id)', queue);
        -- A session plans once. Were the table a page long then, it would read all of it ever after, however many dead rows
        -- have come meanwhile. So it is some pages long from the start, and stays so.
        return next format('insert into %s (pgscore_binding, pgscore_task) select 0, ''padding'' from generate_series(1, 2000)', queue);
        return next format('delete from %s', queue);
        return next format('comment on table %s is %L', queue, says);
        for other in
            select * from (values
                ('pgscore_transaction', 'The transaction'), ('pgscore_id', 'Counts up'),
                ('pgscore_binding', 'The number of the binding; 0: it concerns all of the table'),
                ('pgscore_task', 'move: add the deltas; undo: those that can be taken away, and recount the rest; recount: all of a profile; recount all: of every profile; arrive, rekey: a profile is new or has a new key; rekeyed: it is stored with it; scored: rows are being stored with their scores'),
                ('pgscore_runs', 'When what is queued is done because of this row: at commit, or at the end of the statement; last: after all triggers of the statement; NULL: because of another row')
            ) as c (name, says)
            union all
            select c.name, c.says from pgscore._queue_columns(b.profile) c
        loop
            return next format('comment on column %s.%I is %L', queue, other.name, other.says);
        end loop;
        return next format('revoke all on %s from public', queue);
        if pg_get_userbyid(b.owner) <> current_user then
            return next format('alter table %s owner to %s', queue, b.owner);
        end if;
    end if;
    if pgscore._profile_relation(b, 'arrival') is null then
        return next format('create table %s (slot integer primary key, transaction xid8) with (fillfactor = 50)', arrival);
        return next format('insert into %s (slot) select generate_series(0, 63)', arrival);
        return next format('comment on column %s.slot is ''What keys hash to''', arrival);
        return next format('comment on column %s.transaction is ''The transaction that changed the row last''', arrival);
        return next format('revoke all on %s from public', arrival);
        if pg_get_userbyid(b.owner) <> current_user then
            return next format('alter table %s owner to %s', arrival, b.owner);
        end if;
    end if;
    return next format(
        'comment on table %s is %L', arrival,
        format('pgscore: new rows of %s, and events that find no row, change the row that their key hashes to; of two at the same time the later one waits, and then sees the other', b.profile)
    );
end
$$;

create function pgscore._run_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from (select o.number, o.events from pgscore._bindings_of(b.profile) o order by o.number limit 1) first,
        pgscore._function_sql(
            pgscore._profile_object(b, 'run') || '()', 'trigger', 'plpgsql volatile',
            pgscore._fill(pgscore._run_template(), jsonb_build_object(
                'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'), 'apply', pgscore._profile_object(b, 'apply'),
                'number', first.number, 'events', quote_literal(first.events)
            )),
            format('does what a statement brings to %s by many bindings', b.profile), b.owner
        ) s
    where pgscore._is_wanted(b, 'run')
$$;

comment on function pgscore._run_sql(pgscore.binding) is 'What makes the function that does what a statement brings by many bindings';

grant execute on function pgscore._run_sql(pgscore.binding) to pgscore_reader;

create function pgscore._move_each_sql(profile regclass, bindings pgscore.binding[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._move_each_template(), jsonb_build_object(
        'assignments', string_agg(
            format('one.%I := item.moved_%s_%s;', r.target, b.number, r.ordinal), e'\n' order by b.number, r.ordinal
        ),
        'filled', pgscore._fill_generated_sql(_move_each_sql.profile, 'here.one')
    ))
    from unnest(bindings) b, pgscore._reducers_of(b) r
$$;

comment on function pgscore._move_each_sql(regclass, pgscore.binding[]) is 'What the apply function does with each row that it has found as it will stand';

grant execute on function pgscore._move_each_sql(regclass, pgscore.binding[]) to pgscore_reader;

drop function pgscore._move_sql(profile regclass);

create function pgscore._move_sql(profile regclass, bindings pgscore.binding[], targets pgscore.binding[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Not row(...)::profile, which an added column would break.
    select pgscore._fill(pgscore._move_template(), jsonb_build_object(
        'every', string_agg(
            format(
                'every_%1$s := exists (select from unnest(here.work) w where w.pgscore_binding = %1$s and w.pgscore_task = ''recount all'');', b.number
            ), e'\n' order by b.number
        ),
        'models', format('%L::text[]', array(select t.model from unnest(targets) t)),
        'forced', coalesce(
            string_agg(
                format('coalesce((%2$s or here.every_%1$s) and r%1$s.any_event is not false, false)', b.number, pgscore._touched_sql(b)),
                ' or ' order by b.number
            ) filter (where c.recounts), 'false'
        ),
        'counted', string_agg(format('here.every_%1$s or coalesce(w%1$s.pgscore_absolute, false)', b.number), ' or ' order by b.number),
        'unscored', (select string_agg(format('pgscore_row.%I is null', t.score), ' or ') from unnest(targets) t),
        'values', string_agg(c.columns, '' order by b.number),
        'joins', string_agg(pgscore._work_join_sql(b), e'\n' order by b.number),
        'each', pgscore._move_each_sql(_move_sql.profile, bindings),
        'bound', pgscore._bound_sql(_move_sql.profile)
    ))
    from unnest(bindings) b,
        lateral (
            select
                bool_or(r.kind <> 'add') as recounts,
                string_agg(format(e',\n%s as moved_%s_%s', pgscore._moved_value_sql(b, r), b.number, r.ordinal), '' order by r.ordinal) as columns
            from pgscore._reducers_of(b) r
        ) c
$$;

comment on function pgscore._move_sql(regclass, pgscore.binding[], pgscore.binding[]) is
    'What the apply function does to find the rows as they will stand, from the locked rows, the work, and what the events say';

grant execute on function pgscore._move_sql(regclass, pgscore.binding[], pgscore.binding[]) to pgscore_reader;

create function pgscore._deltas_join_sql(profile_key name[], name text, bindings pgscore.binding[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Each counter belongs to one binding, and is NULL in what others have queued.
    select pgscore._fill(pgscore._deltas_join_template(), jsonb_build_object(
        'name', name, 'keys', pgscore._columns_sql(profile_key, 'w'), 'present', pgscore._present_sql(profile_key, 'w'),
        'match', pgscore._match_sql(profile_key, name, profile_key, 'pgscore_row'),
        'numbers', (select string_agg(b.number::text, ', ' order by b.number) from unnest(bindings) b),
        'touched', (
            select string_agg(format(e',\nbool_or(w.pgscore_binding = %1$s) as pgscore_touched_%1$s', b.number), '' order by b.number)
            from unnest(bindings) b
        ),
        'merged', (
            select string_agg(format(e',\n%s as %I', r.merged, r.target), '' order by b.number, r.ordinal)
            from unnest(bindings) b, pgscore._reducers_of(b) r
            where r.kind <> 'look'
        )
    ))
$$;

comment on function pgscore._deltas_join_sql(name[], text, pgscore.binding[]) is
    'SQL that joins to rows of a profile table what new events bring to each, of bindings with the same key';

grant execute on function pgscore._deltas_join_sql(name[], text, pgscore.binding[]) to pgscore_reader;

create function pgscore._move_light_sql(profile regclass, bindings pgscore.binding[], targets pgscore.binding[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with moves as (
        select
            b.number, r.kind, r.ordinal,
            format('d%s.pgscore_touched_%s', k.first, b.number) as touched, format('pgscore_row.%I', r.target) as present,
            pgscore._fill(r.grown, jsonb_build_object(
                'present', format('pgscore_row.%I', r.target), 'delta', format('d%s.%I', k.first, r.target)
            )) as grown
        from pgscore._keys_of(profile) k, unnest(k.bindings) b, pgscore._reducers_of(b) r
    )
    select pgscore._fill(pgscore._move_light_template(), jsonb_build_object(
        'or_looks', (
            select format(' or w.pgscore_binding in (%s)', string_agg(distinct m.number::text, ', '))
            from moves m where m.kind = 'look' having count(*) > 0
        ),
        -- As where they are joined one by one: minima and the like write the row also where nothing has changed.
        'forced', coalesce((
            select format('coalesce(%s, false)', string_agg(distinct m.touched, ' or ')) from moves m where m.kind = 'grow' having count(*) > 0
        ), 'false'),
        'values', (
            select string_agg(
                case m.kind when 'look' then format(e',\n%s as moved_%s_%s', m.present, m.number, m.ordinal)
                    else format(e',\ncase when %s then %s else %s end as moved_%s_%s', m.touched, m.grown, m.present, m.number, m.ordinal)
                end, '' order by m.number, m.ordinal
            ) from moves m
        ),
        'joins', (
            select string_agg(pgscore._deltas_join_sql(k.profile_key, 'd' || k.first, k.bindings), e'\n' order by k.first)
            from pgscore._keys_of(_move_light_sql.profile) k
        ),
        'bound', pgscore._bound_sql(profile), 'each', pgscore._move_each_sql(profile, bindings), 'move', pgscore._move_sql(profile, bindings, targets)
    ))
$$;

comment on function pgscore._move_light_sql(regclass, pgscore.binding[], pgscore.binding[]) is
    'What the apply function of a table with many bindings does to find the rows as they will stand';

grant execute on function pgscore._move_light_sql(regclass, pgscore.binding[], pgscore.binding[]) to pgscore_reader;

create or replace function pgscore._lost_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        format(
            e'exists (\n    select from unnest(here.work) w\n    where w.pgscore_binding in (%s) and %s and hashtext(%s) & 63 <> all (here.slots) and %s\n'
            '        and not exists (select from unnest(here.locked) as p where %s)\n)',
            k.numbers, pgscore._present_sql(k.profile_key, 'w'), pgscore._key_text_sql(k.profile_key, 'w'),
            pgscore._bound_sql(_lost_sql.profile), pgscore._match_sql(k.profile_key, 'p', k.profile_key, 'w')
        ), e'\nor ' order by k.first
    )
    from pgscore._keys_of(profile) k
$$;

create or replace function pgscore._meet_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._meet_template(), jsonb_build_object(
        'arrival', (select pgscore._profile_object(b, 'arrival') from pgscore._bindings_of(_meet_sql.profile) b limit 1),
        'slots', string_agg(
            format(
                e'select hashtext(%s) & 63 from unnest(here.work) w\nwhere w.pgscore_binding in (%s) and %s\n'
                '    and (w.pgscore_task in (''arrive'', ''rekey'') or not exists (select from %s p where %s))',
                pgscore._key_text_sql(k.profile_key, 'w'), k.numbers, pgscore._present_sql(k.profile_key, 'w'), _meet_sql.profile,
                pgscore._match_sql(k.profile_key, 'p', k.profile_key, 'w')
            ), e'\nunion\n' order by k.first
        )
    ))
    from pgscore._keys_of(profile) k
$$;

create or replace function pgscore._lock_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._lock_template(), jsonb_build_object(
        'profile', profile, 'order', pgscore._row_order_sql(profile, 'pgscore_row'),
        'touched', string_agg(
            format(
                '(%s) %s(select %s from unnest(here.work) w where w.pgscore_binding in (%s))%s',
                pgscore._columns_sql(k.profile_key, 'pgscore_row'), case cardinality(k.profile_key) when 1 then '= any (array' else 'in ' end,
                pgscore._columns_sql(k.profile_key, 'w'), k.numbers, case cardinality(k.profile_key) when 1 then ')' else '' end
            ), e'\nor ' order by k.first
        )
    ))
    from pgscore._keys_of(profile) k
$$;

create or replace function pgscore._score_many_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    parts constant jsonb := jsonb_build_object(
        'number', b.number, 'model', quote_literal(b.model), 'binding', quote_literal(b.name), 'abort_hint', quote_literal(pgscore._abort_hint()),
        'rows', pgscore._model_function(b.model, 'rows'),
        'profile', quote_literal(b.profile), 'key_text', pgscore._key_text_sql(b.profile_key, 'm'), 'bound', pgscore._bound_sql(b.profile),
        'known', pgscore._known_sql(b),
        'forget', case when b.reasons is not null then 'explanations := null;' end,
        'collect', case when b.reasons is not null then format(
            'explanations_%1$s := explanations_%1$s || coalesce(explanations, array_fill(null::jsonb, array[size]));', b.number
        ) end,
        'explain', case when b.reasons is not null then format(
            e'select array_agg(case when u.score is not null then %s end) into explanations\n'
                'from (\n    select unnest(here.moved[here.first : here.first + here.size - 1]) as row, unnest(answer.scores) as score offset 0\n) u;',
            pgscore._explain_sql(b, 'answer.version', 'u.row')
        ) end
    );
    ask text := pgscore._fill(pgscore._ask_many_template(), parts);
begin
    if b.max_scoring_ms is not null then
        ask := pgscore._fill(pgscore._ask_in_time_template(), jsonb_build_object(
            'ask', ask, 'limit', format('interval %L', b.max_scoring_ms || ' milliseconds'),
            'late', quote_literal(format('scoring took longer than the binding''s max_scoring_ms, %s', b.max_scoring_ms))
        ));
    end if;
    return pgscore._fill(pgscore._score_many_template(), parts || jsonb_build_object(
        'ask', ask, 'starts', case when b.max_scoring_ms is not null then 'began := clock_timestamp();' end,
        'refused', pgscore._fill(case b.on_error when 'abort' then pgscore._abort_many_template() else pgscore._keep_many_template() end, parts),
        'log', case when b.log then pgscore._fill(pgscore._log_many_template(), parts) end
    ));
end
$$;

drop function pgscore._update_sql(profile regclass, queue text);

create function pgscore._update_sql(profile regclass, queue text, bindings pgscore.binding[], targets pgscore.binding[]) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    scores text;
    scoring text;
begin
    select
        string_agg(
            format(e',\n    %1$I = case when m.version_%2$s is null or m.reason_%2$s is not null then p.%1$I else %3$s end', f.name, t.number, f.source),
            '' order by t.number, f.name
        ) filter (where f.name is not null),
        string_agg(pgscore._score_many_sql(t), e'\n' order by t.number) filter (where f.first)
    into scores, scoring
    from unnest(targets) t, lateral (values
        (true, t.score, 'm.score_' || t.number), (false, t.version, 'm.version_' || t.number), (false, t.scored_at, 'now()'),
        (false, t.reasons, case when t.reasons is not null then pgscore._explained_sql(t, 'm.explanation_' || t.number) end)
    ) as f (first, name, source);
    return pgscore._fill(pgscore._update_template(), jsonb_build_object(
        'profile', profile, 'queue', queue,
        'relations', format('%L', array(select r from pgscore._partitions(profile) r order by r::text)),
        'counters', (
            select string_agg(format('%1$I = (m.row).%1$I', c.name), ', ' order by c.name)
            from (
                select distinct r ->> 'column' as name from unnest(bindings) b, jsonb_array_elements(b.reducers) r
            ) c
        ),
        'match', (select string_agg(format('p.%1$I = (m.row).%1$I', k), ' and ') from unnest(pgscore._row_key(profile)) k),
        'score_many', scoring, 'scores', scores,
        'arrays', (
            select string_agg(
                format(e',\n    unnest(here.scores_%1$s) as score_%1$s, unnest(here.versions_%1$s) as version_%1$s, unnest(here.reasons_%1$s) as reason_%1$s', t.number)
                    || case when t.reasons is null then '' else format(', unnest(here.explanations_%1$s) as explanation_%1$s', t.number) end, ''
                order by t.number
            )
            from unnest(targets) t
        ),
        'scored', (
            select string_agg(format('(m.version_%1$s is not null and m.reason_%1$s is null)', t.number), ' or ' order by t.number)
            from unnest(targets) t
        )
    ));
end
$$;

comment on function pgscore._update_sql(regclass, text, pgscore.binding[], pgscore.binding[]) is
    'What the apply function does to change the rows: one UPDATE, with the scores in it where there are many';

grant execute on function pgscore._update_sql(regclass, text, pgscore.binding[], pgscore.binding[]) to pgscore_reader;

create function pgscore._applying_sql(b pgscore.binding, name text, bindings pgscore.binding[], targets pgscore.binding[], says text)
returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from pgscore._function_sql(
        format('%s(given %s[])', name, pgscore._profile_object(b, 'queue')), 'void', 'plpgsql volatile set plan_cache_mode = auto set jit = off',
        pgscore._fill(pgscore._apply_template(), jsonb_build_object(
            'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'), 'recounted', pgscore._recounted_sql(),
            'declared', (
                select string_agg(format('every_%s boolean;', o.number), e'\n' order by o.number)
                    || case when bool_or(pgscore._due_column(o) is not null) then e'\ninstant timestamptz;' else '' end
                    || case when bool_or(o.on_missing = 'error') then e'\nmissing text;' else '' end
                    || case when bool_or(o.on_missing = 'insert') then format(e'\nkept %s[];\nmade boolean;', pgscore._profile_object(b, 'queue')) else '' end
                from unnest(bindings) o
            ) || (
                select case when bool_or(t.max_scoring_ms is not null) then e'\nbegan timestamptz;' else '' end
                    || case when bool_or(t.reasons is not null) then e'\nexplanations jsonb[];' else '' end || string_agg(
                    format(e'\nnames_%1$s text[];\nscores_%1$s double precision[];\nversions_%1$s integer[];\nreasons_%1$s text[];', t.number)
                        || case when t.reasons is null then '' else format(e'\nexplanations_%s jsonb[];', t.number) end, ''
                    order by t.number
                )
                from unnest(targets) t
            ),
            'instant', (
                select e'-- One for all windows, read when the rows are locked: for a profile it never runs backwards.\n'
                    'instant := clock_timestamp();'
                from unnest(bindings) o where pgscore._due_column(o) is not null limit 1
            ),
            'missing', (select string_agg(pgscore._missing_sql(o), e'\n' order by o.number) from unnest(bindings) o),
            'meet', pgscore._meet_sql(b.profile), 'lock', pgscore._lock_sql(b.profile), 'lost', pgscore._lost_sql(b.profile),
            'move', case
                -- A session pays for two statements where it had one, and a join of few bindings is no burden.
                when cardinality(bindings) > 4 then pgscore._move_light_sql(b.profile, bindings, targets)
                else pgscore._move_sql(b.profile, bindings, targets)
            end,
            'update', pgscore._update_sql(b.profile, pgscore._profile_object(b, 'queue'), bindings, targets)
        )),
        says, b.owner
    ) s
$$;

comment on function pgscore._applying_sql(pgscore.binding, text, pgscore.binding[], pgscore.binding[], text) is
    'What makes a function that moves counters of many profiles: those of these bindings, with the scores of these targets';

grant execute on function pgscore._applying_sql(pgscore.binding, text, pgscore.binding[], pgscore.binding[], text) to pgscore_reader;

create or replace function pgscore._apply_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from pgscore._applying_sql(
        b, pgscore._profile_object(b, 'apply'), array(select o from pgscore._bindings_of(b.profile) o),
        array(select t from pgscore._targets_of(b.profile) t), format('moves counters of %s and stores scores, in one UPDATE', b.profile)
    ) s
$$;

create function pgscore._backfill_targets(b pgscore.binding) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A model may read the counters, the score of another one, or what the table computes of them.
    with targets as (
        select t from pgscore._targets_of(b.profile) t
    ),
    changed as (
        select r ->> 'column' as name from jsonb_array_elements(b.reducers) r
        union
        select n from targets, unnest(array[(t).score, (t).version, (t).scored_at, (t).reasons]) n where n is not null
        union
        select a.attname from pg_catalog.pg_attribute a where a.attrelid = b.profile and a.attgenerated <> '' and not a.attisdropped
    )
    select (t).*
    from targets
    where (t).model = b.model or exists (
        select from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving,
            jsonb_array_elements(v.contract -> 'inputs') i
        where m.name = (t).model and i ->> 'name' in (select c.name from changed c)
    )
$$;

comment on function pgscore._backfill_targets(pgscore.binding) is
    'The targets whose scores may change where the counters of a binding do: of its own model, and of those that read what it writes';

grant execute on function pgscore._backfill_targets(pgscore.binding) to pgscore_reader;

-- core/binding/generating/tells.sql
-- What tells of changes of scores: generated for profile tables of which a binding wants it, and for no other.

create function pgscore._threshold_sql(threshold double precision) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
-- All digits, whatever the session has set.
set extra_float_digits = 1
as $$
    select format('%L::double precision', threshold)
$$;

comment on function pgscore._threshold_sql(double precision) is 'SQL for a threshold';

grant execute on function pgscore._threshold_sql(double precision) to pgscore_reader;

create function pgscore._crosses_sql(b pgscore.binding, has_old boolean default true, has_new boolean default true) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- No score is neither above nor below.
    select string_agg(
        case
            when has_old and has_new then format('((old.%1$I %2$s) is true) <> ((new.%1$I %2$s) is true)', b.score, t.beyond)
            else format('(%s.%I %s) is true', case when has_old then 'old' else 'new' end, b.score, t.beyond)
        end, ' or ' order by t.step
    )
    from (values
        (1, '> ' || pgscore._threshold_sql(b.notify_above), b.notify_above), (2, '< ' || pgscore._threshold_sql(b.notify_below), b.notify_below)
    ) as t (step, beyond, threshold)
    where t.threshold is not null
$$;

comment on function pgscore._crosses_sql(pgscore.binding, boolean, boolean) is
    'SQL that says, in a trigger for rows, whether a score crosses a threshold of a binding; NULL where it has none';

grant execute on function pgscore._crosses_sql(pgscore.binding, boolean, boolean) to pgscore_reader;

create function pgscore._tell_triggers(profile regclass)
returns table (name text, function text, fires text, details text, is_on_each boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The first of all AFTER triggers: others may change the row again, and that is to be told after this. An event without a
    -- condition that holds costs a comparison. A condition names no key, or its type could not be changed any more.
    with bindings as (
        select b, b.changes, pgscore._crosses_sql(b) is not null as notifies, b.score
        from pgscore._bindings_of(profile) b where b.changes or num_nonnulls(b.notify_above, b.notify_below) > 0
    ),
    events as (
        select * from (values
            (1, '', 'update', true, true), (2, '_new', 'insert', false, true), (3, '_gone', 'delete', true, false)
        ) as e (step, ending, event, has_old, has_new)
    ),
    conditions as (
        select e.*, (
            select string_agg(distinct c.condition, ' or ')
            from (
                select case e.event
                    when 'update' then format('old.%1$I is distinct from new.%1$I', o.score)
                    else format('%s.%I is not null', case when e.has_old then 'old' else 'new' end, o.score)
                end as condition
                from bindings o where o.changes
                union all
                select 'current_setting(''pgscore.rekeyed'', true) = ''yes''' from bindings o where o.changes and e.event = 'update'
                union all
                select pgscore._crosses_sql(o.b, e.has_old, e.has_new) from bindings o where o.notifies
            ) c
        ) as told, (
            select string_agg(distinct pgscore._crosses_sql(o.b, e.has_old, e.has_new), ' or ') from bindings o where o.notifies
        ) as notified
        from events e
    )
    select '!pgscore_tell' || c.ending, 'tell', 'after ' || c.event, format('for each row when (%s)', c.told), false
    from conditions c where c.told is not null
    union all
    select 'pgscore_notify' || c.ending, 'notify', 'after ' || c.event, format('deferrable initially deferred for each row when (%s)', c.notified), false
    from conditions c where c.notified is not null
    union all
    select 'pgscore_tell_all', 'tell', 'before truncate', 'for each statement', true
    where exists (select from bindings o where o.changes)
$$;

comment on function pgscore._tell_triggers(regclass) is 'The triggers by which a profile table tells of scores that change; none where no binding wants it';

grant execute on function pgscore._tell_triggers(regclass) to pgscore_reader;

create function pgscore._known_here_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema has the functions, and may stand where the number is another binding's, or nobody's.
    select format('b.number = %s and b.profile = %s', b.number, case when pgscore._is_partitioned(b.profile) then 'pg_partition_root(tg_relid)' else 'tg_relid' end)
$$;

comment on function pgscore._known_here_sql(pgscore.binding) is 'SQL that says, in a trigger, whether the row b of pgscore.binding is the one that a function was generated for';

grant execute on function pgscore._known_here_sql(pgscore.binding) to pgscore_reader;

create function pgscore._tell_one_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select concat_ws(
        e'\n', pgscore._fill(pgscore._fits_one_template(), p.parts),
        case when b.changes then pgscore._fill(pgscore._change_one_template(), p.parts) end,
        case when pgscore._crosses_sql(b) is not null then pgscore._fill(pgscore._crossing_one_template(), p.parts) end
    )
    from (select jsonb_build_object(
        'profile', b.profile, 'score', quote_ident(b.score), 'known', pgscore._known_here_sql(b), 'bound', pgscore._bound_sql(b.profile),
        'unfit', pgscore._unfit_sql(b), 'read', concat_ws(
            ', ', 'new.' || quote_ident(b.score), 'new.' || quote_ident(b.version), pgscore._columns_sql(b.profile_key, 'new')
        ),
        'version', coalesce('new.' || quote_ident(b.version), 'null::integer'), 'moved', pgscore._changed_sql(b.profile_key),
        'crosses', coalesce(pgscore._crosses_sql(b), ''),
        'row_text', pgscore._key_text_sql(b.profile_key, 'p'), 'row_present', pgscore._present_sql(b.profile_key, 'p'),
        'old_text', pgscore._key_text_sql(b.profile_key, 'old'), 'old_present', pgscore._present_sql(b.profile_key, 'old'),
        'new_text', pgscore._key_text_sql(b.profile_key, 'new'), 'new_present', pgscore._present_sql(b.profile_key, 'new')
    ) as parts) p
    where b.changes or pgscore._crosses_sql(b) is not null
$$;

comment on function pgscore._tell_one_sql(pgscore.binding) is 'What the trigger function of a profile table does to tell of a score for a binding; NULL where it wants nothing told';

grant execute on function pgscore._tell_one_sql(pgscore.binding) to pgscore_reader;

create function pgscore._notify_one_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._notify_one_template(), jsonb_build_object(
        'number', b.number, 'profile', b.profile, 'model', quote_literal(b.model), 'score', quote_ident(b.score),
        'version', coalesce('p.' || quote_ident(b.version), 'null::integer'), 'crosses', pgscore._crosses_sql(b),
        'it_text', pgscore._key_text_sql(b.profile_key, 'it'), 'is_it', pgscore._match_sql(b.profile_key, 'p', b.profile_key, 'it'),
        'reached', concat_ws(
            ' or ',
            case when b.notify_above is not null then format('now_is.score > %1$s and (before.score > %1$s) is not true', pgscore._threshold_sql(b.notify_above)) end,
            case when b.notify_below is not null then format('now_is.score < %1$s and (before.score < %1$s) is not true', pgscore._threshold_sql(b.notify_below)) end
        )
    ))
    where pgscore._crosses_sql(b) is not null
$$;

comment on function pgscore._notify_one_sql(pgscore.binding) is 'What the deferred trigger function of a profile table does to notify of a score for a binding; NULL where it has no threshold';

grant execute on function pgscore._notify_one_sql(pgscore.binding) to pgscore_reader;

create function pgscore._tell_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.statement
    from (
        select string_agg(pgscore._tell_one_sql(o), e'\n' order by o.number) as tellings, string_agg(pgscore._notify_one_sql(o), e'\n' order by o.number) as notifications
        from pgscore._bindings_of(b.profile) o
    ) c,
        lateral (values
            (1, 'tell', pgscore._tell_template(), 'tells of scores of %s that change', c.tellings),
            (2, 'notify', pgscore._notify_template(), 'notifies of scores of %s that have crossed a threshold', c.notifications)
        ) as t (step, what, template, says, parts),
        lateral pgscore._function_sql(
            pgscore._profile_object(b, t.what) || '()', 'trigger', 'plpgsql volatile',
            pgscore._fill(t.template, jsonb_build_object('profile', b.profile, 'tellings', c.tellings, 'notifications', c.notifications)), format(t.says, b.profile), b.owner
        ) with ordinality as s (statement, ordinal)
    where t.parts is not null
    order by t.step, s.ordinal
$$;

comment on function pgscore._tell_functions_sql(pgscore.binding) is 'What makes the functions by which a profile table tells of scores; nothing where no binding wants it';

grant execute on function pgscore._tell_functions_sql(pgscore.binding) to pgscore_reader;

-- core/binding/generating/profiles.sql
create or replace function pgscore._score_one_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Asked for each of many models, so of the table itself.
    is_only constant boolean := not exists (
        select from pgscore.binding o
        where o.profile = b.profile and o.model <> b.model and exists (select from pg_catalog.pg_class c where c.oid = o.events)
    );
    counters constant name[] := array(
        select distinct r ->> 'column'
        from pgscore.binding o, jsonb_array_elements(o.reducers) r
        -- When a profile is due moves no score.
        where r ->> 'aggregate' <> 'due' and o.profile = b.profile and o.model = b.model and exists (select from pg_catalog.pg_class c where c.oid = o.events)
        order by 1
    );
    key_text constant text := pgscore._key_text_sql(b.profile_key, 'new');
    told constant jsonb := jsonb_build_object(
        'number', b.number, 'model', quote_literal(b.model), 'binding', quote_literal(b.name), 'abort_hint', quote_literal(pgscore._abort_hint()),
        'key_text', key_text,
        -- A copy of a schema has the functions, and may stand where the number is another binding's, or nobody's.
        'known', format('b.number = %s and b.profile = %s', b.number, case when pgscore._is_partitioned(b.profile) then 'pg_partition_root(tg_relid)' else 'tg_relid' end)
    );
begin
    return pgscore._fill(pgscore._score_one_template(), jsonb_build_object(
        'number', b.number, 'profile', b.profile, 'key_text', key_text,
        -- What is computed when the row is stored is computed here before, and what stands here then is not looked at.
        'filled', pgscore._fill_generated_sql(b.profile, 'new'),
        'ask', pgscore._fill(case when is_only then pgscore._ask_only_template() else pgscore._ask_among_template() end, jsonb_build_object(
            'profile', b.profile, 'rescore', pgscore._model_function(b.model, 'rescore'), 'score', quote_ident(b.score),
            'moved', pgscore._changed_sql(counters), 'bound', pgscore._bound_sql(b.profile)
        )),
        'rows', pgscore._model_function(b.model, 'rows'), 'score', quote_ident(b.score),
        'refused', pgscore._fill(case b.on_error when 'abort' then pgscore._abort_one_template() else pgscore._keep_one_template() end, told),
        'version', format('new.%s := answer[2];', quote_ident(b.version)), 'scored_at', format('new.%s := now();', quote_ident(b.scored_at)),
        'log', case when b.log then pgscore._fill(pgscore._log_one_template(), told) end,
        'explanation', case when b.reasons is not null then 'explanation jsonb;' end,
        'explain', case when b.reasons is not null then format(
            e'if answer[1] is not null then\n    explanation := %s;\nend if;', pgscore._explain_sql(b, 'answer[2]::integer', 'new')
        ) end,
        'explained', case when b.reasons is not null then
            format('new.%s := %s;', quote_ident(b.reasons), pgscore._explained_sql(b, 'explanation')) end
    ) || case when b.version is null then '{"version": null}' else '{}'::jsonb end
      || case when b.scored_at is null then '{"scored_at": null}' else '{}'::jsonb end);
end
$$;

create or replace function pgscore._rekey_one_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._rekey_one_template(), jsonb_build_object(
        'number', b.number, 'queue', pgscore._profile_object(b, 'queue'), 'changed', pgscore._changed_sql(b.profile_key),
        'bound', pgscore._bound_sql(b.profile), 'unfit', pgscore._unfit_sql(b), 'written', concat_ws(', ', 'new.' || quote_ident(b.score), 'new.' || quote_ident(b.version), 'new.' || quote_ident(b.scored_at), 'new.' || quote_ident(b.reasons)),
        'present', pgscore._present_sql(b.profile_key, 'new'),
        'present_text', pgscore._key_text_sql(b.profile_key, 'new'), 'former_text', pgscore._key_text_sql(b.profile_key, 'old'),
        'columns', string_agg(format('%I, pgscore_former_%s', a.attname, a.attnum), ', ' order by a.attnum),
        'values', string_agg(format('new.%1$I, old.%1$I', a.attname), ', ' order by a.attnum)
    ))
    from unnest(b.profile_key) k, pgscore._column(b.profile, k) a
$$;

create function pgscore._arrivals_sql(bindings pgscore.binding[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The same key and the same timing: one of them speaks for all.
    select pgscore._fill(pgscore._arrive_one_template(), jsonb_build_object(
        'queue', pgscore._profile_object(o, 'queue'), 'timing', o.timing,
        'number', case cardinality(bindings) when 1 then o.number::text else 'b.number' end,
        'and_numbers', case when cardinality(bindings) > 1 then format(
            ', unnest(%L::integer[]) as b (number)', array(select a.number from unnest(bindings) a order by a.number)
        ) end,
        'columns', pgscore._columns_sql(o.profile_key), 'values', pgscore._columns_sql(o.profile_key, 'n'),
        'fits', (
            select string_agg(format('n.%1$I = null::%2$s, q.%1$I', k.name, k.type), ', ' order by k.ordinal)
            from rows from (unnest(o.profile_key), unnest(pgscore._key_types(o.profile, o.profile_key))) with ordinality as k (name, type, ordinal)
        ),
        'unfit', pgscore._unfit_sql(o), 'present', pgscore._present_sql(o.profile_key, 'n')
    ))
    from unnest(bindings[1:1]) o
$$;

comment on function pgscore._arrivals_sql(pgscore.binding[]) is
    'What the trigger function of a profile table does with new rows for bindings with the same key and timing';

grant execute on function pgscore._arrivals_sql(pgscore.binding[]) to pgscore_reader;

create function pgscore._mark_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Whoever writes to the table evaluates the condition of its triggers. These say yes or no, and do nothing.
    select f.statement
    from (
        select 1 as step, s.statement, s.ordinal
        from pgscore._function_sql(
            pgscore._profile_object(b, 'has_mark') || '()', 'boolean', 'plpgsql stable',
            pgscore._fill(pgscore._has_mark_template(), jsonb_build_object('profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'))),
            format('whether a setting names a mark in the queue of %s', b.profile), b.owner
        ) with ordinality as s (statement, ordinal)
        union all
        select 2, s.statement, s.ordinal
        from pgscore._function_sql(
            pgscore._profile_object(b, 'is_marked') || '()', 'boolean', 'plpgsql immutable',
            pgscore._fill(pgscore._is_marked_template(), jsonb_build_object('profile', b.profile, 'has_mark', pgscore._profile_object(b, 'has_mark'))),
            format('whether a statement stores rows of %s together with their scores', b.profile), b.owner, has_owners_rights => false
        ) with ordinality as s (statement, ordinal)
        union all
        select 3, format('grant execute on function %s() to public', pgscore._profile_object(b, m.what)), m.ordinal
        from unnest(array['has_mark', 'is_marked']) with ordinality as m (what, ordinal)
    ) f
    order by f.step, f.ordinal
$$;

comment on function pgscore._mark_functions_sql(pgscore.binding) is
    'What makes the functions by which the trigger that scores rows stands aside where they are stored with their scores';

grant execute on function pgscore._mark_functions_sql(pgscore.binding) to pgscore_reader;

create or replace function pgscore._profile_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select f.statement
    from (
        select 1 as step, 'apply' as what, f.statement, f.ordinal from pgscore._apply_sql(b) with ordinality as f (statement, ordinal)
        union all
        select 2, 'commit', f.statement, f.ordinal from pgscore._commit_sql(b) with ordinality as f (statement, ordinal)
        union all
        select 10, 'run', f.statement, f.ordinal from pgscore._run_sql(b) with ordinality as f (statement, ordinal)
        union all
        select 7, 'mark', f.statement, f.ordinal from pgscore._mark_functions_sql(b) with ordinality as f (statement, ordinal)
        union all
        select 9, 'tell', f.statement, f.ordinal from pgscore._tell_functions_sql(b) with ordinality as f (statement, ordinal)
        union all
        select t.step, t.what, s.statement, s.ordinal
        from (
            select
                jsonb_build_object('profile', b.profile, 'queue', pgscore._profile_object(b, 'queue')) as common,
                string_agg(pgscore._rekey_one_sql(o), e'\n' order by o.number) as rekeys,
                (
                    select string_agg(pgscore._arrivals_sql(a.bindings), e'\n' order by a.first)
                    from (
                        select array_agg(k order by k.number) as bindings, min(k.number) as first
                        from pgscore._bindings_of(b.profile) k group by k.profile_key, k.timing
                    ) a
                ) as arrivals,
                string_agg(
                    pgscore._fill(pgscore._forget_one_template(), jsonb_build_object(
                        'number', o.number, 'profile', o.profile, 'key_text', pgscore._key_text_sql(o.profile_key, 'p'), 'unfit', pgscore._unfit_sql(o),
                        'former_text', pgscore._key_text_sql(o.profile_key, 'o')
                    )), e'\n' order by o.number
                ) as deletions
            from pgscore._bindings_of(b.profile) o
        ) c,
            lateral (values
                (3, 'score', pgscore._score_template(), 'scores rows of %s in which what a model reads has changed', jsonb_build_object(
                    'rekeys', c.rekeys,
                    'scores', (select string_agg(pgscore._score_one_sql(t), e'\n' order by t.number) from pgscore._targets_of(b.profile) t)
                )),
                (4, 'arrive', pgscore._arrive_template(), 'has new rows of %s counted', jsonb_build_object('arrivals', c.arrivals)),
                (5, 'forget', pgscore._forget_template(), 'takes deleted rows of %s from the list of stale rows', jsonb_build_object('deletions', c.deletions)),
                (6, 'rekey', pgscore._rekey_template(), 'has rows of %s counted whose key has changed', '{}')
            ) as t (step, what, template, says, parts),
            lateral pgscore._function_sql(
                pgscore._profile_object(b, t.what) || '()', 'trigger', 'plpgsql volatile', pgscore._fill(t.template, c.common || t.parts),
                format(t.says, b.profile), b.owner
            ) with ordinality as s (statement, ordinal)
    ) f
    order by f.step, f.ordinal
$$;

create or replace function pgscore._profile_triggers(b pgscore.binding)
returns table (step integer, name text, fires text, relation regclass, details text, function text, says text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select t.step, t.name, t.fires, t.relation, t.details, pgscore._profile_object(b, t.function),
        format('keeps counters and scores of %s right when its rows themselves change', b.profile),
        pgscore._trigger_state(t.name, t.fires, t.relation, t.details, pgscore._procedure(b.profile_schema, b.profile_prefix || '_' || t.function))
    from (
        -- A parent hands a trigger for each row on to its partitions; statement triggers each table has for itself. Triggers
        -- fire in the order of their names: the one that scores comes last, and sees what the others made of the row.
        select 1 as step, b.profile as relation, '~pgscore_score' as name, 'score' as function, 'before update' as fires,
            format('for each row when (not %s())', pgscore._profile_object(b, 'is_marked')) as details
        union all
        select 2, r.relation, t.name, t.function, t.fires, t.details
        from pgscore._partitions(b.profile) as r (relation),
            lateral (values
                ('pgscore_arrive', 'arrive', 'after insert', 'referencing new table as pgscore_new for each statement'),
                ('pgscore_forget', 'forget', 'after delete', 'referencing old table as pgscore_old for each statement'),
                ('pgscore_forget_all', 'forget', 'after truncate', 'for each statement'),
                -- It names no column, or PostgreSQL would refuse to change the type of a key. The trigger that scores has seen
                -- whether a key changes; pgscore's own updates, which are most, do not run it.
                (
                    'pgscore_rekey', 'rekey', 'after update',
                    'for each statement when (current_setting(''pgscore.rekeyed'', true) = ''yes'')'
                )
            ) as t (name, function, fires, details)
        union all
        select 3, r.relation, t.name, t.function, t.fires, t.details
        from pgscore._tell_triggers(b.profile) t, pgscore._partitions(b.profile) as r (relation)
        where t.is_on_each or r.relation = b.profile
    ) t
$$;

-- core/binding/generating/rescore.sql
create function pgscore._has_rescore(b pgscore.binding) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Made when it is first called, and dropped where attach makes the others anew.
    select exists (
        select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where n.nspname = b.profile_schema and p.proname = b.profile_prefix || '_rescore' and p.proowner = b.owner
    )
$$;

comment on function pgscore._has_rescore(pgscore.binding) is 'Whether the function is there that rescores a profile table';

grant execute on function pgscore._has_rescore(pgscore.binding) to pgscore_reader;

create function pgscore._page_key(profile regclass) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The primary key, which no row lacks, where its types have one text; or a binding's key, which is of such types.
    select coalesce(
        (
            select k.key from (select pgscore._primary_key(_page_key.profile) as key) k
            where array_position(pgscore._key_types(_page_key.profile, k.key), null) is null and k.key is not null
        ),
        (select b.profile_key from pgscore._bindings_of(_page_key.profile) b order by b.number limit 1)
    )
$$;

comment on function pgscore._page_key(regclass) is 'The columns by which rows of a table are handed out to be rescored; NULL where it has no key for that';

grant execute on function pgscore._page_key(regclass) to pgscore_reader;

create function pgscore._bound_keys_sql(key name[], types text[], variable text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%s[%s]::%s', variable, k.ordinal, k.type), ', ' order by k.ordinal)
    from unnest(types) with ordinality as k (type, ordinal)
$$;

comment on function pgscore._bound_keys_sql(name[], text[], text) is 'SQL for a key whose parts are texts in an array';

grant execute on function pgscore._bound_keys_sql(name[], text[], text) to pgscore_reader;

create function pgscore._places_sql(key name[], source text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format('array[%s]', string_agg(format('%s.%I::text', source, k.name), ', ' order by k.ordinal))
    from unnest(key) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._places_sql(name[], text) is 'SQL for the parts of a key as an array of texts';

grant execute on function pgscore._places_sql(name[], text) to pgscore_reader;

create function pgscore._wanted_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Without the version beside the score nothing tells which rows are outdated.
    select case when b.version is null then 'true' else format(
        e'here.whole\nor pgscore_row.%1$I is distinct from here.serving and (here.outdated or not %2$s)\n'
            'or here.outdated and (pgscore_row.%3$I is null or %2$s)',
        b.version,
        format(
            '(here.listed and %s in (select s.key from pgscore.stale_row s where s.binding = %s and s.cause = ''score''))',
            pgscore._key_text_sql(b.profile_key, 'pgscore_row'), b.number
        ),
        b.score
    ) end
$$;

comment on function pgscore._wanted_sql(pgscore.binding) is
    'SQL that says whether a row is to be rescored: any (whole), what is outdated, stale or has no score (outdated), or what is outdated and not listed stale (missed)';

grant execute on function pgscore._wanted_sql(pgscore.binding) to pgscore_reader;

create function pgscore._rescore_target_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    key constant name[] := pgscore._page_key(b.profile);
    types constant text[] := pgscore._key_types(b.profile, key);
    arrays constant text := (select string_agg('here.keys_' || o, ', ' order by o) from generate_subscripts(key, 1) o);
    others constant text[] := array(select t.model from pgscore._targets_of(b.profile) t where t.model <> b.model order by 1);
    written constant name[] := array_remove(array[b.score, b.version, b.scored_at, b.reasons], null);
    range constant text := format(
        e'(%%1$s) >= (%s)\n    and (%%1$s) <= (%s)', pgscore._bound_keys_sql(key, types, 'here.first'),
        pgscore._bound_keys_sql(key, types, 'here.last')
    );
    logged text;
    parts jsonb := jsonb_build_object(
        'number', b.number, 'model', quote_literal(b.model), 'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'),
        'keys', pgscore._columns_sql(key, 'pgscore_row'), 'present', pgscore._present_sql(key, 'pgscore_row'),
        'first', pgscore._bound_keys_sql(key, types, 'here.first'), 'wanted', pgscore._wanted_sql(b),
        'place', pgscore._places_sql(key, 'pgscore_row'), 'last_place', (
            select format('array[%s]', string_agg(format('(array_agg(u.key_%s))[count(*)]::text', o), ', ' order by o))
            from generate_subscripts(key, 1) o
        ),
        'page_first', pgscore._bound_keys_sql(key, types, 'page_first'),
        'range', format(
            -- The planner takes a case for half of the rows: an OR it took for so few that it looked each of them up again.
            e'%s\n    and case when here.among is null then true else %s = any (here.among) end', format(range, pgscore._columns_sql(key, 'pgscore_row')),
            pgscore._key_text_sql(key, 'pgscore_row')
        ),
        -- Rows that are to be written are read as those that were locked are: range beside range.
        'own_range', format(range, pgscore._columns_sql(key, 'p')),
        'key_text', pgscore._key_text_sql(b.profile_key, 'pgscore_row'), 'row_text', pgscore._key_text_sql(key, 'pgscore_row'),
        'unnested_text', pgscore._key_text_sql(array(select ('key_' || o)::name from generate_subscripts(key, 1) o), 'u'),
        'order', pgscore._row_order_sql(b.profile, 'pgscore_row'), 'known', pgscore._known_sql(b),
        'arrays', arrays, 'collectors', arrays,
        'key_names', (select string_agg('key_' || o, ', ' order by o) from generate_subscripts(key, 1) o),
        'collected', (select string_agg(format('array_agg(u.key_%s)', o), ', ' order by o) from generate_subscripts(key, 1) o),
        'collected_without', (
            select string_agg(format('array_agg(u.key_%s) filter (where u.score is null)', o), ', ' order by o) from generate_subscripts(key, 1) o
        ),
        'aliased', (select string_agg(format('pgscore_row.%I as key_%s', k, o), ', ' order by o) from unnest(key) with ordinality u (k, o)),
        'unnested_match', (select string_agg(format('pgscore_row.%I = u.key_%s', k, o), ' and ' order by o) from unnest(key) with ordinality u (k, o)),
        'match', (select string_agg(format('p.%I = u.key_%s', k, o), ' and ' order by o) from unnest(key) with ordinality u (k, o)),
        'relations', format('%L', array(select r from pgscore._partitions(b.profile) r order by r::text)),
        'fail', format('perform pgscore._fail(%s, %L, sqlstate, sqlerrm, detail, hint);', b.number, b.events)
    );
begin
    if b.log then
        logged := pgscore._fill(pgscore._rescore_log_template(), jsonb_build_object('number', b.number, 'profile', quote_literal(b.profile)));
    end if;
    parts := parts || jsonb_build_object(
        'explain', case when b.reasons is not null then format(
            e'explanations := explanations || (\n    select array_agg(case when u.score is not null then %s end)\n'
                '    from (select unnest(here.given[here.start : here.start + 999]) as row, unnest(answer.scores) as score offset 0) u\n);',
            pgscore._explain_sql(b, 'here.serving', 'u.row')
        ) end
    );
    parts := parts || jsonb_build_object(
        -- A model may read the score of another one.
        'alone', case when cardinality(others) > 0 then format(
            e' and not exists (\n    select from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving,\n'
                '        jsonb_array_elements(v.contract -> ''inputs'') i\n    where m.name = any (%L::text[]) and i ->> ''name'' = any (%L::text[])\n)',
            others, written
        ) end,
        'score', quote_ident(b.score),
        'columns', concat(
            case when b.version is not null then format(', %I = here.serving', b.version) end,
            case when b.scored_at is not null then format(', %I = now()', b.scored_at) end,
            case when b.reasons is not null then format(', %I = %s', b.reasons, pgscore._explained_sql(b, 'u.explanation')) end
        ),
        'given', case when b.reasons is not null then ', pgscore_row as given' end,
        'locked', case when b.reasons is null then 'locked' else format(
            e'(\n        select l.*, case when l.score is not null then %s end as explanation from locked l offset 0\n    )',
            pgscore._explain_sql(b, 'here.serving', 'l.given')
        ) end,
        'explanations', case when b.reasons is not null then ', here.explanations' end,
        'explanation', case when b.reasons is not null then ', explanation' end,
        'former', concat_ws(
            ', ', format('pgscore_row.%I as former', b.score), case when b.version is not null then format('pgscore_row.%I as former_version', b.version) end,
            case when b.reasons is not null then format('pgscore_row.%I as former_reasons', b.reasons) end
        ),
        'former_differs', 'u.former is distinct from u.score'
            || case when b.version is null then '' else ' or u.former_version is distinct from here.serving' end
            || case when b.reasons is null then '' else format(' or u.former_reasons is distinct from %s', pgscore._explained_sql(b, 'u.explanation')) end,
        'differs', format('p.%I is distinct from u.score', b.score)
            || case when b.version is null then '' else format(' or p.%I is distinct from here.serving', b.version) end
            || case when b.reasons is null then '' else format(' or p.%I is distinct from %s', b.reasons, pgscore._explained_sql(b, 'u.explanation')) end,
        'returned', case when b.log then format('%s as key, u.score', pgscore._key_text_sql(b.profile_key, 'p')) else 'true' end,
        'logged', logged || ', ', 'also_logged', ', ' || logged,
        'ask', pgscore._fill(pgscore._rescore_ask_template(), parts)
    );
    parts := parts || jsonb_build_object(
        'work_at_once', pgscore._fill(pgscore._rescore_at_once_template(), parts),
        'write', pgscore._fill(pgscore._rescore_write_template(), parts)
    );
    return pgscore._fill(
        pgscore._rescore_target_template(), parts || jsonb_build_object('work', pgscore._fill(pgscore._rescore_work_template(), parts))
    );
end
$$;

comment on function pgscore._rescore_target_sql(pgscore.binding) is 'What the function that rescores does for the model of a binding';

grant execute on function pgscore._rescore_target_sql(pgscore.binding) to pgscore_reader;

create function pgscore._rescore_function(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case when pg_get_userbyid(b.owner) = current_user then 'rescore' else pg_backend_pid()::text end
$$;

comment on function pgscore._rescore_function(pgscore.binding) is
    'What the name of the function that rescores ends with: for a member of the owner, of one that only this session sees';

grant execute on function pgscore._rescore_function(pgscore.binding) to pgscore_reader;

create function pgscore._rescore_sql(b pgscore.binding, name text default 'rescore') returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from pgscore._function_sql(
        format(
            '%s(binding integer, what text, which text, version integer, first_key text[], last_key text[], some_keys text[], rows integer, '
            'out page_first text[], out page_last text[], out checked bigint, out changed bigint, out refused bigint, out skipped text[])',
            pgscore._profile_object(b, name)
        ),
        -- The ranges of all batches are alike: one plan in a session.
        null, 'plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan set enable_sort = on',
        pgscore._fill(pgscore._rescore_template(), jsonb_build_object(
            'profile', b.profile,
            'declared', (
                select string_agg(format('keys_%s %s[];', k.ordinal, k.type), e'\n' order by k.ordinal)
                from unnest(pgscore._key_types(b.profile, pgscore._page_key(b.profile))) with ordinality as k (type, ordinal)
            ) || case when exists (select from pgscore._targets_of(b.profile) t where t.reasons is not null) then e'\nexplanations jsonb[];' else '' end,
            'targets', (select string_agg(pgscore._rescore_target_sql(t), e'\n' order by t.number) from pgscore._targets_of(b.profile) t)
        )),
        format('brings scores of %s up to the version that serves', b.profile), b.owner
    ) s
$$;

comment on function pgscore._rescore_sql(pgscore.binding, text) is 'What makes the function that brings scores of a profile table up to the version that serves';

grant execute on function pgscore._rescore_sql(pgscore.binding, text) to pgscore_reader;

-- core/binding/problems/options.sql
create or replace function pgscore._options_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when num_nulls(b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.timing, b.on_error, b.on_missing, b.log, b.changes) > 0
            then 'of the arguments only version, scored_at, max_scoring_ms, backfill, notify_above, notify_below and reasons may be NULL'
        -- The names stand in comments of what is generated.
        when b.events::text || b.profile ~ e'[\\n\\r]' then 'tables with a line break in their names cannot be attached'
        when b.model !~ '^[a-z_][a-z0-9_]*$' or octet_length(b.model) > 50 then format('"%s" is no name of a model', b.model)
        when b.timing not in ('commit', 'statement') then format('timing is commit or statement, not "%s"', b.timing)
        when b.on_error not in ('keep', 'abort') then format('on_error is keep or abort, not "%s"', b.on_error)
        when b.on_missing not in ('ignore', 'insert', 'error') then format('on_missing is ignore, insert or error, not "%s"', b.on_missing)
        when b.reasons is not null and (b.top is null or b.top <= 0) then format('top is a positive number of inputs, not %s', coalesce(b.top::text, 'NULL'))
        when b.max_scoring_ms <= 0 then format('max_scoring_ms is a positive number of milliseconds, not %s', b.max_scoring_ms)
        when 'NaN' in (b.notify_above, b.notify_below) then 'notify_above and notify_below are numbers, not NaN'
        when cardinality(b.event_key) = 0 or cardinality(b.event_key) <> cardinality(b.profile_key)
            or array_position(b.event_key, null) is not null or array_position(b.profile_key, null) is not null
            then 'event_key and profile_key name the same number of columns, at least one'
    end
$$;

create or replace function pgscore._columns_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Asked for each binding of a profile table: PL/pgSQL plans its query once.
    return coalesce(
        pgscore._virtual_column_problem(b),
        (
            select format('model "%s" already scores table %s into column "%s": name the same columns', o.model, b.profile, o.score)
            from pgscore._targets_of(b.profile) o
            where o.model = b.model and o.number is distinct from b.number
                and (
                    (o.score, o.version, o.scored_at) is distinct from (b.score, b.version, b.scored_at)
                    -- Attached again, one binding changes them for all.
                    or b.number is null and (o.reasons, o.top) is distinct from (b.reasons, b.top)
                )
        ),
        -- Each column has one meaning.
        (
            select format('column "%s" of table %s would have two meanings', c.name, b.profile)
            from (
                select r ->> 'column' as name from jsonb_array_elements(b.reducers) r
                union all select n from unnest(array[b.score, b.version, b.scored_at, b.reasons] || b.profile_key) n where n is not null
                union all
                select k from unnest(coalesce(pgscore._primary_key(b.profile), '{}')) k where k <> all (b.profile_key)
                union all
                select r ->> 'column'
                from pgscore._bindings_of(b.profile) o, jsonb_array_elements(o.reducers) r where o.number is distinct from b.number
                union all
                select n from pgscore._targets_of(b.profile) o, unnest(array[o.score, o.version, o.scored_at, o.reasons]) n
                where n is not null and o.model <> b.model
            ) c
            group by c.name having count(*) > 1
            order by c.name limit 1
        )
    );
end
$$;

-- core/binding/problems/tables.sql
create or replace function pgscore._tables_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wrong record;
    found_column pg_catalog.pg_attribute;
begin
    -- What is written at the other server fires no trigger of this one.
    select r.relation, t.parent into wrong
    from (values (1, b.events), (2, b.profile)) as t (step, parent), pgscore._partitions(t.parent) as r (relation)
    join pg_catalog.pg_class c on c.oid = r.relation
    where c.relkind = 'f' order by t.step, c.oid limit 1;
    if found then
        return format(
            '%s is a foreign table%s: attach the tables in the database that holds their rows', wrong.relation,
            case when wrong.relation <> wrong.parent then format(', as a partition of %s', wrong.parent) end
        );
    end if;
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c
    where c.oid in (b.events, b.profile) and (c.relkind not in ('r', 'p') or c.relpersistence <> 'p');
    if found then
        return format('%s is no ordinary table: views, temporary and unlogged tables cannot be attached', wrong.relation);
    elsif b.events = b.profile then
        return 'a table cannot be attached to itself';
    elsif exists (select from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile)) then
        return format(
            'table %s is a partition or inherits: attach its parent',
            (select i.inhrelid::regclass from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile) limit 1)
        );
    end if;
    -- The parent's DELETE sees the rows of children, and an INSERT into a child fires no trigger of the parent's.
    select c.oid::regclass as relation, i.inhrelid::regclass as child into wrong
    from pg_catalog.pg_class c join pg_catalog.pg_inherits i on i.inhparent = c.oid
    where c.oid in (b.events, b.profile) and c.relkind = 'r' limit 1;
    if found then
        return format('table %s has a child, %s, that inherits from it, and rows of children cannot be counted right: use partitions', wrong.relation, wrong.child);
    end if;
    -- Rows that are hidden from their owner would be taken for rows that are not there.
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c where c.oid in (b.events, b.profile) and c.relforcerowsecurity limit 1;
    if found then
        return format(
            'row-level security of table %1$s hides rows from its owner, so its events cannot be counted; run: alter table %1$s no force row level security', wrong.relation
        );
    end if;
    select a.attrelid::regclass as relation, a.attname as name into wrong
    from pg_catalog.pg_attribute a
    where a.attrelid in (b.events, b.profile) and a.attnum > 0 and not a.attisdropped
        and (a.attname in ('pgscore_row', 'pgscore_sign', 'pgscore_transaction', 'pgscore_id', 'pgscore_binding', 'pgscore_task', 'pgscore_runs', 'pgscore_state',
            'pgscore_arrived', 'pgscore_undone', 'pgscore_absolute') or a.attname ~ '^pgscore_former_' or a.attname ~ e'[\\n\\r]')
    limit 1;
    if found then
        return format('column "%s" of table %s has a name that pgscore uses itself: rename it', wrong.name, wrong.relation);
    end if;
    for wrong in
        select n.name, n.type
        from (values (b.score, 'double precision'), (b.version, 'integer'), (b.scored_at, 'timestamp with time zone')) n (name, type)
        where n.name is not null
    loop
        found_column := pgscore._column(b.profile, wrong.name);
        if found_column.attname is null then
            return format(
                'table %1$s has no column "%2$s"; run: alter table %1$s add column %2$I %3$s', b.profile, wrong.name, wrong.type
            );
        elsif found_column.atttypid <> wrong.type::regtype or found_column.attgenerated <> '' or found_column.attnotnull then
            return format('column "%s" of table %s must be %s, nullable and not generated', wrong.name, b.profile, wrong.type);
        end if;
    end loop;
    found_column := pgscore._column(b.profile, b.reasons);
    if b.reasons is not null and found_column.attname is null then
        return format('table %1$s has no column "%2$s"; run: alter table %1$s add column %2$I jsonb', b.profile, b.reasons);
    elsif b.reasons is not null and (
        found_column.atttypid not in ('jsonb'::regtype, 'text[]'::regtype) or found_column.attgenerated <> '' or found_column.attnotnull
    ) then
        return format('column "%s" of table %s must be jsonb or text[], nullable and not generated', b.reasons, b.profile);
    end if;
    return null;
end
$$;

create or replace function pgscore._column_numbers(b pgscore.binding) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_object_agg(t.kind, jsonb_build_object('table', t.relation::oid::text, 'numbers', (
        select jsonb_object_agg(n.name, (pgscore._column(t.relation, n.name)).attnum) from unnest(t.names) as n (name)
    )))
    from (values
        ('events', b.events, pgscore._read_columns(b)),
        ('profile', b.profile, array(
            select k from unnest(b.profile_key || array[b.score, b.version, b.scored_at, b.reasons]) k where k is not null
            union
            select (r ->> 'column')::name from jsonb_array_elements(b.reducers) r
        ))
    ) as t (kind, relation, names)
$$;

create or replace function pgscore._followed(b pgscore.binding) returns pgscore.binding
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    events constant jsonb := pgscore._renamed(b, 'events');
    profile constant jsonb := pgscore._renamed(b, 'profile');
begin
    if events || profile = '{}' then
        return b;
    end if;
    b.event_key := array(select coalesce(events ->> k.name, k.name) from unnest(b.event_key) with ordinality as k (name, ordinal) order by k.ordinal);
    b.profile_key := array(select coalesce(profile ->> k.name, k.name) from unnest(b.profile_key) with ordinality as k (name, ordinal) order by k.ordinal);
    b.score := coalesce(profile ->> b.score, b.score);
    b.version := coalesce(profile ->> b.version, b.version);
    b.scored_at := coalesce(profile ->> b.scored_at, b.scored_at);
    b.reasons := coalesce(profile ->> b.reasons, b.reasons);
    b.reducers := (
        select jsonb_agg(
            (
                select jsonb_object_agg(f.key, case
                    when f.key in ('of', 'order_by', 'time') then to_jsonb(coalesce(events ->> (f.value #>> '{}'), f.value #>> '{}'))
                    when f.key = 'column' then to_jsonb(coalesce(profile ->> (f.value #>> '{}'), f.value #>> '{}'))
                    when f.key = 'where' then (select jsonb_object_agg(coalesce(events ->> w.key, w.key), w.value) from jsonb_each(f.value) w)
                    else f.value
                end)
                from jsonb_each(r.reducer) f
            ) order by r.ordinal
        )
        from jsonb_array_elements(b.reducers) with ordinality as r (reducer, ordinal)
    );
    return b;
end
$$;

create or replace function pgscore._follow_columns(profile regclass) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    -- All of them: what they share names the columns of each.
    update pgscore.binding o
    set event_key = f.event_key, profile_key = f.profile_key, reducers = f.reducers, score = f.score, version = f.version, scored_at = f.scored_at,
        reasons = f.reasons
    from pgscore._bindings_of(_follow_columns.profile) b, pgscore._followed(b) f
    where o.number = b.number and o.owner = (select c.relowner from pg_catalog.pg_class c where c.oid = o.profile)
        and (o.event_key, o.profile_key, o.reducers, o.score, o.version, o.scored_at, o.reasons)
            is distinct from (f.event_key, f.profile_key, f.reducers, f.score, f.version, f.scored_at, f.reasons)
$$;

-- core/binding/generate.sql
create or replace function pgscore._leftover_triggers(b pgscore.binding) returns table (name name, relation regclass)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema brings triggers along, a renamed table keeps them, and so does a partition that was detached:
    -- what no binding accounts for would count a second time.
    with wanted as materialized (
        select r.relation, t.name
        from pgscore.binding o, pgscore._partitions(o.events) as r (relation),
            unnest(array['insert', 'update', 'delete', 'row', 'truncate']) as w (what),
            lateral (select substr(o.event_prefix::text || '_' || w.what, 2) as name) t
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.events)
        union all
        select r.relation, t.name
        from (select distinct o.owner, o.profile from pgscore.binding o) o, pgscore._partitions(o.profile) as r (relation),
            unnest(array['~pgscore_score', 'pgscore_arrive', 'pgscore_forget', 'pgscore_forget_all', 'pgscore_rekey']) as t (name)
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.profile)
        union all
        select o.events, pgscore._run_trigger(o) from pgscore.binding o where o.owner = b.owner and pgscore._is_together(o)
        union all
        select r.relation, t.name
        from (
            select distinct o.profile from pgscore.binding o join pg_catalog.pg_class c on c.oid = o.profile
            where o.owner = b.owner and (o.changes or num_nonnulls(o.notify_above, o.notify_below) > 0)
        ) o, pgscore._partitions(o.profile) as r (relation), pgscore._tell_triggers(o.profile) t
    )
    select t.tgname, t.tgrelid::regclass
    from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
    where c.relowner = b.owner and t.tgname ~ '^[~!]?pgscore_' and not t.tgisinternal
        -- By its number: a join would look at all functions of that name for each trigger.
        and (select p.proname ~ '^_pgscore_' from pg_catalog.pg_proc p where p.oid = t.tgfoid)
        -- Of other tables only such as were partitions of these.
        and (
            c.oid in (b.events, b.profile)
            or t.tgfoid in (select g.tgfoid from pg_catalog.pg_trigger g where g.tgrelid in (b.events, b.profile))
        )
        and (t.tgrelid, t.tgname::text) not in (select w.relation::oid, w.name from wanted w)
$$;

create or replace function pgscore._taken_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format('%s stands where pgscore would make a table of its own, and is none of pgscore''s: rename it', t.object)
    from pgscore._generated_tables(b) t
    where t.owner <> b.owner or t.kind <> 'r' or coalesce(obj_description(t.oid, 'pg_class'), '') !~ '^pgscore: '
    union all
    select format('function %s stands where pgscore would make one, and belongs to %s: drop it', f.oid::regprocedure, f.owner::regrole)
    from pgscore._generated_functions(b) f where f.owner <> b.owner
    limit 1
$$;

create or replace function pgscore._former_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Their arguments follow keys, reducers and columns: one with others would stay beside the new one.
    select format('drop function if exists %s', f.oid::regprocedure)
    from pgscore._generated_functions(b) f
    where f.owner = b.owner and (
        f.what in ('recount', 'reconcile', 'apply', 'rescore')
        -- No binding wants it any more; its triggers are gone.
        or f.what in ('tell', 'notify', 'run') and not pgscore._is_wanted(b, f.what)
            and not exists (select from pg_catalog.pg_trigger t where t.tgfoid = f.oid and t.tgrelid <> b.profile)
    )
$$;

create or replace function pgscore._backfill_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Functions for this once: rows are changed with the owner's rights, whoever calls attach. Deferred triggers of the
    -- tables fire in them where a member calls, or at COMMIT they would have the rights of that member.
    -- It moves the counters of this binding alone: to find those of all others again takes time with their number.
    select pgscore._applying_sql(
        b, pgscore._event_object(b, 'count_all'), array[b], array(select t from pgscore._backfill_targets(b) t),
        'counts what an event table holds when it is attached'
    )
    union all
    select pgscore._function_sql(
        pgscore._event_object(b, 'backfill') || '()', 'void', 'plpgsql volatile',
        format(
            e'begin\n    insert into %s (pgscore_binding, pgscore_task) values (%s, ''recount all'');\n    perform %s(null);\n%send',
            pgscore._profile_object(b, 'queue'), b.number, pgscore._event_object(b, 'count_all'),
            case when pg_get_userbyid(b.owner) <> current_user then e'    set constraints all immediate;\n' else '' end
        ),
        'counts what an event table holds when it is attached', b.owner
    )
    union all
    select format('select %s()', pgscore._event_object(b, 'backfill'))
    union all
    select format('drop function %s()', pgscore._event_object(b, 'backfill'))
    union all
    select format('drop function %s(%s[])', pgscore._event_object(b, 'count_all'), pgscore._profile_object(b, 'queue'))
$$;

create function pgscore._regrouped(b pgscore.binding) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select o.*
    from pgscore._bindings_of(b.profile) o
    where o.events = b.events and o.number <> b.number and o.timing = 'statement' and pgscore._is_together(o) <> exists (
        select from pg_catalog.pg_trigger t
        where t.tgrelid = b.events and t.tgfoid = pgscore._procedure(b.profile_schema, b.profile_prefix || '_run')
    )
$$;

comment on function pgscore._regrouped(pgscore.binding) is
    'The other bindings of two tables whose trigger functions are to be made anew, because they are more, or fewer, than one UPDATE for each of them is good for';

grant execute on function pgscore._regrouped(pgscore.binding) to pgscore_reader;

create or replace function pgscore._generate(b pgscore.binding) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    others constant pgscore.binding[] := array(select o from pgscore._regrouped(b) o);
begin
    -- Also where the row was not written by attach: it is its owner's to write.
    perform pgscore._refuse(pgscore._taken_problem(b));
    perform pgscore._run_all(array(select format('drop trigger %I on %s', t.name, t.relation) from pgscore._leftover_triggers(b) t));
    perform pgscore._run_all(array(select pgscore._former_functions_sql(b)));
    perform pgscore._run_all(array(select pgscore._queue_sql(b)));
    perform pgscore._run_all(array(select pgscore._event_functions_sql(o) from unnest(others || b) o));
    perform pgscore._run_all(array(select pgscore._profile_functions_sql(b)));
    perform pgscore._run_all(array(select pgscore._reconcile_sql(b)));
    perform pgscore._run_all(array(select pgscore._tick_sql(b)));
    perform pgscore._run_all(array(select pgscore._queue_triggers_sql(b)));
    perform pgscore._run_all(array(select pgscore._other_commits_sql(b)));
    perform pgscore._run_all(array(select pgscore._event_triggers_sql(b)));
    perform pgscore._run_all(array(select pgscore._profile_triggers_sql(b)));
end
$$;

-- core/binding/compare.sql
create or replace function pgscore._function_states(b pgscore.binding) returns table (object text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with statements as (
        select s from pgscore._event_functions_sql(b) s
        union all select s from pgscore._reconcile_sql(b) s
        union all select s from pgscore._tick_sql(b) s
        union all select s from pgscore._profile_functions_sql(b) s
        union all select s from pgscore._rescore_sql(b) s where pgscore._has_rescore(b)
    ),
    wanted as (
        select n.schema, n.name, c.s as makes, substring(m.s from '[(]([0-9a-f]{32})[)]''$') as hash, split_part(c.s, e'\n', 2) as posture
        from pgscore._generated_names(b) n
        join statements c on starts_with(c.s, format('create or replace function %I.%I(', n.schema, n.name))
        join statements m on starts_with(m.s, format('comment on function %I.%I(', n.schema, n.name))
    )
    select coalesce(p.oid::regprocedure::text, format('%I.%I', w.schema, w.name)), case
            when p.oid is null then case
                -- A release before this one had no condition for the trigger that scores.
                when w.name ~ '_(is_marked|has_mark)$' and pgscore._procedure(b.profile_schema, b.profile_prefix || '_is_marked') is null
                then 'outdated' else 'missing' end
            when md5(p.prosrc) is distinct from o.hash then 'edited'
            when p.proowner <> b.owner or p.prosecdef <> (w.posture ~ ' security definer')
                -- The condition of a trigger is evaluated by whoever writes to the table.
                or has_function_privilege('public', p.oid, 'execute') <> (w.name ~ '_(is_marked|has_mark)$')
                or p.provolatile <> case when w.posture ~ ' stable' then 's' when w.posture ~ ' immutable' then 'i' else 'v' end
                or array(select c from unnest(p.proconfig) c order by c collate "C") <> array(
                    select m[1] || '=' || m[2] from regexp_matches(w.posture, ' set ([a-z_]+) = (pg_catalog, pg_temp|[^ ]+)', 'g') m
                    order by (m[1] || '=' || m[2]) collate "C"
                )
            then 'altered'
            when o.hash <> w.hash
                -- Arguments follow the types of columns, and have no length of their own.
                or not starts_with(
                    regexp_replace(w.makes, E'[(]\\d+(,\\d+)?[)]', '', 'g'),
                    format('create or replace function %I.%I(%s)', w.schema, w.name, replace(pg_get_function_arguments(p.oid), 'OUT ', 'out '))
                )
            then 'outdated'
            else 'ok'
        end
    from wanted w
    left join pg_catalog.pg_namespace n on n.nspname = w.schema
    left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = w.name,
        lateral (select substring(obj_description(p.oid, 'pg_proc') from '[(]([0-9a-f]{32})[)]$') as hash) o
$$;

create or replace function pgscore._note_binding(b pgscore.binding, former pgscore.binding) returns pgscore.binding
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    b.number := former.number;
    select n.nspname into b.event_schema from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = b.events;
    select n.nspname into b.profile_schema from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = b.profile;
    b.event_prefix := coalesce(former.event_prefix, pgscore._event_prefix(b));
    b.profile_prefix := pgscore._profile_prefix(b.profile);
    if former.number is not null then
        update pgscore.binding o
        set owner = b.owner, timing = b.timing, on_error = b.on_error, on_missing = b.on_missing, max_scoring_ms = b.max_scoring_ms, log = b.log,
            notify_above = b.notify_above, notify_below = b.notify_below, changes = b.changes, reasons = b.reasons, top = b.top,
            event_schema = b.event_schema, event_prefix = b.event_prefix, profile_schema = b.profile_schema, profile_prefix = b.profile_prefix,
            columns = pgscore._column_numbers(b)
        where o.number = former.number
        returning o.* into b;
        update pgscore.binding o set reasons = b.reasons, top = b.top
        where o.profile = b.profile and o.model = b.model and (o.reasons, o.top) is distinct from (b.reasons, b.top);
        -- A table that was moved has its functions and its queue beside it again, for all its bindings.
        update pgscore.binding o set profile_schema = b.profile_schema where o.profile = b.profile and o.profile_schema <> b.profile_schema;
        return b;
    end if;
    -- The event table's name, where that is enough.
    b.name := (
        select n.name
        from (values
            (1, b.events::text), (2, format('%s to %s', b.events, b.profile)), (3, format('%s to %s for %s', b.events, b.profile, b.model)),
            (4, format('%s to %s for %s (%s)', b.events, b.profile, b.model, b.events::oid))
        ) as n (step, name)
        where not exists (select from pgscore.binding o where o.owner = b.owner and o.name = n.name)
        order by n.step limit 1
    );
    insert into pgscore.binding (
        name, owner, events, profile, model, event_key, profile_key, reducers, score, version, scored_at, timing, on_error, on_missing,
        max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix, columns, notify_above, notify_below, changes,
        reasons, top
    ) values (
        b.name, b.owner, b.events, b.profile, b.model, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing,
        b.on_error, b.on_missing, b.max_scoring_ms, b.log, b.event_schema, b.event_prefix, b.profile_schema, b.profile_prefix,
        pgscore._column_numbers(b), b.notify_above, b.notify_below, b.changes, b.reasons, b.top
    )
    returning number into b.number;
    return b;
end
$$;

drop function pgscore.attach(model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name, version name, scored_at name, timing text, on_error text, on_missing text, max_scoring_ms integer, log boolean, backfill boolean, without_index boolean);

drop function pgscore.attach(model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name, version name, scored_at name, timing text, on_error text, on_missing text, max_scoring_ms integer, log boolean, backfill boolean, without_index boolean);

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null, without_index boolean default false,
    notify_above double precision default null, notify_below double precision default null, changes boolean default false,
    reasons name default null, top integer default 3
) returns text
language plpgsql volatile
-- Compiling the generators' queries would take longer than all the rest.
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    b pgscore.binding;
    former pgscore.binding;
    queue regclass;
    moved text[];
    at_once boolean := true;
    is_indexed boolean := true;
    profiles bigint;
    held bigint;
    began constant pg_snapshot := pg_current_snapshot();
begin
    b.model := model;
    b.events := events;
    b.profile := profile;
    b.event_key := event_key;
    b.profile_key := profile_key;
    b.reducers := reducers;
    b.score := score;
    b.version := version;
    b.scored_at := scored_at;
    b.timing := timing;
    b.on_error := on_error;
    b.on_missing := on_missing;
    b.max_scoring_ms := max_scoring_ms;
    b.log := log;
    b.notify_above := notify_above;
    b.notify_below := notify_below;
    b.changes := changes;
    b.reasons := reasons;
    b.top := case when reasons is not null then top end;
    perform pgscore._refuse(pgscore._options_problem(b));
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'tables are attached in READ COMMITTED only: an older snapshot misses events that were committed meanwhile'
            using errcode = 'feature_not_supported';
    end if;
    perform pgscore._check_owner(events, profile);
    b.owner := (select c.relowner from pg_catalog.pg_class c where c.oid = profile);
    perform pgscore._check_rights(b.owner, events, profile);
    perform pgscore._lock_owner(b.owner);
    perform pgscore._follow_columns(profile);
    select o.* into former from pgscore.binding o where o.events = b.events and o.profile = b.profile and o.model = b.model;
    if (former.event_key, former.profile_key, former.reducers, former.score, former.version, former.scored_at)
        is distinct from (b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at) and former.number is not null
    then
        raise exception 'table % is attached to % for model "%" with other keys, reducers or columns', b.events, b.profile, b.model
            using errcode = 'duplicate_object', hint = format('select pgscore.detach(%L, %L) detaches them.', b.events, b.profile);
    end if;
    b.number := former.number;
    perform pgscore._refuse(pgscore._tables_problem(b));
    -- Nobody changes them any more, for instance to hide rows by a policy that would run with the caller's rights.
    perform pgscore._lock_tables(array[events, profile], 'access share', '{}');
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._table_keys_problem(b));
    perform pgscore._refuse(pgscore._reducers_problem(b));
    perform pgscore._refuse(pgscore._columns_problem(b));
    perform pgscore._check_reasons(b);
    perform pgscore._check_shared(b);
    if former.number is null then
        is_indexed := pgscore._check_index(b, without_index is true);
        if backfill is null then
            profiles := pgscore._rows_up_to(profile, 10000);
            held := pgscore._rows_up_to(events, 100000);
            -- Without an index each profile costs a look at all events.
            at_once := profiles <= 10000 and held <= 100000 and (is_indexed or profiles * held <= 20000000);
        else
            at_once := backfill;
        end if;
    end if;
    moved := array(select pgscore._forget_gone(b));
    b := pgscore._note_binding(b, former);
    moved := moved || array(
        select pgscore._drop_binding_sql(former) where former.event_schema <> b.event_schema
        union all
        select pgscore._drop_profile_sql(former) where former.profile_schema <> b.profile_schema
    );
    perform pgscore._add_profile(model, profile);
    if not at_once then
        -- Before the tables are locked, because it takes its time.
        perform pgscore._list_uncounted(b, '');
    end if;
    queue := pgscore._profile_relation(b, 'queue');
    perform pgscore._settle(queue);
    -- Whoever has queued something for the profile table is over then.
    perform pgscore._lock_tables(array[events, profile], 'share row exclusive', array_remove(array[queue], null));
    perform pgscore._run_all(moved);
    perform pgscore._generate(b);
    -- What is wrong with the reducers' SQL, such as a value that is none of its column's type, is to be wrong now.
    execute format('select from %s(%s, true%s)', pgscore._event_object(b, 'recount'), (
        select string_agg('null', ', ') from generate_subscripts(b.event_key, 1)
    ), case when pgscore._due_column(b) is not null then ', now()' end);
    if former.number is null and at_once then
        -- The tables are locked, so nobody adds to what is counted until the transaction commits.
        perform pgscore._run_all(array(select pgscore._backfill_sql(b)));
    elsif former.number is null then
        -- Rows that were committed meanwhile: they are as young as the oldest transaction that was open before.
        perform pgscore._list_uncounted(b, format(' and age(p.xmin) <= age(%L::xid)', pg_snapshot_xmin(began)::xid));
    end if;
    perform pgscore._advise(b.number);
    return b.name;
end
$$;

comment on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean, name, integer) is
    'Attaches an event table to a profile table by keys of several columns; see the function for keys of one column';

grant execute on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean, name, integer)
    to pgscore_reader;

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null, without_index boolean default false,
    notify_above double precision default null, notify_below double precision default null, changes boolean default false,
    reasons name default null, top integer default 3
) returns text
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore.attach(
        model, events, profile, array[event_key], array[profile_key], reducers, score, version, scored_at, timing, on_error,
        on_missing, max_scoring_ms, log, backfill, without_index, notify_above, notify_below, changes, reasons, top
    )
$$;

comment on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean, name, integer) is
    'Attaches an event table to a profile table of the same owner, who calls it, or a member: from now on its events move columns of the profile and the score of a model. Called again, it changes timing, policies, log and what is told, and mends triggers. backfill: count in this transaction what the tables hold (true), later by pgscore.reconcile (false), or as their size says (NULL). without_index: whether a large table is attached although no index finds the events of a profile. notify_above, notify_below: NOTIFY pgscore tells of scores that cross them. changes: whether changes of the score are written to pgscore.score_change. reasons: a column, jsonb or text[], for the inputs that add most to the score, top of them';

grant execute on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean, name, integer)
    to pgscore_reader;

create or replace function pgscore.reattach(events regclass, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pgscore._check_owner(events, profile);
    perform pgscore._lock_owner((select c.relowner::regrole from pg_catalog.pg_class c where c.oid = profile));
    perform pgscore._follow_columns(profile);
    perform pgscore.attach(
        b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing,
        b.on_error, b.on_missing, b.max_scoring_ms, b.log, notify_above => b.notify_above, notify_below => b.notify_below,
        changes => b.changes, reasons => b.reasons, top => coalesce(b.top, 3)
    )
    from pgscore.binding b where b.events = reattach.events and b.profile = reattach.profile;
    if not found then
        raise exception 'table % is not attached to %', events, profile using errcode = 'undefined_object';
    end if;
end
$$;

drop function pgscore._drop_functions_sql(schema name, prefix name, endings text[], owner regrole);

-- core/binding/detach.sql
create function pgscore._drop_functions_sql(b pgscore.binding, is_shared boolean) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Triggers go with them.
    select format('drop function if exists %s cascade', f.oid::regprocedure)
    from pgscore._generated_functions(b) f
    where f.owner = b.owner and f.is_shared = _drop_functions_sql.is_shared
$$;

comment on function pgscore._drop_functions_sql(pgscore.binding, boolean) is
    'What drops generated functions, with their triggers: a binding''s own ones, or those that it shares';

grant execute on function pgscore._drop_functions_sql(pgscore.binding, boolean) to pgscore_reader;

create or replace function pgscore._drop_binding_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._drop_functions_sql(b, false)
    union all
    -- The last of them takes along what they shared on the event table.
    select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass)
    from pg_catalog.pg_trigger t
    where t.tgrelid = b.events and t.tgfoid = pgscore._procedure(b.profile_schema, b.profile_prefix || '_run')
        and not exists (select from pgscore.binding o where o.events = b.events and o.profile = b.profile)
$$;

create or replace function pgscore._drop_profile_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._drop_functions_sql(b, true)
    union all
    select format('drop table %s', t.object) from pgscore._generated_tables(b) t where t.owner = b.owner and t.kind = 'r'
$$;

create or replace function pgscore._generated_objects(b pgscore.binding) returns table (kind text, object text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with functions as (
        select f.oid from pgscore._generated_functions(b) f where f.owner = b.owner
    )
    select 'trigger', format('%I on %s', t.tgname, t.tgrelid::regclass)
    from pg_catalog.pg_trigger t where t.tgfoid in (select f.oid from functions f) and t.tgparentid = 0
    union
    select 'function', f.oid::regprocedure::text from functions f
    union
    select 'table', t.oid::regclass::text from pgscore._generated_tables(b) t
$$;

create or replace function pgscore._detach(gone pgscore.binding[]) returns table (kind text, object text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    one constant pgscore.binding := gone[1];
    rest pgscore.binding;
    is_left boolean := false;
    queues regclass[];
    former text[];
begin
    -- All of one profile table.
    perform pgscore._lock_owner(one.owner) where exists (select from pg_catalog.pg_roles r where r.oid = one.owner);
    perform pgscore._follow_columns(one.profile);
    perform pgscore._check_rest(one.profile, gone);
    queues := pgscore._queues_of(one.owner);
    perform pgscore._settle(q) from unnest(queues) q;
    -- Transactions that have queued work for a table of the owner's are over then: at commit each looks into all queues.
    perform pgscore._lock_tables((select array_agg(distinct g.events) from unnest(gone) g) || one.profile, 'access exclusive', queues);
    former := array(select distinct o.kind || ' ' || o.object from unnest(gone) g, pgscore._generated_objects(g) o);
    delete from pgscore.binding b where b.number in (select g.number from unnest(gone) g);
    if exists (select from pgscore.binding b where b.number in (select g.number from unnest(gone) g)) then
        raise exception '% owned table % when it was attached, and % is no member of it', one.owner, one.profile, current_user
            using errcode = 'insufficient_privilege', hint = format('Connect as a member of %s.', one.owner);
    end if;
    perform pgscore._run_all(array(select distinct s from unnest(gone) g, pgscore._drop_binding_sql(g) s));
    -- Another one of each event table, whose triggers may be others now; or any, for what all of them share.
    for rest in
        select distinct on (t.events) b.*
        from pgscore._bindings_of(one.profile) b,
            lateral (select case when b.events in (select g.events from unnest(gone) g) then b.events::oid end as events) t
        order by t.events, b.number
    loop
        exit when is_left and rest.events not in (select g.events from unnest(gone) g)
            or not exists (select from pg_catalog.pg_class c where c.oid = one.profile);
        perform pgscore._generate(rest);
        is_left := true;
    end loop;
    if not exists (select from pgscore._bindings_of(one.profile)) then
        perform pgscore._run_all(array(select pgscore._drop_profile_sql(one)));
        perform pgscore._run_all(array(select pgscore._other_commits_sql(one)));
    end if;
    return query
        select 'binding', g.name from unnest(gone) g
        union all
        (
            select split_part(f, ' ', 1), substr(f, strpos(f, ' ') + 1) from unnest(former) f
            except
            select o.kind, o.object from unnest(gone) g, pgscore._generated_objects(g) o
            order by 1, 2
        );
end
$$;

-- core/batch/partitions.sql
-- Tables of pgscore's that are partitioned by time: partitions are made ahead, and dropped when they are old. What falls
-- between them stands in the default partition, so nothing is lost while nobody makes any.
--
-- A partition has no grants: who reads or writes goes by the parent, and its row-level security. It has a primary key of
-- its own, on the column that counts up, so that one which is attached needs no index to be built.

create function pgscore._partitioned_table(parent name) returns regclass
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    relation constant regclass := (
        select c.oid
        from pg_catalog.pg_class c
        join pg_catalog.pg_partitioned_table t on t.partrelid = c.oid
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = t.partattrs[0]
        where c.relnamespace = 'pgscore'::regnamespace and c.relname = parent and c.relowner = 'pgscore_owner'::regrole
            and t.partstrat = 'r' and t.partnatts = 1 and a.atttypid = 'timestamptz'::regtype
    );
begin
    if relation is null then
        raise exception 'pgscore has no table % that is partitioned by time', coalesce(quote_ident(parent), 'NULL')
            using errcode = 'undefined_table', hint = 'It is named without its schema, such as prediction_log.';
    end if;
    return relation;
end
$$;

comment on function pgscore._partitioned_table(name) is 'A table of pgscore''s that is partitioned by time; refused where there is none of that name';

create function pgscore._partition_bounds(relation regclass) returns table (
    partition regclass, lower timestamptz, upper timestamptz
)
language sql stable
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, MDY'
as $$
    select b.partition,
        case b.parts[1] when 'MINVALUE' then '-infinity' else btrim(b.parts[1], '''') end::timestamptz,
        case b.parts[2] when 'MAXVALUE' then 'infinity' else btrim(b.parts[2], '''') end::timestamptz
    from (
        select c.oid::regclass as partition,
            regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM [(](.*)[)] TO [(](.*)[)]$') as parts
        from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
        where i.inhparent = relation and c.relispartition
    ) b
    -- All but the default one.
    where b.parts is not null
    order by 2
$$;

comment on function pgscore._partition_bounds(regclass) is
    'The partitions of a table that is partitioned by time, from when to when each holds rows; without the default one';

create function pgscore._default_partition(relation regclass) returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select nullif(t.partdefid, 0)::regclass from pg_catalog.pg_partitioned_table t where t.partrelid = relation
$$;

comment on function pgscore._default_partition(regclass) is 'The partition that holds what no other does; NULL where there is none';

create function pgscore._partition_start(at timestamptz, step interval) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
    -- Of weeks: Mondays. Of months: counted from January of the year 0.
    select case
        when step >= '1 month' and step = date_trunc('month', step) then (
            select make_timestamptz((m.first / 12)::integer, (m.first % 12 + 1)::integer, 1, 0, 0, 0)
            from (
                select (n.number - n.number % n.months)::bigint as first
                from (
                    select (extract(year from at) * 12 + extract(month from at) - 1)::bigint as number,
                        (extract(year from step) * 12 + extract(month from step))::bigint as months
                ) n
            ) m
        )
        else date_bin(step, at, '2001-01-01 00:00+00')
    end
$$;

comment on function pgscore._partition_start(timestamptz, interval) is
    'When the partition begins that holds a time, where each is of one length: whole months, or days and hours';

create function pgscore._empty_partition(relation regclass, begins timestamptz default null) returns regclass
language plpgsql volatile
set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
    parent constant name := (select c.relname from pg_catalog.pg_class c where c.oid = relation);
    counting constant name := (
        select a.attname from pg_catalog.pg_attribute a where a.attrelid = relation and a.attidentity <> '' and not a.attisdropped
    );
    name text := parent || coalesce('_' || to_char(begins, 'YYYYMMDD'), '_default');
    made regclass;
begin
    if begins is not null and (begins <> date_trunc('day', begins) or to_regclass(format('pgscore.%I', name)) is not null) then
        name := name || to_char(begins, '_HH24MI');
    end if;
    -- Beside the parent, and attached when it is complete: PARTITION OF would lock out whoever writes to the parent.
    execute format(
        'create table pgscore.%I (like pgscore.%I including defaults including constraints including generated including comments'
            ' including storage)', name, parent
    );
    made := format('pgscore.%I', name);
    if pgscore._primary_key(relation) is null and counting is not null then
        execute format('alter table %s add primary key (%I)', made, counting);
    end if;
    execute format('alter table %s enable row level security', made);
    execute format(
        'comment on table %s is %L', made, 'Partition of pgscore.' || parent || case
            when begins is null then ': rows of a time for which no partition was made; pgscore.maintain moves them'
            else ', from ' || to_char(begins, 'YYYY-MM-DD HH24:MI') || ' UTC on'
        end
    );
    return made;
end
$$;

comment on function pgscore._empty_partition(regclass, timestamptz) is
    'Makes a table that can become a partition, of rows from that time on, or the default one';

create function pgscore._move_from_default(relation regclass, target regclass, begins timestamptz, ends timestamptz) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    at constant name := (
        select a.attname
        from pg_catalog.pg_partitioned_table t
        join pg_catalog.pg_attribute a on a.attrelid = t.partrelid and a.attnum = t.partattrs[0]
        where t.partrelid = relation
    );
    names constant text := (
        select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_catalog.pg_attribute a
        where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    );
begin
    execute format(
        'with moved as (delete from %1$s d where d.%2$I >= $1 and d.%2$I < $2 returning %3$s)'
            ' insert into %4$s (%3$s) overriding system value select %3$s from moved',
        pgscore._default_partition(relation), at, names, target
    ) using begins, ends;
end
$$;

comment on function pgscore._move_from_default(regclass, regclass, timestamptz, timestamptz) is
    'Moves rows of a span of time from the default partition to a table that is to become their partition';

create function pgscore._add_partition(relation regclass, begins timestamptz, ends timestamptz) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, MDY'
as $$
declare
    others constant regclass := pgscore._default_partition(relation);
    made constant regclass := pgscore._empty_partition(relation, begins);
begin
    if pg_relation_size(others) > 0 then
        -- Most of it while others write there; what they bring meanwhile follows when they are locked out.
        perform pgscore._move_from_default(relation, made, begins, ends);
    end if;
    execute format('lock table %s in access exclusive mode', others);
    if pg_relation_size(others) > 0 then
        perform pgscore._move_from_default(relation, made, begins, ends);
    end if;
    execute format('alter table %s attach partition %s for values from (%L) to (%L)', relation, made, begins, ends);
end
$$;

comment on function pgscore._add_partition(regclass, timestamptz, timestamptz) is
    'Makes a partition for a span of time that none holds, with the rows of it that stand in the default one';

create function pgscore._add_partition_of(relation regclass, at timestamptz, step interval) returns timestamptz
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    begins timestamptz := pgscore._partition_start(at, step);
    ends timestamptz := begins + step;
begin
    -- Where partitions of another length are there, what they leave is filled.
    select greatest(begins, max(b.upper) filter (where b.upper <= at)), least(ends, min(b.lower) filter (where b.lower > at))
    into begins, ends
    from pgscore._partition_bounds(relation) b;
    perform pgscore._add_partition(relation, begins, ends);
    return ends;
end
$$;

comment on function pgscore._add_partition_of(regclass, timestamptz, interval) is
    'Makes the partition that is to hold a time for which there is none; when it ends';

create function pgscore._left_behind(relation regclass, step interval) returns setof timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    at constant name := (
        select a.attname
        from pg_catalog.pg_partitioned_table t
        join pg_catalog.pg_attribute a on a.attrelid = t.partrelid and a.attnum = t.partattrs[0]
        where t.partrelid = relation
    );
begin
    return query execute format(
        'select min(d.at) from (select %I from %s) d (at) where d.at >= $2 and d.at < now()'
            ' group by pgscore._partition_start(d.at, $1) order by 1 desc limit 100',
        at, pgscore._default_partition(relation)
    ) using step, '1970-01-01 00:00+00'::timestamptz;
end
$$;

comment on function pgscore._left_behind(regclass, interval) is
    'A time of each of the last hundred partitions that are missing for rows in the default one, of times that are over';

create function pgscore._make_partitions(parent name, step interval, ahead integer) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set lock_timeout = '500ms'
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    until timestamptz;
    begins timestamptz;
    covered timestamptz;
    made integer := 0;
begin
    if step is null or step < '1 hour' or step > '1 year' or step >= '1 month' and step <> date_trunc('month', step) then
        raise exception 'a partition holds hours, days or whole months, a year at most, and not %', coalesce(step::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    elsif ahead is null or ahead not between 0 and 1000 then
        raise exception 'from 0 to 1000 partitions are made ahead, and not %', coalesce(ahead::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    -- One at a time. Whoever reads or writes goes on.
    execute format('lock table %s in share update exclusive mode', relation);
    if pgscore._default_partition(relation) is null then
        execute format('alter table %s attach partition %s default', relation, pgscore._empty_partition(relation));
    end if;
    begins := pgscore._partition_start(now(), step);
    until := begins + step * (ahead + 1);
    while begins < until loop
        select max(b.upper) into covered from pgscore._partition_bounds(relation) b where b.lower <= begins and b.upper > begins;
        if covered is not null then
            begins := covered;
            continue;
        end if;
        begins := pgscore._add_partition_of(relation, begins, step);
        made := made + 1;
    end loop;
    if pg_relation_size(pgscore._default_partition(relation)) > 0 then
        -- While nobody came by, rows of weeks that are over were left there.
        for begins in select l.* from pgscore._left_behind(relation, step) l loop
            perform pgscore._add_partition_of(relation, begins, step);
            made := made + 1;
        end loop;
    end if;
    return made;
exception when lock_not_available then
    raise exception 'somebody holds table %: no partition of it was made', relation
        using errcode = 'lock_not_available', hint = 'Nothing is lost: rows go to its default partition. Try again later.';
end
$$;

comment on function pgscore._make_partitions(name, interval, integer) is
    'Makes the partitions of a table of pgscore''s that are missing, from the one that holds now to as many ahead, and a hundred of times that are over; how many it made. Rows that stand in the default partition move along';

grant execute on function pgscore._make_partitions(name, interval, integer) to pgscore_operator;

create function pgscore._drop_all(relation regclass, doomed regclass[]) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '200ms'
as $$
declare
    one regclass;
begin
    if cardinality(doomed) = 0 then
        return 0;
    end if;
    -- Who inserts waits behind this lock: for a moment, and then it is let go.
    for attempt in 1 .. 10 loop
        begin
            execute format('lock table %s in access exclusive mode', relation);
            foreach one in array doomed loop
                execute format('drop table %s', one);
            end loop;
            return cardinality(doomed);
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'somebody holds table %: no partition of it was dropped', relation
        using errcode = 'lock_not_available', hint = 'A transaction that reads or writes it has to end. Try again later.';
end
$$;

comment on function pgscore._drop_all(regclass, regclass[]) is 'Drops partitions of a table, when nobody is using it; how many';

create function pgscore._drop_partitions(parent name, older_than interval) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    others constant regclass := pgscore._default_partition(relation);
    border constant timestamptz := now() - older_than;
begin
    if older_than is null or older_than < '0' then
        raise exception 'partitions are dropped that are older than an age, and not than %', coalesce(older_than::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    if pg_relation_size(others) > 0 then
        execute format(
            'delete from %s where %I < $1', others, (
                select a.attname
                from pg_catalog.pg_partitioned_table t
                join pg_catalog.pg_attribute a on a.attrelid = t.partrelid and a.attnum = t.partattrs[0]
                where t.partrelid = relation
            )
        ) using border;
    end if;
    return pgscore._drop_all(
        relation, array(select b.partition from pgscore._partition_bounds(relation) b where b.upper <= border)
    );
end
$$;

comment on function pgscore._drop_partitions(name, interval) is
    'Drops the partitions of a table of pgscore''s all of whose rows are older than that, and such rows of the default one; how many partitions';

grant execute on function pgscore._drop_partitions(name, interval) to pgscore_operator;

create function pgscore._drop_partitions_beyond(parent name, keep bigint) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    one record;
    rows bigint;
    kept bigint := 0;
    doomed regclass[] := '{}';
begin
    if keep is null or keep < 0 then
        raise exception 'the number of rows to keep is not %', coalesce(keep::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    for one in
        select b.partition, b.upper, c.reltuples
        from pgscore._partition_bounds(relation) b join pg_catalog.pg_class c on c.oid = b.partition
        order by b.upper desc
    loop
        if kept >= keep and one.upper <= now() then
            doomed := doomed || one.partition;
            continue;
        end if;
        rows := one.reltuples::bigint;
        if rows <= 0 then
            execute format('select count(*) from %s', one.partition) into rows;
        end if;
        kept := kept + rows;
    end loop;
    return pgscore._drop_all(relation, doomed);
end
$$;

comment on function pgscore._drop_partitions_beyond(name, bigint) is
    'Drops the oldest partitions of a table of pgscore''s as long as the later ones hold about so many rows; how many';

grant execute on function pgscore._drop_partitions_beyond(name, bigint) to pgscore_operator;

create function pgscore._partition_state(
    parent name, out partitions integer, out bytes bigint, out rows bigint, out until timestamptz, out in_default bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    others constant regclass := pgscore._default_partition(relation);
begin
    select count(*), sum(pg_total_relation_size(i.inhrelid)), sum(greatest(c.reltuples, 0))
    into partitions, bytes, rows
    from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = relation;
    with recursive covered as (
        select b.upper from pgscore._partition_bounds(relation) b where b.lower <= now() and b.upper > now()
        union
        select b.upper from covered c, pgscore._partition_bounds(relation) b where b.lower = c.upper
    )
    select max(c.upper) into until from covered c;
    if others is not null then
        execute format('select count(*) from (select from %s limit 1000) d', others) into in_default;
    end if;
end
$$;

comment on function pgscore._partition_state(name) is
    'How a partitioned table of pgscore''s stands: its partitions, about how many rows, until when there are partitions (NULL: not even now), and how many rows stand in the default one (no more than 1000 are counted; NULL: there is none)';

grant execute on function pgscore._partition_state(name) to pgscore_reader;

-- core/changes/notify.sql
create function pgscore._prepares() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Without a backslash, which a session may read otherwise.
    select '[[:<:]]prepare[[:>:]]([[:space:]]|/[*].*[*]/|--.*)+[[:<:]]transaction[[:>:]]'
$$;

comment on function pgscore._prepares() is 'The regular expression of PREPARE TRANSACTION';

grant execute on function pgscore._prepares() to pgscore_reader;

create function pgscore._notify(model text, key text, score double precision, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- All digits of the score, whatever the session has set.
set extra_float_digits = 1
as $$
begin
    -- PostgreSQL does not prepare a transaction that has notified: one that is prepared tells nobody. The command is all
    -- that says so before it is over.
    if current_setting('max_prepared_transactions') <> '0' and current_query() ~* pgscore._prepares() then
        return;
    end if;
    -- 8,000 bytes are too many for PostgreSQL, and a character is six of JSON at most.
    perform pg_notify('pgscore', case
        when octet_length(key) <= 1000 then json_build_object('model', model, 'key', key, 'score', score, 'version', version)
        else json_build_object('model', model, 'key', left(key, 1000), 'score', score, 'version', version, 'key_md5', md5(key))
    end::text);
end
$$;

comment on function pgscore._notify(text, text, double precision, integer) is
    'Tells whoever listens to the channel pgscore of a score; of a key of more than 1000 bytes the first 1000 characters and the md5';

grant execute on function pgscore._notify(text, text, double precision, integer) to pgscore_reader;

-- core/changes/releases.sql
create function pgscore._tell_release() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- PostgreSQL does not prepare a transaction that has notified. Whoever follows releases looks every few seconds, too:
    -- where transactions can be prepared it is told only by one that is certain to commit. Its command is COMMIT, or it
    -- has begun with its command, or there is none any more: a statement of its own, in the extended protocol. After SET
    -- CONSTRAINTS ALL IMMEDIATE, within a transaction, nothing of that is so.
    if current_setting('max_prepared_transactions') <> '0' and (
        current_query() ~* pgscore._prepares()
        or not (
            coalesce(current_query(), 'commit') ~* '(^|;)[[:space:]]*(commit|end)[[:>:]][^;]*;?[[:space:]]*$'
            or transaction_timestamp() >= statement_timestamp()
        )
    ) then
        return null;
    end if;
    perform pg_notify('pgscore_release', json_build_object('model', new.name, 'version', new.serving)::text);
    return null;
end
$$;

comment on function pgscore._tell_release() is 'Tells whoever listens to the channel pgscore_release which version of a model answers from now on';

-- At commit, where the command says whether the transaction is prepared.
create constraint trigger tell_release after update on pgscore.model deferrable initially deferred
    for each row when (old.serving is distinct from new.serving) execute function pgscore._tell_release();

comment on trigger tell_release on pgscore.model is 'A promotion, or a rollback, is told when it is committed';

-- core/changes/origin.sql
-- Where changes of scores were written. Their positions are numbers of transactions, which mean something in one cluster
-- alone: a restored dump brings rows whose numbers other transactions get anew.

create function pgscore._change_server() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A dump is restored into another cluster, or makes the table anew.
    select concat((select c.system_identifier from pg_control_system() c), '/', 'pgscore.score_change'::regclass::oid)
$$;

comment on function pgscore._change_server() is 'What tells this outbox from its copies: the cluster, and the table';

grant execute on function pgscore._change_server() to pgscore_reader;

insert into pgscore.change_origin (server) values (pgscore._change_server());

create function pgscore._has_foreign_changes() returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select (select bool_and(o.server = pgscore._change_server()) from pgscore.change_origin o) is not true
        or exists (
            select from pgscore.score_change c
            where c.position > pg_snapshot_xmax(pg_current_snapshot())
                and c.position is distinct from pg_current_xact_id_if_assigned()
        )
$$;

comment on function pgscore._has_foreign_changes() is
    'Whether the outbox came with a dump and may hold changes of another cluster, whose positions mean nothing here';

grant execute on function pgscore._has_foreign_changes() to pgscore_reader;

create function pgscore._change_line() returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if pgscore._has_foreign_changes() then
        raise exception 'pgscore.score_change holds changes of another cluster, from which this database was restored'
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'As an operator: select pgscore.prune_score_changes() takes them away. Consumers then take all scores once.';
    end if;
    -- A standby that takes over begins a timeline, and may give numbers anew that it never heard of.
    return left(md5(pgscore._change_server()), 8) || '.' || case
        when pg_is_in_recovery() then (select c.timeline_id from pg_control_checkpoint() c)
        else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
    end;
end
$$;

comment on function pgscore._change_line() is
    'What positions of this outbox begin with: the cluster and its timeline; refused where the outbox came with a dump';

grant execute on function pgscore._change_line() to pgscore_reader;

-- core/changes/reading.sql
create function pgscore._change_since(since text, model text, out "position" xid8, out ordinal bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    line constant text := pgscore._change_line();
    anew constant text := 'Take all scores once, as pgscore export does, and go on from pgscore.score_change_horizon() of before.';
    parts text[];
begin
    if since is null then
        "position" := '0';
        ordinal := 0;
        return;
    elsif since !~ '^[0-9a-f]{8}[.][0-9]{1,10}/[0-9]{1,18}/[0-9]{1,18}$' then
        raise exception '"%" is no position in the changes of scores', left(since, 50)
            using errcode = 'invalid_parameter_value',
                  hint = 'It is the position of a row that pgscore.score_changes gave, such as 5e1c08ab.1/7423/15.';
    end if;
    parts := string_to_array(since, '/');
    "position" := parts[2]::xid8;
    ordinal := parts[3]::bigint;
    if left(parts[1], 8) <> left(line, 8) then
        raise exception 'position % was read from another database, or before this one was restored', since
            using errcode = 'object_not_in_prerequisite_state', hint = anew;
    elsif "position" > pg_snapshot_xmax(pg_current_snapshot()) then
        raise exception 'position % is ahead of this database: it was read before a backup was restored', since
            using errcode = 'object_not_in_prerequisite_state', hint = anew;
    elsif parts[1] <> line and not exists (
        select c.position, c.ordinal from pgscore.score_change c where (c.position, c.ordinal) = ("position", ordinal)
        union all
        select p.position, p.ordinal from pgscore.pruned_change p where (p.position, p.ordinal) = ("position", ordinal)
    ) then
        raise exception 'position % was read before a standby took over or a backup was restored, and its change is not here', since
            using errcode = 'object_not_in_prerequisite_state', hint = anew;
    elsif exists (
        select from pgscore.pruned_change p
        where p.model = coalesce(_change_since.model, p.model) and (_change_since."position", _change_since.ordinal) < (p.position, p.ordinal)
    ) then
        raise exception 'changes after position % were pruned before they were read', since
            using errcode = 'object_not_in_prerequisite_state', hint = anew;
    end if;
end
$$;

comment on function pgscore._change_since(text, text) is
    'A position as two numbers; refused where it is none, or where something after it is gone';

grant execute on function pgscore._change_since(text, text) to pgscore_reader;

create function pgscore.score_change_horizon() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- No ordinal is 0.
    select pgscore._change_line() || '/' || pg_snapshot_xmin(pg_current_snapshot()) || '/0'
$$;

comment on function pgscore.score_change_horizon() is
    'The position up to which all changes of scores are there: what is committed later comes after it';

grant execute on function pgscore.score_change_horizon() to pgscore_reader;

create function pgscore.score_changes(since text default null, of_model text default null, up_to integer default 1000)
returns table (
    "position" text, binding text, model text, key text, former double precision, score double precision, version integer, at timestamptz
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    line constant text := pgscore._change_line();
    start record;
begin
    if up_to is null or up_to < 1 then
        raise exception 'up_to is a positive number of changes, not %', coalesce(up_to::text, 'NULL') using errcode = 'invalid_parameter_value';
    end if;
    select s.* into start from pgscore._change_since(since, of_model) s;
    return query
        select line || '/' || c.position || '/' || c.ordinal, c.binding, c.model, c.key, c.former, c.score, c.version, c.at
        from pgscore.score_change c
        where (c.position, c.ordinal) > (start.position, start.ordinal)
            -- Below the oldest transaction in flight nothing comes in any more.
            and c.position < pg_snapshot_xmin(pg_current_snapshot())
            and (of_model is null or c.model = of_model)
        order by c.position, c.ordinal
        limit up_to;
end
$$;

comment on function pgscore.score_changes(text, text, integer) is
    'Changes of scores after a position, of one model or of all, in order: of transactions that are over, and so that none comes in before another that was given; NULL: from the first that is there. Go on from the position of the last row';

grant execute on function pgscore.score_changes(text, text, integer) to pgscore_reader;

-- core/changes/consumers.sql
create function pgscore._doctor_consumers() returns table (reader text, name text, problem text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    consumer record;
begin
    for consumer in select c.reader, c.name, c.position from pgscore.change_consumer c order by c.reader::text, c.name loop
        begin
            perform pgscore._change_since(consumer.position, null);
        exception when object_not_in_prerequisite_state or invalid_parameter_value then
            return query select consumer.reader::text, consumer.name, sqlerrm;
        end;
    end loop;
end
$$;

comment on function pgscore._doctor_consumers() is
    'The consumers of the outbox that the caller may see and that cannot go on from their position, and why';

grant execute on function pgscore._doctor_consumers() to pgscore_reader;

-- core/changes/pruning.sql
create function pgscore.prune_score_changes(older_than interval default '30 days') returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
    if older_than is null or older_than < '0' then
        raise exception 'older_than is an age, not %', coalesce(older_than::text, 'NULL') using errcode = 'invalid_parameter_value';
    end if;
    -- What a dump has brought would come in later, behind what is newer; and what came since may stand between. Nobody has
    -- read that: consumers are refused until then, and begin anew.
    if pgscore._has_foreign_changes() then
        delete from pgscore.score_change;
        delete from pgscore.pruned_change;
        delete from pgscore.change_origin;
        insert into pgscore.change_origin (server) values (pgscore._change_server());
    end if;
    -- Who has read less than what goes is told so.
    insert into pgscore.pruned_change as p (model, position, ordinal)
    select distinct on (c.model) c.model, c.position, c.ordinal
    from pgscore.score_change c where c.at < now() - older_than
    order by c.model, c.position desc, c.ordinal desc
    on conflict (model) do update set position = excluded.position, ordinal = excluded.ordinal
    where (p.position, p.ordinal) < (excluded.position, excluded.ordinal);
    perform pgscore._make_partitions('score_change', '1 day', 7);
    return pgscore._drop_partitions('score_change', older_than);
end
$$;

comment on function pgscore.prune_score_changes(interval) is
    'Drops changes of scores that are older, read or not, and all where the database was restored from a dump; makes partitions ahead; says how many partitions it dropped';

grant execute on function pgscore.prune_score_changes(interval) to pgscore_operator;

-- core/changes/truncating.sql
create function pgscore._refuse_old_snapshot(profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    own constant xid8 := pg_current_xact_id();
begin
    if current_setting('transaction_isolation') not in ('repeatable read', 'serializable') then
        return;
    end if;
    -- Rows that came after the snapshot go too, and cannot be seen: nobody would be told. None have come where nobody has
    -- begun to write since.
    if pg_snapshot_xmax(pg_current_snapshot()) = own and not exists (select from pg_snapshot_xip(pg_current_snapshot())) then
        begin
            perform pg_xact_status((own::text::bigint + 1)::text::xid8);
        exception when invalid_parameter_value then
            -- Of a transaction that is yet to come there is no status.
            return;
        end;
    end if;
    if pg_sequence_last_value('pgscore.score_change_ordinal') > (select coalesce(max(c.ordinal), 0) from pgscore.score_change c) then
        raise exception 'could not serialize access: scores of % may have changed since this transaction began', profile
            using errcode = 'serialization_failure',
                  hint = format('Try the transaction again. It succeeds where it begins with: lock table %s', profile);
    end if;
end
$$;

comment on function pgscore._refuse_old_snapshot(regclass) is
    'Refuses to truncate a profile table that tells of its scores, in a transaction whose snapshot may not show all of them';

grant execute on function pgscore._refuse_old_snapshot(regclass) to pgscore_reader;

-- core/batch/into.sql
create function pgscore._into_problem(profile regclass, target regclass, out problem text, out hint text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    key constant name[] := pgscore._page_key(profile);
    -- Who calls makes the one that is not there yet.
    target_owner constant regrole := case when target is null then to_regrole(quote_ident(current_user)) else (
        select c.relowner from pg_catalog.pg_class c where c.oid = target and c.relkind in ('r', 'p')
    ) end;
    wanted record;
begin
    if not exists (select from pg_catalog.pg_class c where c.oid = profile and c.relkind in ('r', 'p')) then
        problem := format('%s is no table, or was dropped', profile);
    elsif key is null then
        problem := format('table %s has no primary key of integers, texts and uuids, by which its rows could be taken in turn', profile);
        hint := format('alter table %s add primary key (...)', profile);
    elsif target_owner is null then
        problem := format('%s is no table, or was dropped', target);
    elsif target = profile then
        problem := format('table %s would be read and written at once', profile);
        hint := 'Without a target the scores of a profile table that is attached go to its own columns.';
    -- Defaults, checks and triggers of the target run as whoever writes to it: that is to be the one who made them.
    elsif target_owner <> to_regrole(quote_ident(current_user)) then
        problem := format('%s owns table %s, and only its owner has scores written there', target_owner, target);
        hint := format('Connect as %s, or name a table of your own.', target_owner);
    elsif (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user)
        and (select c.relowner from pg_catalog.pg_class c where c.oid = profile) <> target_owner
    then
        problem := format(
            '%s is a superuser and table %s belongs to %s, whose code would run with a superuser''s rights', current_user, profile,
            (select c.relowner::regrole from pg_catalog.pg_class c where c.oid = profile)
        );
        hint := 'Connect as a role that may read it.';
    elsif not has_table_privilege(profile, 'select') then
        problem := format('%s may not read table %s', current_user, profile);
        hint := format('grant select on %s to %s', profile, quote_ident(current_user));
    elsif row_security_active(profile) then
        problem := format('row-level security of table %s may hide rows from %s, and what is left out would not show', profile, current_user);
        hint := 'Connect as its owner, or as a role that sees all rows.';
    end if;
    if problem is not null or target is null then
        return;
    end if;
    for wanted in
        select k.name, format_type((pgscore._column(_into_problem.profile, k.name)).atttypid, null) as type
        from unnest(key) as k (name)
        union all
        select * from (values ('score', 'double precision'), ('version', 'integer'), ('at', 'timestamp with time zone')) as c (name, type)
    loop
        if wanted.name in ('score', 'version', 'at') and wanted.name = any (key) then
            problem := format('the key of table %s has a column "%s", which is what the target calls something else', profile, wanted.name);
        elsif (pgscore._column(target, wanted.name)).attname is null then
            problem := format('table %s has no column "%s"', target, wanted.name);
        elsif format_type((pgscore._column(target, wanted.name)).atttypid, null) <> wanted.type then
            problem := format(
                'column "%s" of table %s is of type %s, and not %s', wanted.name, target,
                format_type((pgscore._column(target, wanted.name)).atttypid, null), wanted.type
            );
        end if;
        exit when problem is not null;
    end loop;
    if problem is null and not exists (
        select from pg_catalog.pg_index i
        where i.indrelid = target and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and i.indexprs is null
            and array(
                select a.attname from pg_catalog.pg_attribute a
                where a.attrelid = target and a.attnum = any (i.indkey[0 : i.indnkeyatts - 1]) order by 1
            ) = array(select k from unnest(key) k order by 1)
    ) then
        problem := format('table %s has no unique index on (%s)', target, pgscore._columns_sql(key));
    end if;
    if problem is not null then
        hint := format('create table ... (%s)', pgscore._into_columns_sql(profile));
    end if;
end
$$;

comment on function pgscore._into_problem(regclass, regclass) is
    'Why the caller cannot have scores of a table''s rows written to another one, or to one that they would make (NULL), in a sentence, and what to do; NULL where nothing is in the way';

grant execute on function pgscore._into_problem(regclass, regclass) to pgscore_reader;

create function pgscore._into_columns_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        '%s, score double precision, version integer not null, "at" timestamp with time zone not null, primary key (%s)',
        string_agg(format('%I %s', k.name, pgscore._column_type(pgscore._column(_into_columns_sql.profile, k.name))), ', ' order by k.ordinal),
        pgscore._columns_sql(pgscore._page_key(_into_columns_sql.profile))
    )
    from unnest(pgscore._page_key(profile)) with ordinality as k (name, ordinal)
    having count(*) > 0
$$;

comment on function pgscore._into_columns_sql(regclass) is 'The columns of a table that takes the scores of a profile table''s rows; NULL where it has no key for that';

grant execute on function pgscore._into_columns_sql(regclass) to pgscore_reader;

create function pgscore._check_into(profile regclass, target regclass) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found_problem constant record := pgscore._into_problem(profile, target);
begin
    if found_problem.problem is not null then
        raise exception '%', found_problem.problem using hint = coalesce(found_problem.hint, ''), errcode = case
            when found_problem.problem ~ ' (owns table|may not read table|is a superuser) ' then 'insufficient_privilege'
            when found_problem.problem ~ ' dropped$' then 'undefined_table' else 'invalid_parameter_value' end;
    end if;
end
$$;

comment on function pgscore._check_into(regclass, regclass) is 'Refuses a target to which the caller cannot have scores written';

grant execute on function pgscore._check_into(regclass, regclass) to pgscore_reader;

create function pgscore._into_page(j pgscore.job, out page_first text[], out page_last text[], out checked bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    key constant name[] := pgscore._page_key(j.profile);
    types constant text[] := pgscore._key_types(j.profile, key);
    keys constant text := pgscore._columns_sql(key, 'p');
begin
    execute format(
        'select %s from %s p%s order by %s limit 1', pgscore._places_sql(key, 'p'), j.profile,
        case when j.last_key is not null then format(' where (%s) > (%s)', keys, pgscore._bound_keys_sql(key, types, '$1')) end, keys
    ) into page_first using j.last_key;
    if page_first is null then
        checked := 0;
        return;
    end if;
    -- In the order of the index, and so the last one comes last.
    execute format(
        'select count(*), array[%1$s] from (select %2$s from %3$s p where (%4$s) >= (%5$s) order by %4$s limit $2) u',
        (select string_agg(format('(array_agg(u.key_%s))[count(*)]::text', o), ', ' order by o) from generate_subscripts(key, 1) o),
        (select string_agg(format('p.%I as key_%s', k, o), ', ' order by o) from unnest(key) with ordinality u (k, o)),
        j.profile, keys, pgscore._bound_keys_sql(key, types, '$1')
    ) into checked, page_last using page_first, j.batch;
end
$$;

comment on function pgscore._into_page(pgscore.job) is 'The keys between which the next rows of a table stand';

grant execute on function pgscore._into_page(pgscore.job) to pgscore_reader;

create function pgscore._into_work(j pgscore.job, part pgscore.job_part, out changed bigint, out refused bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    key constant name[] := pgscore._page_key(j.profile);
    types constant text[] := pgscore._key_types(j.profile, key);
    range constant text := format(
        'from %1$s p where (%2$s) >= (%3$s) and (%2$s) <= (%4$s)', j.profile, pgscore._columns_sql(key, 'p'),
        pgscore._bound_keys_sql(key, types, '$1'), pgscore._bound_keys_sql(key, types, '$2')
    );
    keys constant text := pgscore._columns_sql(key);
    scored text;
    stands boolean;
begin
    if exists (select from pgscore.model m where m.name = j.model and pgscore._takes_arrays(m.many_engine))
        and to_regprocedure(format('pgscore._score_rows(text, %s[])', j.profile)) is not null
    then
        -- Whole arrays, a thousand rows at a time.
        scored := format(
            'select u.* from (
                select a.*, pgscore._score_rows(%1$L, a.rows) as answer from (
                    select array_agg(n.p) as rows, %2$s from (select p, row_number() over () as number %3$s) n group by n.number / 1000 offset 0
                ) a offset 0
            ) s, unnest(%4$s, (s.answer).scores) as u (%5$s, score)',
            j.model, (select string_agg(format('array_agg((n.p).%I) as pgscore_%s', k, o), ', ' order by o) from unnest(key) with ordinality u (k, o)),
            range, (select string_agg('s.pgscore_' || o, ', ' order by o) from generate_subscripts(key, 1) o), keys
        );
    else
        scored := format('select %s, pgscore.score(%L::text, p) as score %s', pgscore._columns_sql(key, 'p'), j.model, range);
    end if;
    -- To look for rows that stand there already costs half of the time, so once for all.
    execute format(
        'select (%2$s) <= (%4$s) from %1$s t where (%2$s) >= (%3$s) order by %2$s limit 1', j.target, pgscore._columns_sql(key, 't'),
        pgscore._bound_keys_sql(key, types, '$1'), pgscore._bound_keys_sql(key, types, '$2')
    ) into stands using part.first_key, part.last_key;
    execute format(
        'with written as (
            insert into %1$s as t (%2$s, score, version, "at") select %3$s, s.score, %4$s, now() from (%5$s) s %6$s
            returning t.score
        )
        select count(*), count(*) - count(w.score) from written w',
        j.target, keys, pgscore._columns_sql(key, 's'), j.version, scored, case when stands then format(
            'on conflict (%s) do update set score = excluded.score, version = excluded.version, "at" = excluded."at"
            where (t.score, t.version) is distinct from (excluded.score, excluded.version)', keys
        ) end
    ) into changed, refused using part.first_key, part.last_key;
end
$$;

comment on function pgscore._into_work(pgscore.job, pgscore.job_part) is
    'Writes keys and scores of the rows of a part to another table: as the caller, who owns that and may read these';

grant execute on function pgscore._into_work(pgscore.job, pgscore.job_part) to pgscore_reader;

create function pgscore._fill_new(model text, profile regclass, schema_name name, table_name name) returns pgscore.job
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    key constant name[] := pgscore._page_key(profile);
    promotions constant bigint := pgscore._promotions(model);
    serving constant integer := pgscore._serving_version(model);
    target constant text := format('%I.%I', schema_name, table_name);
    many bigint;
    many_refused bigint;
    j pgscore.job;
begin
    perform pgscore._check_into(profile, null);
    -- One statement, that may run in parallel workers, and an index that is built at once: a fraction of what single rows
    -- cost. Version and time are the same in all rows: as defaults of columns that are added they take no room and no time.
    execute format(
        'create table %s as select %s, pgscore.score(%L::text, p) as score from %s p', target, pgscore._columns_sql(key, 'p'), model, profile
    );
    get diagnostics many = row_count;
    if promotions <> pgscore._promotions(model) then
        raise exception 'another version of model "%" was promoted meanwhile, and nothing was written', model
            using errcode = 'serialization_failure', hint = 'Run it again.';
    end if;
    execute format(
        'alter table %s add version integer not null default %s, add "at" timestamp with time zone not null default now(), add primary key (%s)',
        target, serving, pgscore._columns_sql(key)
    );
    execute format('alter table %s alter version drop default, alter "at" drop default', target);
    -- What is refused where the same columns are given.
    perform pgscore._check_into(profile, target::regclass);
    execute format('select count(*) from %s where score is null', target) into many_refused;
    insert into pgscore.job (owner, model, profile, target, whole, version, batch, total, handed_out, done, changed, refused, finished)
    values (
        (select c.relowner from pg_catalog.pg_class c where c.oid = target::regclass), _fill_new.model, _fill_new.profile, target::regclass,
        true, serving, greatest(many, 1), many, true, many, many, many_refused, clock_timestamp()
    )
    returning * into j;
    return j;
end
$$;

comment on function pgscore._fill_new(text, regclass, name, name) is
    'Makes a table of the scores of a table''s rows, at once: where it does not come to its end there is none';

grant execute on function pgscore._fill_new(text, regclass, name, name) to pgscore_reader;

-- core/batch/jobs.sql
create function pgscore._serving_version(model text) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving constant integer := (select m.serving from pgscore.model m where m.name = _serving_version.model);
begin
    if serving is null then
        perform pgscore._no_answer(model);
    end if;
    return serving;
end
$$;

comment on function pgscore._serving_version(text) is 'The version that answers for a model; fails where none does';

grant execute on function pgscore._serving_version(text) to pgscore_reader;

create function pgscore._promotions(model text) returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A version may have gone and come back. Who rolls back writes to a row that is there.
    select count(*) + count(p.rolled_back_at) from pgscore.promotion p where p.model = _promotions.model
$$;

comment on function pgscore._promotions(text) is 'How many promotions and rollbacks a model has had: the same number twice, and the same version served all the time';

grant execute on function pgscore._promotions(text) to pgscore_reader;

create function pgscore._rescored_binding(model text, profile regclass) returns pgscore.binding
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
declare
    b pgscore.binding;
    problem record;
begin
    if not exists (select from pg_catalog.pg_class c where c.oid = profile) then
        raise exception 'there is no table of the number %: it was dropped', profile::oid using errcode = 'undefined_table';
    end if;
    perform pgscore._check_owner(profile, profile);
    select t.* into b from pgscore._targets_of(_rescored_binding.profile) t where t.model = _rescored_binding.model;
    if not found then
        raise exception 'table % is not attached for model "%", so it has no column for the score', profile, model
            using errcode = 'undefined_object', hint = format(
                'Attach an event table to it, or have the scores written to a table of their own: '
                'call pgscore.rescore(%L, %L, target => ''TABLE'').', model, profile
            );
    end if;
    -- Not while the tables are attached or detached; of several sessions one makes the function.
    select o.* into b from pgscore.binding o where o.number = b.number for update;
    if not found then
        raise exception 'the tables were detached meanwhile' using errcode = 'undefined_object';
    end if;
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._taken_problem(b));
    select p.* into problem
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving,
        lateral pgscore._profile_problem(b.profile, v.contract -> 'inputs') p
    where m.name = b.model;
    if problem.message is not null then
        raise exception '%', problem.message using errcode = problem.sqlstate, hint = coalesce(problem.hint, '');
    end if;
    perform pgscore._make_rescore(b);
    return b;
end
$$;

comment on function pgscore._rescored_binding(text, regclass) is
    'The binding that says where a model''s scores of a profile table go, with the function that writes them; refuses whoever is not the owner';

grant execute on function pgscore._rescored_binding(text, regclass) to pgscore_reader;

create function pgscore._make_rescore(b pgscore.binding) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    statements constant text[] := array(select pgscore._rescore_sql(b, pgscore._rescore_function(b)));
begin
    if pg_get_userbyid(b.owner) = current_user then
        if exists (
            select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
            where n.nspname = b.profile_schema and p.proname = b.profile_prefix || '_rescore' and p.proowner = b.owner and p.prosecdef
                and position(md5(p.prosrc) in statements[2]) > 0
        ) then
            return;
        end if;
        -- The first call makes it; of several sessions one.
        perform from pgscore.binding o where o.number = b.number for update;
    end if;
    perform pgscore._run_all(statements);
end
$$;

comment on function pgscore._make_rescore(pgscore.binding) is
    'Makes the function that rescores, where it does not stand as it is to be, or where the caller is only a member of its owner';

grant execute on function pgscore._make_rescore(pgscore.binding) to pgscore_reader;

create function pgscore._drop_rescore(b pgscore.binding) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A member of the owner runs nothing that another one has put in its place: the function is made in the transaction that
    -- calls it, under a name of the session's own, and is gone before anybody else could see it. It works with the owner's
    -- rights, and so does all that it calls.
    if pg_get_userbyid(b.owner) <> current_user then
        perform pgscore._run_all(array(
            select format('drop function %s', p.oid::regprocedure)
            from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
            where n.nspname = b.profile_schema and p.proname = b.profile_prefix || '_' || pgscore._rescore_function(b) and p.proowner = b.owner
        ));
    end if;
end
$$;

comment on function pgscore._drop_rescore(pgscore.binding) is 'Drops the function that rescores for a member of the owner, in the transaction that made it';

grant execute on function pgscore._drop_rescore(pgscore.binding) to pgscore_reader;

create function pgscore._start_job(
    model text, profile regclass, whole boolean default false, target regclass default null, batch integer default null
) returns pgscore.job
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    wanted pgscore.job;
    j pgscore.job;
    b pgscore.binding;
begin
    if num_nulls(model, profile, whole) > 0 or batch not between 1 and 100000 then
        raise exception 'rescore wants a model, a table, whether it is the whole table, and batches of 1 to 100000 rows'
            using errcode = 'invalid_parameter_value';
    end if;
    wanted.model := model;
    wanted.profile := profile;
    wanted.target := target;
    wanted.version := pgscore._serving_version(model);
    -- Rows of an attached table are locked while their batch is written, and events of theirs wait.
    wanted.batch := coalesce(batch, case when target is null then 10000 else 20000 end);
    if target is null then
        b := pgscore._rescored_binding(model, profile);
        wanted.owner := b.owner;
        wanted.binding := b.number;
        wanted.whole := whole or b.version is null;
    else
        perform pgscore._check_into(profile, target);
        wanted.owner := (select c.relowner from pg_catalog.pg_class c where c.oid = target);
        wanted.whole := true;
    end if;
    for attempt in 1 .. 10 loop
        select o.* into j from pgscore.job o
        where (o.owner, o.model, o.profile, o.whole) = (wanted.owner, wanted.model, wanted.profile, wanted.whole)
            and o.target is not distinct from wanted.target and o.finished is null
        for update;
        if j.version = wanted.version and j.binding is not distinct from wanted.binding then
            update pgscore.job o set batch = coalesce(_start_job.batch, o.batch) where o.id = j.id returning o.* into j;
            exit;
        end if;
        -- Another version serves: what is done of it is to be done again.
        delete from pgscore.job o where o.id = j.id;
        wanted.total := pgscore._rows_to_rescore(wanted);
        insert into pgscore.job (owner, model, profile, binding, target, whole, version, batch, total)
        values (
            wanted.owner, wanted.model, wanted.profile, wanted.binding, wanted.target, wanted.whole, wanted.version, wanted.batch, wanted.total
        )
        on conflict do nothing
        returning * into j;
        exit when j.id is not null;
    end loop;
    if j.id is null then
        raise exception 'others begin and end rescoring table % all the time', profile using errcode = 'lock_not_available';
    end if;
    perform pgscore._drop_rescore(b) where b.number is not null;
    return j;
end
$$;

comment on function pgscore._start_job(text, regclass, boolean, regclass, integer) is
    'The unfinished job that rescores a table, if the version that it began with still serves, or a new one';

grant execute on function pgscore._start_job(text, regclass, boolean, regclass, integer) to pgscore_reader;

create function pgscore._rows_to_rescore(j pgscore.job) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    many bigint;
begin
    -- The pages of an empty table are few; a large one is not read for the sake of a number.
    if j.whole then
        many := (
            select sum(c.reltuples)::bigint
            from pgscore._partitions(j.profile) r join pg_catalog.pg_class c on c.oid = r and c.relkind = 'r' and c.reltuples >= 100000
        );
        if many is not null then
            return many;
        end if;
        execute format('select count(*) from %s', j.profile) into many;
        return many;
    end if;
    return (pgscore._run_rescore(j, 'count', null)).checked;
end
$$;

comment on function pgscore._rows_to_rescore(pgscore.job) is 'How many rows a job has to look at';

grant execute on function pgscore._rows_to_rescore(pgscore.job) to pgscore_reader;

create function pgscore._run_rescore(
    j pgscore.job, task text, part pgscore.job_part,
    out page_first text[], out page_last text[], out checked bigint, out changed bigint, out refused bigint, out skipped text[]
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if j.target is null then
        execute format('select f.* from %s($1, $2, $3, $4, $5, $6, $7, $8) f', (
            select pgscore._profile_object(b, pgscore._rescore_function(b)) from pgscore.binding b where b.number = j.binding
        ))
        into page_first, page_last, checked, changed, refused, skipped
        using j.binding, task, case when j.pass > 1 then 'missed' when j.whole then 'whole' else 'outdated' end, j.version,
            case task when 'page' then j.last_key else part.first_key end, part.last_key, part.keys,
            case task when 'work' then part.rows else j.batch end::integer;
    elsif task = 'page' then
        select p.* into page_first, page_last, checked from pgscore._into_page(j) p;
    else
        select w.* into changed, refused from pgscore._into_work(j, part) w;
    end if;
end
$$;

comment on function pgscore._run_rescore(pgscore.job, text, pgscore.job_part) is
    'Has the owner''s function, or what writes to another table, count rows, hand out the next ones, or do a part of a job';

grant execute on function pgscore._run_rescore(pgscore.job, text, pgscore.job_part) to pgscore_reader;

create function pgscore._hand_out(job pgscore.job) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    j pgscore.job;
    page record;
begin
    -- Locked for no longer than it takes to find the keys: other workers wait here. It is still about what was checked.
    select o.* into j from pgscore.job o
    where o.id = job.id and (o.profile, o.binding, o.target, o.owner) is not distinct from (job.profile, job.binding, job.target, job.owner)
    for update;
    if j.handed_out or j.id is null then
        return false;
    end if;
    select p.* into page from pgscore._run_rescore(j, 'page', null) p;
    if page.checked > 0 then
        insert into pgscore.job_part (job, first_key, last_key, rows) values (j.id, page.page_first, page.page_last, page.checked);
    end if;
    update pgscore.job o
    set last_key = case when page.checked > 0 then page.page_last else o.last_key end, handed_out = page.checked < o.batch
    where o.id = j.id;
    return page.checked > 0;
end
$$;

comment on function pgscore._hand_out(pgscore.job) is 'Makes a part of the next rows of a job; false where there are none';

grant execute on function pgscore._hand_out(pgscore.job) to pgscore_reader;

-- core/batch/rescore.sql
create function pgscore._end_pass(job pgscore.job, out ends text, out waits double precision)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    j pgscore.job;
    due timestamptz;
begin
    select o.* into j from pgscore.job o where o.id = job.id for update;
    waits := 0;
    if j.id is null then
        ends := 'anew';
    elsif j.finished is not null then
        ends := 'finished';
    elsif not j.handed_out then
        ends := 'working';
    else
        select min(p.due) into due from pgscore.job_part p where p.job = j.id;
        if due is not null then
            -- Others are at work, or rows that were locked are to be tried again later.
            ends := 'working';
            waits := least(greatest(extract(epoch from due - clock_timestamp()), 0.02), 1);
        elsif j.target is null and j.pass < 3 and exists (select from pgscore.binding b where b.number = j.binding and b.version is not null) then
            -- A row may have got another key meanwhile, or a commit may have begun before the promotion.
            update pgscore.job o
            set pass = o.pass + 1, last_key = null, handed_out = false, left_out = case when o.whole then o.left_out else 0 end
            where o.id = j.id;
            if not pgscore._hand_out(job) then
                update pgscore.job o set finished = clock_timestamp() where o.id = j.id;
            end if;
            ends := 'working';
        else
            update pgscore.job o set finished = clock_timestamp() where o.id = j.id;
            ends := 'finished';
        end if;
    end if;
end
$$;

comment on function pgscore._end_pass(pgscore.job) is
    'What there is to do for a worker that found no part: to wait, to look for rows that came meanwhile, or nothing';

grant execute on function pgscore._end_pass(pgscore.job) to pgscore_reader;

create function pgscore._do_part(j pgscore.job, part pgscore.job_part) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    promotions constant bigint := pgscore._promotions(j.model);
    found_rows record;
    many_left bigint := 0;
begin
    if j.version is distinct from (select m.serving from pgscore.model m where m.name = j.model) then
        return false;
    end if;
    begin
        select r.* into found_rows from pgscore._run_rescore(j, 'work', part) r;
        -- Score and version are of one promotion, or nothing of this is kept.
        if promotions <> pgscore._promotions(j.model) then
            raise exception 'another version was promoted meanwhile' using errcode = 'serialization_failure';
        end if;
    exception when serialization_failure then
        return false;
    end;
    if cardinality(found_rows.skipped) > 0 and part.round < (case j.pass when 1 then 3 else 1 end) then
        insert into pgscore.job_part (job, first_key, last_key, keys, rows, round, due)
        values (
            j.id, part.first_key, part.last_key, found_rows.skipped, cardinality(found_rows.skipped), part.round + 1,
            clock_timestamp() + 0.05 * 4 ^ part.round * interval '1 second'
        );
    else
        many_left := case when j.whole and j.pass > 1 then 0 else coalesce(cardinality(found_rows.skipped), 0) end;
    end if;
    delete from pgscore.job_part p where p.id = part.id;
    update pgscore.job o
    -- A later pass finds again what was left.
    set done = o.done + case when j.pass > 1 then coalesce(found_rows.changed, 0) when part.round = 0 then part.rows else 0 end,
        changed = o.changed + coalesce(found_rows.changed, 0),
        refused = o.refused + coalesce(found_rows.refused, 0), left_out = o.left_out + many_left
    where o.id = j.id;
    return true;
end
$$;

comment on function pgscore._do_part(pgscore.job, pgscore.job_part) is
    'Scores the rows of a part, and takes it away; false, and nothing is done, where another version was promoted meanwhile';

grant execute on function pgscore._do_part(pgscore.job, pgscore.job_part) to pgscore_reader;

create function pgscore._rescore_step(
    job bigint,
    out state text, out waits double precision, out total bigint, out done bigint, out changed bigint, out refused bigint, out left_out bigint
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    j pgscore.job;
    b pgscore.binding;
    part pgscore.job_part;
begin
    select o.* into j from pgscore.job o where o.id = job;
    state := 'working';
    if not found then
        state := 'anew';
        return;
    elsif j.finished is not null then
        state := 'finished';
    elsif j.target is null then
        -- Nobody detaches the tables, or attaches them again, while a batch is worked on.
        select o.* into b from pgscore.binding o where o.number = j.binding and o.profile = j.profile and o.owner = j.owner for share;
        if not found then
            raise exception 'the tables were detached meanwhile' using errcode = 'undefined_object';
        end if;
        perform pgscore._check_owner(b.events, b.profile);
        if pg_get_userbyid(b.owner) <> current_user or not pgscore._has_rescore(b) then
            perform pgscore._make_rescore(b);
        end if;
    else
        perform pgscore._check_into(j.profile, j.target);
    end if;
    if state = 'working' then
        select p.* into part from pgscore.job_part p
        where p.job = j.id and p.due <= clock_timestamp() order by p.due, p.id limit 1 for update skip locked;
        if part.id is not null then
            if pgscore._do_part(j, part) then
                -- In the same transaction, so that a part is ready for each worker.
                perform pgscore._hand_out(j);
            else
                state := 'anew';
            end if;
        elsif not pgscore._hand_out(j) then
            select e.ends, e.waits into state, waits from pgscore._end_pass(j) e;
        end if;
        perform pgscore._drop_rescore(b) where b.number is not null;
    end if;
    waits := coalesce(waits, 0);
    select o.total, o.done, o.changed, o.refused, o.left_out into total, done, changed, refused, left_out from pgscore.job o where o.id = j.id;
end
$$;

comment on function pgscore._rescore_step(bigint) is
    'Rescores the next rows of a job, whoever else works on it; what it did stands when the caller commits. state: working, finished, or anew, where another version serves; waits: seconds after which to call it again';

grant execute on function pgscore._rescore_step(bigint) to pgscore_reader;

create function pgscore._report_rescore(job bigint) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    j constant pgscore.job := (select o from pgscore.job o where o.id = job);
begin
    raise info '%: version % of model "%": % rows looked at, % written%', coalesce(j.target, j.profile), j.version, j.model, j.done, j.changed,
        case when j.refused > 0 then format(', %s refused by the model', j.refused) || case when j.target is null then ' (pgscore.stale lists them)' else '' end else '' end;
    if j.left_out > 0 then
        raise notice '% rows of % were locked by others all the time and stand as they were: call it again when these have committed',
            j.left_out, j.profile;
    end if;
end
$$;

comment on function pgscore._report_rescore(bigint) is 'Tells the caller of rescore what came of it';

grant execute on function pgscore._report_rescore(bigint) to pgscore_reader;

create procedure pgscore.rescore(
    model text, profile regclass, whole boolean default false, target regclass default null, batch integer default null
)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, every name here is
    -- qualified, and all that is called is pinned itself.
    pinned pg_catalog.text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    job pg_catalog.int8;
    step pg_catalog.record;
begin
    -- The call has read something, and the level is chosen before.
    commit;
    loop
        set transaction isolation level read committed;
        pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        if job is null then
            select s.id into job from pgscore._start_job(model, profile, whole, target, batch) s;
            commit;
            continue;
        end if;
        select s.* into step from pgscore._rescore_step(job) s;
        commit;
        pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        exit when step.state operator(pg_catalog.=) 'finished';
        if step.state operator(pg_catalog.=) 'anew' then
            job := null;
        elsif step.waits operator(pg_catalog.>) 0 then
            perform pg_catalog.pg_sleep(step.waits);
        end if;
        commit;
    end loop;
    perform pgscore._report_rescore(job);
end
$$;

comment on procedure pgscore.rescore(text, regclass, boolean, regclass, integer) is
    'Brings the scores of a profile table up to the version that serves, in batches that commit: of rows that are outdated, stale or without a score, or of all (whole); or writes key, score, version and time of all to another table (target). After an interruption it goes on where it was; several sessions that call it share the work';

grant execute on procedure pgscore.rescore(text, regclass, boolean, regclass, integer) to pgscore_reader;

create or replace function pgscore._doctor_attach_sql(b pgscore.binding, events text, profile text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'select pgscore.attach(%L, %L, %L, %L::name[], %L::name[], %L::jsonb, %L, %L, %L, %L, %L, %L, %s, %L%s)',
        b.model, events, profile, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing, b.on_error,
        b.on_missing, coalesce(b.max_scoring_ms::text, 'null'), b.log,
        case when b.reasons is not null then format(', reasons => %L, top => %s', b.reasons, b.top) end
    )
$$;

-- core/doctor/misfits.sql
-- Why attach would refuse now what it took once.

create or replace function pgscore._doctor_columns(b pgscore.binding) returns table (relation regclass, name name, type text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.events, k, null from unnest(pgscore._read_columns(b)) k
    union
    select b.profile, k, null from unnest(b.profile_key) k
    union
    select b.profile, (r ->> 'column')::name, null from jsonb_array_elements(b.reducers) r
    union
    select b.profile, n.name, n.type
    from (values (b.score, 'double precision'), (b.version, 'integer'), (b.scored_at, 'timestamp with time zone')) n (name, type)
    where n.name is not null
    union
    select b.profile, b.reasons, coalesce(
        (select format_type(a.atttypid, null) from pgscore._column(b.profile, b.reasons) a where a.atttypid = 'text[]'::regtype), 'jsonb'
    )
    where b.reasons is not null
$$;

create or replace function pgscore._doctor_wanted() returns table (
    number integer, relation regclass, is_partition boolean, name text, function oid, called text, purpose text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Of partitioned events the parent hands on a trigger for rows, and none for statements.
    select b.number, r.member, r.is_partition, substr(b.event_prefix || '_' || w.what, 2),
        pgscore._doctor_function(b.event_schema, b.event_prefix, w.what), b.event_prefix || '_' || w.what, case w.what when 'truncate' then 'truncate' else 'count' end
    from pgscore.binding b
    join pg_catalog.pg_class c on c.oid = b.events,
        (values ('insert', false), ('update', false), ('delete', false), ('row', true), ('truncate', null)) as w (what, partitioned),
        pgscore._doctor_family(b.events) r
    where coalesce(w.partitioned = (c.relkind = 'p'), true)
    union all
    select b.number, b.events, false, pgscore._run_trigger(b),
        pgscore._doctor_function(b.profile_schema, b.profile_prefix, 'run'), b.profile_prefix || '_run', 'run'
    from (
        select distinct on (o.events, o.profile) o.* from pgscore.binding o where o.timing = 'statement' order by o.events, o.profile, o.number
    ) b
    join pg_catalog.pg_class c on c.oid = b.events
    join pg_catalog.pg_class o on o.oid = b.profile
    where pgscore._is_together(b)
    union all
    select b.number, r.member, r.is_partition, w.name, pgscore._doctor_function(b.profile_schema, b.profile_prefix, w.what),
        b.profile_prefix || '_' || w.what, w.what
    from (select distinct on (o.profile) o.* from pgscore.binding o order by o.profile, o.number) b
    join pg_catalog.pg_class c on c.oid = b.profile,
        (values
            ('~pgscore_score', 'score'), ('pgscore_arrive', 'arrive'), ('pgscore_forget', 'forget'), ('pgscore_forget_all', 'forget'),
            ('pgscore_rekey', 'rekey')
        ) as w (name, what),
        pgscore._doctor_family(b.profile) r
    union all
    select b.number, r.member, r.is_partition, t.name, pgscore._doctor_function(b.profile_schema, b.profile_prefix, t.function),
        b.profile_prefix || '_' || t.function, t.function
    from (select distinct on (o.profile) o.* from pgscore.binding o order by o.profile, o.number) b
    join pg_catalog.pg_class c on c.oid = b.profile,
        pgscore._tell_triggers(b.profile) t, pgscore._doctor_family(b.profile) r
    union all
    select b.number, c.oid::regclass, false, w.name, pgscore._doctor_function(b.profile_schema, b.profile_prefix, 'commit'),
        b.profile_prefix || '_commit', 'commit'
    from (select distinct on (o.profile) o.* from pgscore.binding o order by o.profile, o.number) b
    join pg_catalog.pg_namespace n on n.nspname = b.profile_schema
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = b.profile_prefix || '_queue',
        (values ('pgscore_commit'), ('pgscore_statement')) as w (name)
$$;

create or replace function pgscore._doctor_left_over() returns table (
    relation text, owner text, names text[], events text, profile text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema brings triggers along, and a partition that was detached keeps those that stand on each partition.
    select t.tgrelid::regclass::text, c.relowner::regrole::text, array_agg(quote_ident(t.tgname) order by t.tgname),
        min(b.events), min(b.profile)
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_proc p on p.oid = t.tgfoid
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    left join lateral (
        select o.events::text as events, o.profile::text as profile
        from pgscore.binding o join pg_catalog.pg_class e on e.oid = o.events and e.relkind = 'p'
        where n.nspname = o.event_schema and p.proname = o.event_prefix || '_truncate'
    ) b on true
    where t.tgname ~ '^[~!]?pgscore_' and p.proname ~ '^_pgscore_' and t.tgparentid = 0 and not t.tgisinternal
        and coalesce(obj_description(t.tgrelid, 'pg_class'), '') !~ '^pgscore: '
        and not exists (select from pgscore._doctor_wanted() w where w.relation = t.tgrelid and w.name = t.tgname)
        -- What is left of a binding whose table was dropped goes with the binding.
        and not exists (
            select from pgscore.binding o
            where (o.events = t.tgrelid or o.profile = t.tgrelid)
                and (select count(*) from pg_catalog.pg_class x where x.oid in (o.events, o.profile)) < 2
        )
    group by t.tgrelid, c.relowner
    order by 1
$$;

-- core/doctor/functions.sql
-- The functions that attach generates: whether they are there, are what it would make now, and have their guards.

create or replace function pgscore._doctor_generated() returns table (
    number integer, owner oid, name text, function oid, is_shared boolean, wanted_owner oid
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.number, p.proowner, format('%I.%I', g.schema, g.name), p.oid, g.is_shared, b.owner::oid
    from pgscore.binding b
    join pg_catalog.pg_class c on c.oid = b.events
    join pg_catalog.pg_class o on o.oid = b.profile
    cross join pgscore._generated_names(b) g
    left join pg_catalog.pg_namespace n on n.nspname = g.schema
    left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = g.name
    where g.kind = 'function' and pgscore._is_wanted(b, g.what) and (
        not g.is_shared
        -- What the bindings of a profile table share is told of the first of them.
        or b.number = (select min(f.number) from pgscore.binding f join pg_catalog.pg_class x on x.oid = f.events where f.profile = b.profile)
    )
$$;

create or replace function pgscore._doctor_made(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A generator says the hash of a function's text in its comment.
    select substring(s from E'\\(([0-9a-f]{32})\\)''$')
    from (
        select s from pgscore._event_functions_sql(b) s
        union all
        select s from pgscore._reconcile_sql(b) s
        union all
        select s from pgscore._tick_sql(b) s
        union all
        -- No binding stands in what all of them share, so one is as good as another.
        select s from pgscore._profile_functions_sql(b) s
        where b.number = (select min(f.number) from pgscore._bindings_of(b.profile) f)
        union all
        select s from pgscore._rescore_sql(b) s
        where pgscore._has_rescore(b) and b.number = (select min(f.number) from pgscore._bindings_of(b.profile) f)
    ) g
    where s like 'comment on function %'
$$;

create or replace function pgscore._doctor_functions() returns table (number integer, name text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select g.number, g.name, s.state
    from pgscore._doctor_generated() g
    left join pg_catalog.pg_proc p on p.oid = g.function
    cross join lateral (
        select case
            when p.oid is null then 'missing'
            when p.proowner <> g.wanted_owner then 'owner'
            when position(md5(p.prosrc) in coalesce(obj_description(p.oid, 'pg_proc'), '')) = 0 then 'edited'
            -- The condition of a trigger is evaluated by whoever writes to the table, with their rights: it qualifies each name.
            when g.name ~ '_is_marked"?$' then case when p.prosecdef then 'loose' end
            when not p.prosecdef or not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)
                or has_function_privilege('public', p.oid, 'execute') and g.name !~ '_has_mark"?$' then 'loose'
        end as state
    ) s
    where s.state is not null
    order by g.number, g.is_shared, g.name
$$;

create or replace function pgscore._doctor_log() returns table (bytes bigint, rows bigint, oldest timestamptz)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    select s.bytes, s.rows into bytes, rows from pgscore._partition_state('prediction_log') s;
    if has_table_privilege('pgscore.prediction_log', 'select') then
        select l.logged_at into oldest from pgscore.prediction_log l order by l.id limit 1;
    end if;
    return next;
end
$$;

create or replace function pgscore._doctor_golden(max_seconds double precision, estimators boolean) returns table (
    model text, version integer, engine text, rows bigint, max_abs_diff double precision, ok boolean, problem text, hint text
)
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    began constant timestamptz := clock_timestamp();
    next record;
begin
    for next in
        select m.name, m.serving, e.engine
        from pgscore.model m
        left join pgscore.program p on p.model = m.name and p.version = m.serving,
            lateral (select distinct e as engine from unnest(array[m.one_engine, m.many_engine]) e) e
        where m.serving is not null and (estimators or not pgscore._takes_arrays(e.engine))
        -- What is cheap comes first.
        order by pgscore._takes_arrays(e.engine), p.size, m.name, e.engine
    loop
        model := next.name; version := next.serving; engine := next.engine;
        rows := null; max_abs_diff := null; ok := null; problem := null; hint := null;
        if clock_timestamp() <= began + make_interval(secs => max_seconds) then
            begin
                select count(*), max(d.difference), bool_and(d.ok) into rows, max_abs_diff, ok
                from pgscore._golden_differences(
                    next.name, next.serving,
                    greatest(0.1, max_seconds - extract(epoch from clock_timestamp() - began)), array[next.engine]
                ) d;
            exception
                when program_limit_exceeded then null;
                when others then
                    ok := false;
                    get stacked diagnostics problem = message_text, hint = pg_exception_hint;
            end;
        end if;
        return next;
    end loop;
end
$$;

-- core/batch/outdated.sql
-- How many rows of bound tables another version scored than the one that serves. All with the caller's rights, and nothing
-- of what a table's owner has made is called: it may be a superuser who asks.

create function pgscore._reading_problem(relation regclass, out sqlstate text, out problem text, out hint text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    c pg_catalog.pg_class;
    foreign_code text;
begin
    select o.* into c from pg_catalog.pg_class o where o.oid = relation;
    sqlstate := '42501';
    if c.oid is null then
        sqlstate := '42P01';
        problem := 'the table was dropped';
    elsif not has_schema_privilege(c.relnamespace, 'usage') then
        problem := format('%s may not use schema %s', current_user, c.relnamespace::regnamespace);
        hint := format('grant usage on schema %s to %I', c.relnamespace::regnamespace, current_user);
    elsif not has_table_privilege(c.oid, 'select') then
        problem := format('%s may not read table %s', current_user, relation);
        hint := format('grant select on %s to %I', relation, current_user);
    elsif row_security_active(c.oid) then
        problem := format('row-level security hides rows of table %s from %s', relation, current_user);
        hint := format('Ask as %s, who owns it.', c.relowner::regrole);
    elsif c.relkind not in ('r', 'p') then
        sqlstate := '42809';
        problem := format('%s is no ordinary table', relation);
    elsif pg_get_userbyid(c.relowner) <> current_user then
        foreign_code := pgscore._doctor_foreign_code(relation);
        if foreign_code is not null then
            problem := format('%s would call a function of somebody else''s with the rights of %s', foreign_code, current_user);
            hint := format('Ask as %s, who owns table %s.', c.relowner::regrole, relation);
        end if;
    end if;
end
$$;

comment on function pgscore._reading_problem(regclass) is
    'Why the caller does not read a table, in a sentence: it is gone, rights are missing, or somebody else''s code would run; NULL where nothing stands in the way';

grant execute on function pgscore._reading_problem(regclass) to pgscore_reader;

create function pgscore._is_free(relation regclass) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('lock table %s in access share mode nowait', relation);
    -- Whoever had the name when it was locked.
    return to_regclass(relation::text) = relation;
exception when lock_not_available or undefined_table or wrong_object_type or insufficient_privilege then
    return false;
end
$$;

comment on function pgscore._is_free(regclass) is 'Locks a table so that it stays what it is, unless somebody holds it: then false';

grant execute on function pgscore._is_free(regclass) to pgscore_reader;

create function pgscore._query_cost(query text, out cost double precision, out is_index_only boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    plan json;
begin
    execute 'explain (format json) ' || query into plan;
    cost := (plan #>> '{0,Plan,Total Cost}')::double precision;
    is_index_only := position('"Index Only Scan"' in plan::text) > 0 and position('"Seq Scan"' in plan::text) = 0;
end
$$;

comment on function pgscore._query_cost(text) is 'What a query costs by the planner''s reckoning, and whether it reads indexes alone';

grant execute on function pgscore._query_cost(text) to pgscore_reader;

create function pgscore._guess_versions(profile regclass, version_column name) returns table (version integer, rows bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with tables as (
        select sum(greatest(c.reltuples, 0)) as rows
        from pgscore._doctor_family(profile) f join pg_catalog.pg_class c on c.oid = f.member and c.relkind = 'r'
    ), known as (
        select s.null_frac, s.most_common_vals::text::integer[] as versions, s.most_common_freqs as shares
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        join pg_catalog.pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = version_column
            and s.inherited = (c.relkind = 'p')
        where c.oid = profile
    )
    select null::integer, round(k.null_frac * t.rows)::bigint from known k, tables t where k.null_frac > 0
    union all
    select v.version, round(v.share * t.rows)::bigint
    from known k, tables t, unnest(k.versions, k.shares) as v (version, share)
$$;

comment on function pgscore._guess_versions(regclass, name) is
    'About how many rows each version has scored, by what ANALYZE has found in a column of integers; nothing is read';

grant execute on function pgscore._guess_versions(regclass, name) to pgscore_reader;

create function pgscore._count_versions(
    profile regclass, version_column name, score_column name, every boolean default false
) returns table (
    version integer, is_scored boolean, rows bigint, method text, rows_read bigint, cost double precision
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off set enable_seqscan = on
as $$
declare
    -- Up to this cost all rows are read, or all of an index.
    cheap constant double precision := 20000;
    cheap_index constant double precision := 500000;
    sampled_pages constant double precision := 1000;
    said constant text := coalesce(quote_ident(version_column), 'null::integer');
    -- Not those of children that somebody has given it since it was attached.
    source constant text := case (select c.relkind from pg_catalog.pg_class c where c.oid = profile) when 'r' then 'only ' else '' end
        || profile;
    counted constant text := 'select %s as version, %s is not null as is_scored, count(*) as rows from %s group by 1, 2';
    query text := format(counted, said, quote_ident(score_column), source);
    by_index constant text := format(counted, said, said, source);
    share double precision := 100;
    indexed record;
begin
    method := 'count';
    cost := (pgscore._query_cost(query)).cost;
    if cost > cheap and not coalesce(every, false) then
        if version_column is not null then
            perform set_config('enable_seqscan', 'off', true);
            select c.* into indexed from pgscore._query_cost(by_index) c;
        end if;
        if indexed.is_index_only and indexed.cost <= cheap_index then
            method := 'index';
            cost := indexed.cost;
            query := by_index;
        else
            perform set_config('enable_seqscan', 'on', true);
            method := 'sample';
            share := least(100, 100 * sampled_pages / greatest(pgscore._doctor_pages(profile), 1));
            query := format(counted, said, quote_ident(score_column), format('%s tablesample system (%s)', source, share));
            cost := (pgscore._query_cost(query)).cost;
        end if;
    end if;
    return query execute format(
        'select s.version, s.is_scored, round(s.rows * %s)::bigint, %L, sum(s.rows) over ()::bigint, %s::double precision from (%s) s',
        100 / share, method, cost, query
    );
end
$$;

comment on function pgscore._count_versions(regclass, name, name, boolean) is
    'How many rows of a table each version has scored. method: count, of all rows; index, of all entries of one on the version; sample, of 1,000 pages; what was read, and the query''s cost by the planner. With every all rows are counted';

grant execute on function pgscore._count_versions(regclass, name, name, boolean) to pgscore_reader;

create function pgscore._versions_of(b pgscore.binding) returns table (
    version integer, is_scored boolean, rows bigint, method text, rows_read bigint, cost double precision, reason text
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    problem constant record := pgscore._reading_problem(b.profile);
    is_integer constant boolean := (pgscore._column(b.profile, b.version)).atttypid = 'integer'::regtype;
begin
    reason := case
        when problem.problem is not null then problem.problem
        when not pgscore._is_free(b.profile) then format('somebody holds table %s', b.profile)
        when (pgscore._column(b.profile, b.score)).atttypid is distinct from 'double precision'::regtype
            or b.version is not null and is_integer is not true
            then format('table %s has changed: `pgscore doctor` says how', b.profile)
    end;
    if reason is null then
        return query select c.*, null::text from pgscore._count_versions(b.profile, b.version, b.score) c;
        return;
    end if;
    -- Of a table that may be read, and is not to be touched now.
    if is_integer and has_table_privilege(b.profile, 'select') then
        return query
        select g.version, g.version is not null, g.rows, 'statistics', 0::bigint, 0::double precision, _versions_of.reason
        from pgscore._guess_versions(b.profile, b.version) g;
    end if;
    if not found then
        return next;
    end if;
end
$$;

comment on function pgscore._versions_of(pgscore.binding) is
    'How many rows of a binding''s profile table each version has scored; where the table cannot be read, what is known of it without, and the reason';

grant execute on function pgscore._versions_of(pgscore.binding) to pgscore_reader;

create function pgscore._outdated_rows(chosen text default null) returns table (
    model text, profile text, bindings text[], version integer, serving integer, state text, rows bigint,
    method text, rows_read bigint, cost double precision, reason text, remedy text
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    target record;
begin
    for target in
        -- A model that several bindings name scores a profile once.
        select (array_agg(b order by b.number))[1] as binding, array_agg(b.name order by b.number) as names, max(m.serving) as serving,
            coalesce(max(c.oid::regclass::text), max(format('%I.%I', b.profile_schema, substr(b.profile_prefix, 10)))) as named,
            max(c.oid::bigint) is not null as is_there
        from pgscore.binding b
        left join pgscore.model m on m.name = b.model
        left join pg_catalog.pg_class c on c.oid = b.profile
        where chosen is null or b.model = chosen
        group by b.model, b.profile
        order by b.model, b.profile
    loop
        return query
        select s.model, s.named, s.names, s.version, s.serving, s.state, s.rows, s.method, s.rows_read, s.cost,
            coalesce(s.reason, case s.state when 'unknown' then 'the binding names no column for the version' end),
            case when s.state in ('outdated', 'unscored') and s.rows > 0 and s.serving is not null and target.is_there
                then format('call pgscore.rescore(%L, %L)', s.model, s.named) end
        from (
            select (target.binding).model, target.named, target.names, v.version, target.serving,
                case
                    when v.is_scored is null or v.is_scored and v.version is null then 'unknown'
                    when not v.is_scored then 'unscored'
                    when v.version is distinct from target.serving then 'outdated'
                    else 'current'
                end as state,
                v.rows, v.method, v.rows_read, v.cost, v.reason
            from pgscore._versions_of(target.binding) v
        ) s
        order by s.version, s.state;
    end loop;
end
$$;

comment on function pgscore._outdated_rows(text) is 'What the view pgscore.outdated shows, of a model or of all';

grant execute on function pgscore._outdated_rows(text) to pgscore_reader;

create view pgscore.outdated as
select o.model, o.profile, o.bindings, o.version, o.serving, o.state, o.rows, o.method, o.rows_read, o.cost, o.reason, o.remedy
from pgscore._outdated_rows() o;

comment on view pgscore.outdated is 'How many rows of bound tables each version has scored, as far as the caller may read them; it reads a sample of large ones';

comment on column pgscore.outdated.model is 'The model';

comment on column pgscore.outdated.profile is 'The profile table; of one that was dropped, the name that it had';

comment on column pgscore.outdated.bindings is 'The bindings that store the model''s scores there';

comment on column pgscore.outdated.version is 'The version recorded beside the scores; NULL: none';

comment on column pgscore.outdated.serving is 'The version that serves; NULL: none';

comment on column pgscore.outdated.state is 'current: the serving version scored them; outdated: another did; unscored: they have no score; unknown: it cannot be told';

comment on column pgscore.outdated.rows is 'How many rows that are; NULL where they could not be counted';

comment on column pgscore.outdated.method is 'count: all rows were read; index: all entries of an index on the version; sample: 1,000 pages, and the number is an estimate; statistics: nothing was read, and the number is what ANALYZE once found; NULL: it is not known';

comment on column pgscore.outdated.rows_read is 'How many rows, or entries, were read for the table';

comment on column pgscore.outdated.cost is 'What the query cost by the planner''s reckoning';

comment on column pgscore.outdated.reason is 'Why the rows were not read, or the version is not known';

comment on column pgscore.outdated.remedy is 'The call that brings the rows up to the serving version; their owner makes it';

grant select on pgscore.outdated to pgscore_reader;

-- core/batch/compare.sql
-- What a promotion would change: the scores of two versions for the rows of a table, beside each other. What is read is
-- read with the caller's rights; what works with pgscore's looks at the registry and the catalog, and gives SQL.

create function pgscore._version_score_sql(model text, version integer, profile regclass) returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
    problem record;
begin
    perform pgscore._existing_version(model, coalesce(version, 0));
    perform pgscore._refuse_pruned(model, version);
    select v.contract -> 'inputs' as inputs, p.size into described
    from pgscore.model_version v left join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _version_score_sql.model and v.version = _version_score_sql.version;
    select p.* into problem from pgscore._profile_problem(profile, described.inputs) p;
    if problem.message is not null then
        raise exception 'version % of model "%": %', version, model, problem.message
            using errcode = problem.sqlstate, hint = coalesce(problem.hint, '');
    elsif described.size is null then
        return null;
    end if;
    return pgscore._engine_call(
        case when described.size <= pgscore._largest_sql_program() then 'sql' else 'interpreter' end, model, version,
        pgscore._profile_arguments(profile, described.inputs, 'pgscore_row'), false,
        pgscore._ordinary_columns(profile, described.inputs), 'scan'
    );
end
$$;

comment on function pgscore._version_score_sql(text, integer, regclass) is
    'SQL for the score that a version gives for pgscore_row, a row of a table; NULL where it is no program; refused where the version or a column is missing';

grant execute on function pgscore._version_score_sql(text, integer, regclass) to pgscore_reader;

create function pgscore._compared_profile(model text) returns regclass
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    tables constant regclass[] := array(
        select t.profile from pgscore._scored_tables() t where t.model = _compared_profile.model order by t.profile::text
    );
begin
    if cardinality(tables) <> 1 then
        perform pgscore._existing_version(model, null);
        raise exception 'model "%" scores %, and none is named', model,
            case cardinality(tables) when 0 then 'no table' else 'the tables ' || array_to_string(tables, ', ') end
            using errcode = 'invalid_parameter_value', hint = 'Name the table whose rows are to be compared: profile, or --profile TABLE.';
    end if;
    return tables[1];
end
$$;

comment on function pgscore._compared_profile(text) is 'The table that a model scores, where it is one; else refused';

grant execute on function pgscore._compared_profile(text) to pgscore_reader;

create function pgscore._refuse_comparing(profile regclass) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    owner constant regrole := (select c.relowner from pg_catalog.pg_class c where c.oid = profile);
begin
    if owner is null then
        raise exception 'the table whose rows are to be compared was dropped' using errcode = 'undefined_table';
    elsif pg_get_userbyid(owner) <> current_user and (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user) then
        raise exception '% is a superuser and table % belongs to %, whose code would run with a superuser''s rights', current_user, profile, owner
            using errcode = 'insufficient_privilege', hint = format('Connect as %s, or as somebody who may read the table.', owner);
    elsif not exists (
        select from pg_catalog.pg_class c where c.oid = profile and c.relkind in ('r', 'p', 'v', 'm', 'f')
    ) then
        raise exception '% is no table, and no view', profile using errcode = 'wrong_object_type';
    elsif not has_table_privilege(profile, 'select') then
        raise exception '% may not read table %', current_user, profile
            using errcode = 'insufficient_privilege', hint = format('grant select on %s to %I', profile, current_user);
    end if;
end
$$;

comment on function pgscore._refuse_comparing(regclass) is
    'Refuses whoever may not read a table, and a superuser of whom the table is not';

grant execute on function pgscore._refuse_comparing(regclass) to pgscore_reader;

create function pgscore._part_of(
    profile regclass, key text, sample integer, is_counted boolean, out source text, out total bigint, out is_sample boolean
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Of views and foreign tables, also among partitions, TABLESAMPLE would refuse or take all rows.
    is_local constant boolean := (
        select bool_and(c.relkind in ('r', 'p', 'm'))
        from pgscore._doctor_family(profile) f join pg_catalog.pg_class c on c.oid = f.member
    );
    share double precision;
begin
    source := format('%s pgscore_row', profile);
    is_sample := false;
    if sample is not null and not is_counted and is_local then
        -- As dense as ANALYZE found it, and as large as it is; of what was never analyzed nothing is known.
        select case when bool_and(c.reltuples >= 0) then
            sum(c.reltuples::double precision * pg_relation_size(c.oid) / current_setting('block_size')::integer / greatest(c.relpages, 1))
        end into total
        from pgscore._doctor_family(profile) f join pg_catalog.pg_class c on c.oid = f.member and c.relkind <> 'p';
    end if;
    if total is null or total < 100000 then
        execute format('select count(*) from %s', profile) into total;
    end if;
    if sample is null or total <= sample then
        return;
    end if;
    is_sample := true;
    share := sample::double precision / total;
    -- The same rows each time, so that two calls compare the same ones.
    if is_local then
        source := format('%s pgscore_row tablesample bernoulli (%s) repeatable (11)', profile, 100 * share);
    else
        source := format('%s pgscore_row where hashtextextended(%s, 11) & 1048575 < %s', profile, key, (share * 1048576)::integer);
    end if;
end
$$;

comment on function pgscore._part_of(regclass, text, integer, boolean) is
    'What stands behind FROM to read all rows of a table, or about so many of them; and how many it has: counted where that is said, or where it is small';

grant execute on function pgscore._part_of(regclass, text, integer, boolean) to pgscore_reader;

-- Inlined; a body of SQL's own standard, because the operators are found when it is parsed. Of two that are huge the
-- difference would be an error.
create function pgscore._change(former double precision, latter double precision) returns double precision
language sql immutable parallel safe
return case
    when former = latter then 0
    when abs(former) <= 4e307 and abs(latter) <= 4e307 then latter - former
    when latter > former then 'Infinity'::double precision
    else '-Infinity'::double precision
end;

comment on function pgscore._change(double precision, double precision) is 'How far a score moves; infinite where that is no number';

grant execute on function pgscore._change(double precision, double precision) to pgscore_reader;

create function pgscore._comparison_sql(scored text, bins integer, top integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        $query$
        with scored as materialized (%1$s),
        moves as materialized (
            select s.key, s.former, s.latter, pgscore._change(s.former, s.latter) as change
            from scored s where num_nulls(s.former, s.latter) = 0
        ),
        range as (
            select min(m.change) as least, max(m.change) as greatest from moves m where abs(m.change) < 'Infinity'
        ),
        bins as (
            select b.bin, count(*) as rows
            from (
                select case when r.least < r.greatest then least(width_bucket(m.change, r.least, r.greatest, %2$s), %2$s) else 1 end as bin
                from moves m, range r where abs(m.change) < 'Infinity'
            ) b
            group by b.bin
        ),
        edges as (
            select i as bin, r.least + (r.greatest - r.least) * (i - 1) / %2$s as begins, r.least + (r.greatest - r.least) * i / %2$s as ends
            from range r, generate_series(1, case when r.least < r.greatest then %2$s else 1 end) i
            where r.least is not null
        )
        select
            (select count(*) from scored) as rows,
            count(*) as compared,
            count(*) filter (
                where abs(m.change) = 'Infinity' or abs(m.change) > 1e-9 * greatest(abs(m.former), abs(m.latter), 1e-290)
            ) as moved,
            (select count(*) from scored s where s.former is not null and s.latter is null) as lost,
            (select count(*) from scored s where s.former is null and s.latter is not null) as gained,
            avg(m.change) filter (where abs(m.change) < 'Infinity') as mean,
            percentile_disc('{0,0.01,0.05,0.25,0.5,0.75,0.95,0.99,1}'::double precision[]) within group (order by m.change) as quantiles,
            (
                select jsonb_agg(jsonb_build_object('from', e.begins, 'to', e.ends, 'rows', coalesce(b.rows, 0)) order by e.bin)
                from edges e left join bins b on b.bin = e.bin
            ) as histogram,
            (
                select jsonb_agg(
                    jsonb_build_object('key', t.key, 'score', t.former, 'other', t.latter, 'change', t.change)
                    order by abs(t.change) desc, t.key collate "C"
                )
                from (select o.* from moves o where o.change <> 0 order by abs(o.change) desc, o.key collate "C" limit %3$s) t
            ) as most,
            count(*) filter (where m.former >= $1) as above,
            count(*) filter (where m.latter >= $1) as other_above,
            count(*) filter (where m.former < $1 and m.latter >= $1) as upward,
            count(*) filter (where m.former >= $1 and m.latter < $1) as downward
        from moves m
        $query$,
        scored, bins, top
    )
$function$;

comment on function pgscore._comparison_sql(text, integer, integer) is
    'The query that says how scores move, out of one for key, former and latter score; $1 is the threshold';

grant execute on function pgscore._comparison_sql(text, integer, integer) to pgscore_reader;

create function pgscore._both_scores_sql(model text, version integer, other integer, profile regclass, key name[], key_sql text, source text)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    former constant text := pgscore._version_score_sql(model, version, profile);
    latter constant text := pgscore._version_score_sql(model, other, profile);
    scored constant text := 'pgscore.score_rows(%L, %L, %s, %L::name[])';
    query constant text := 'select pgscore_row.* from ' || source;
begin
    if former is not null and latter is not null then
        -- One statement, one snapshot, and nothing to be joined.
        return format('select %s as key, %s as former, %s as latter from %s', key_sql, former, latter, source);
    elsif to_regprocedure('pgscore.score_rows(text, text, integer, name[])') is null then
        raise exception 'a version of model "%" is no program, and this release does not compare such', model
            using errcode = 'feature_not_supported', hint = '`pgscore upgrade`.';
    elsif pgscore._row_key(profile) is null then
        raise exception 'table % has no primary key, by which scores of versions are joined that are no programs', profile
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    return format(
        'select f.key, f.score as former, l.score as latter from %s f join %s l on l.key = f.key',
        format(scored, model, query, version, key), format(scored, model, query, other, key)
    );
end
$$;

comment on function pgscore._both_scores_sql(text, integer, integer, regclass, name[], text, text) is
    'A query for the key of each row and what two versions give for it: by their programs in one pass, else each for itself, joined by key';

grant execute on function pgscore._both_scores_sql(text, integer, integer, regclass, name[], text, text) to pgscore_reader;

create function pgscore._refuse_comparison(model text, version integer, other integer, sample integer, threshold double precision, top integer)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if version is null or other is null then
        raise exception 'two versions are compared, and one is NULL' using errcode = 'null_value_not_allowed';
    elsif version = other then
        raise exception 'version % of model "%" is the same as itself: name two versions', version, model
            using errcode = 'invalid_parameter_value';
    elsif sample <= 0 then
        raise exception 'a sample has rows, and not %', sample
            using errcode = 'invalid_parameter_value', hint = 'NULL, or --all, compares all rows.';
    elsif threshold = 'NaN' then
        raise exception 'a threshold is a number, and not NaN' using errcode = 'invalid_parameter_value';
    elsif top is null or top not between 0 and 1000 then
        raise exception 'from 0 to 1000 rows that move most are listed, and not %', coalesce(top::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
end
$$;

comment on function pgscore._refuse_comparison(text, integer, integer, integer, double precision, integer) is
    'Refuses what cannot be compared, in a sentence';

grant execute on function pgscore._refuse_comparison(text, integer, integer, integer, double precision, integer) to pgscore_reader;

create function pgscore.compare(
    model text, version integer, other integer, profile regclass default null, sample integer default 10000,
    threshold double precision default null, top integer default 10,
    out compared_table text, out total bigint, out is_sample boolean, out rows bigint, out compared bigint, out moved bigint,
    out lost bigint, out gained bigint, out mean double precision, out quantiles jsonb, out histogram jsonb, out most jsonb,
    out border double precision, out above bigint, out other_above bigint, out upward bigint, out downward bigint
)
language plpgsql stable
set search_path = pg_catalog, pg_temp set jit = off set extra_float_digits = 1 set datestyle = 'ISO, MDY' set timezone = 'UTC'
as $$
declare
    key name[];
    key_sql text;
    part record;
    is_counted boolean;
    found_move record;
begin
    perform pgscore._refuse_comparison(model, version, other, sample, threshold, top);
    profile := coalesce(profile, pgscore._compared_profile(model));
    perform pgscore._refuse_comparing(profile);
    compared_table := profile;
    key := coalesce(pgscore._row_key(profile), (
        select array[a.attname] from pg_catalog.pg_attribute a
        where a.attrelid = profile and a.attnum > 0 and not a.attisdropped order by a.attnum limit 1
    ));
    key_sql := pgscore._key_text_sql(key, 'pgscore_row');
    -- Before a row is counted: whether both versions can be asked.
    perform pgscore._version_score_sql(model, v, profile) from unnest(array[version, other]) v;
    -- Where ANALYZE has not seen yet what was deleted, an estimate leaves too few rows: then they are counted.
    for is_counted in select * from (values (false), (true)) tries loop
        select p.* into part from pgscore._part_of(profile, key_sql, sample, is_counted) p;
        execute pgscore._comparison_sql(
            pgscore._both_scores_sql(model, version, other, profile, key, key_sql, part.source), 20, top
        ) into found_move using threshold;
        exit when not part.is_sample or found_move.rows > sample / 2;
    end loop;
    if found_move.rows = 0 then
        raise exception 'table % has no rows to compare', profile using errcode = 'no_data_found';
    end if;
    total := part.total;
    is_sample := part.is_sample;
    rows := found_move.rows;
    compared := found_move.compared;
    moved := found_move.moved;
    lost := found_move.lost;
    gained := found_move.gained;
    mean := found_move.mean;
    quantiles := (
        select jsonb_object_agg(s.share, s.change)
        from unnest('{0,0.01,0.05,0.25,0.5,0.75,0.95,0.99,1}'::text[], found_move.quantiles) as s (share, change)
        where s.change is not null
    );
    histogram := coalesce(found_move.histogram, '[]');
    most := coalesce(found_move.most, '[]');
    border := threshold;
    if threshold is not null then
        above := found_move.above;
        other_above := found_move.other_above;
        upward := found_move.upward;
        downward := found_move.downward;
    end if;
end
$$;

comment on function pgscore.compare(text, integer, integer, regclass, integer, double precision, integer) is
    'How scores would move from one version to another, on about so many rows of a table that is scored, or all (NULL): how many and how far, the rows that move most, and how many cross the threshold; nothing is changed';

grant execute on function pgscore.compare(text, integer, integer, regclass, integer, double precision, integer) to pgscore_reader;

-- core/batch/maintain.sql
-- What is to be done from time to time, for who calls: partitions, the log and finished jobs, and rows that a promotion has
-- left behind. A task that fails leaves the others to be done.

create function pgscore._is_rescore_due(b pgscore.binding, retry interval) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    promoted constant timestamptz := (
        select max(greatest(p.promoted_at, p.rolled_back_at)) from pgscore.promotion p where p.model = b.model
    );
    last_began timestamptz;
    is_unfinished boolean;
begin
    -- Rows that stay stale, because the model refuses them, are not tried all the time.
    select max(j.started) filter (where j.finished is not null), coalesce(bool_or(j.finished is null), false)
    into last_began, is_unfinished
    from pgscore.job j where j.model = b.model and j.profile = b.profile and j.target is null;
    return is_unfinished or last_began is null or last_began <= promoted
        or last_began < now() - retry and (
            exists (select from pgscore.stale_row s where s.binding = b.number and s.cause = 'score')
            or exists (
                select from pgscore._versions_of(b) v
                where v.rows > 0 and (
                    not v.is_scored or v.version <> (select m.serving from pgscore.model m where m.name = b.model)
                )
            )
        );
end
$$;

comment on function pgscore._is_rescore_due(pgscore.binding, interval) is
    'Whether rows of a binding''s profile table wait to be rescored: since a promotion, or for longer than that because they are stale or without a score';

grant execute on function pgscore._is_rescore_due(pgscore.binding, interval) to pgscore_reader;

create function pgscore._maintenance_tasks(rescores boolean default true, retry interval default '1 hour') returns table (
    task text, model text, relation regclass
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if has_function_privilege('pgscore._make_partitions(name, interval, integer)', 'execute') then
        return query
        select 'prune', null::text, r from unnest(array['pgscore.prediction_log', 'pgscore.score_change']::regclass[]) r
        union all
        -- When what is too old is gone: no partition is made for that.
        select 'partitions', null, 'pgscore.prediction_log'::regclass;
    end if;
    return query select 'jobs', null::text, 'pgscore.job'::regclass;
    if rescores is not true then
        return;
    end if;
    return query
    select 'rescore', t.model, t.profile
    from (select distinct on (b.profile, b.model) b.* from pgscore.binding b order by b.profile, b.model, b.number) t
    join pg_catalog.pg_class c on c.oid = t.profile
    join pgscore.model m on m.name = t.model and m.serving is not null
    -- A superuser does not touch what is another role's.
    where (pgscore._owner_problem(t.profile, t.profile)).problem is null
        and pgscore._is_rescore_due((select o from pgscore.binding o where o.number = t.number), retry);
end
$$;

comment on function pgscore._maintenance_tasks(boolean, interval) is
    'What there is to do for the current role: partitions and prune, for operators; jobs; and for owners the tables whose rows are to be rescored';

grant execute on function pgscore._maintenance_tasks(boolean, interval) to pgscore_reader;

create function pgscore._maintain_log(keep interval, keep_rows bigint) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    dropped integer := 0;
begin
    if keep is not null then
        dropped := pgscore._drop_partitions('prediction_log', keep);
    end if;
    if keep_rows is not null then
        dropped := dropped + pgscore._drop_partitions_beyond('prediction_log', keep_rows);
    end if;
    return format('%s partitions dropped', dropped);
end
$$;

comment on function pgscore._maintain_log(interval, bigint) is 'Prunes the prediction log by age and by count, where these are not NULL; what it did';

grant execute on function pgscore._maintain_log(interval, bigint) to pgscore_operator;

create function pgscore._maintain_jobs(keep interval) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    gone bigint;
begin
    -- One that somebody works on is locked, or has begun since.
    with doomed as (
        select j.id from pgscore.job j
        where coalesce(j.finished, j.started) < now() - keep
            or not exists (select from pg_catalog.pg_class c where c.oid = j.profile)
            or j.target is not null and not exists (select from pg_catalog.pg_class c where c.oid = j.target)
        for update skip locked
    ), taken as (delete from pgscore.job j using doomed d where d.id = j.id returning j.id)
    select count(*) into gone from taken;
    return format('%s jobs tidied away', gone);
end
$$;

comment on function pgscore._maintain_jobs(interval) is
    'Takes away jobs that finished, or were left unfinished, longer ago than that, and those of tables that are gone; what it did';

grant execute on function pgscore._maintain_jobs(interval) to pgscore_reader;

create function pgscore._maintain_step(
    task text, model text, relation regclass, job bigint, keep interval, keep_rows bigint, step interval, ahead integer, keep_jobs interval,
    keep_changes interval, out state text, out says text, out unfinished bigint, out waits double precision
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    looked_at bigint;
    written bigint;
begin
    state := 'finished';
    waits := 0;
    if task = 'partitions' then
        says := format('%s partitions made', pgscore._make_partitions((select c.relname from pg_catalog.pg_class c where c.oid = relation), step, ahead));
    elsif task = 'prune' and relation = 'pgscore.score_change'::regclass then
        says := format('%s partitions dropped', pgscore.prune_score_changes(keep_changes));
    elsif task = 'prune' then
        says := pgscore._maintain_log(keep, keep_rows);
    elsif task = 'jobs' then
        says := pgscore._maintain_jobs(keep_jobs);
    elsif job is null then
        select s.id into unfinished from pgscore._start_job(model, relation) s;
        state := 'working';
    else
        select s.state, s.waits, s.done, s.changed into state, waits, looked_at, written from pgscore._rescore_step(job) s;
        -- Where another version serves meanwhile it begins anew.
        unfinished := case state when 'working' then job end;
        state := case state when 'finished' then state else 'working' end;
        says := format('%s rows looked at, %s written', looked_at, written);
    end if;
exception when others then
    -- The next task is another table's.
    state := 'failed';
    says := sqlerrm;
    unfinished := null;
    waits := 0;
end
$$;

comment on function pgscore._maintain_step(text, text, regclass, bigint, interval, bigint, interval, integer, interval, interval) is
    'Does a task, or the next batch of it. state: finished, working, or failed, and says why; what it did stands when the caller commits';

grant execute on function pgscore._maintain_step(text, text, regclass, bigint, interval, bigint, interval, integer, interval, interval) to pgscore_reader;

create function pgscore._report_task(model text, relation regclass, state text, says text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    subject constant text := relation::text || coalesce(' by model "' || model || '"', '');
begin
    if state = 'failed' then
        raise warning '%: %', subject, says;
        return format('%s: %s', subject, says);
    end if;
    raise info '%: %', subject, says;
    return null;
end
$$;

comment on function pgscore._report_task(text, regclass, text, text) is
    'Tells the caller of maintain what came of a task; what failed is returned too';

grant execute on function pgscore._report_task(text, regclass, text, text) to pgscore_reader;

create function pgscore._end_maintenance(tasks integer, failures text[]) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if tasks = 0 then
        raise notice 'there is nothing to maintain for %: operators keep the log, owners their tables', current_user;
    elsif cardinality(failures) > 0 then
        raise exception '% of % tasks failed: %', cardinality(failures), tasks, array_to_string(failures, '; ')
            using hint = 'What the others did stands.';
    end if;
end
$$;

comment on function pgscore._end_maintenance(integer, text[]) is 'Fails, when all is done, if a task has failed: so whoever schedules it sees';

grant execute on function pgscore._end_maintenance(integer, text[]) to pgscore_reader;

create procedure pgscore.maintain(
    keep interval default '1 year', keep_rows bigint default null, step interval default '7 days', ahead integer default 4,
    rescores boolean default true, retry interval default '1 hour', keep_jobs interval default '30 days',
    keep_changes interval default '30 days'
)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, every name here is
    -- qualified, and all that is called is pinned itself.
    pinned pg_catalog.text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    tasks pg_catalog.text[];
    models pg_catalog.text[];
    relations pg_catalog.oid[];
    job pg_catalog.int8;
    done pg_catalog.record;
    failures pg_catalog.text[] := '{}';
    failure pg_catalog.text;
begin
    -- The call has read something, and the level is chosen before.
    commit;
    set transaction isolation level read committed;
    pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    select pg_catalog.array_agg(t.task), pg_catalog.array_agg(t.model), pg_catalog.array_agg(t.relation::pg_catalog.oid)
    into tasks, models, relations
    from pgscore._maintenance_tasks(rescores, retry) t;
    commit;
    for number in 1 .. coalesce(pg_catalog.cardinality(tasks), 0) loop
        job := null;
        loop
            set transaction isolation level read committed;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            select s.* into done
            from pgscore._maintain_step(
                tasks[number], models[number], relations[number]::pg_catalog.regclass, job, keep, keep_rows, step, ahead, keep_jobs,
                keep_changes
            ) s;
            commit;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            exit when done.state operator(pg_catalog.<>) 'working';
            job := done.unfinished;
            if done.waits operator(pg_catalog.>) 0 then
                perform pg_catalog.pg_sleep(done.waits);
            end if;
            commit;
        end loop;
        failure := pgscore._report_task(models[number], relations[number]::pg_catalog.regclass, done.state, done.says);
        if failure is not null then
            failures := pg_catalog.array_append(failures, failure);
        end if;
        commit;
    end loop;
    pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    perform pgscore._end_maintenance(coalesce(pg_catalog.cardinality(tasks), 0), failures);
end
$$;

comment on procedure pgscore.maintain(interval, bigint, interval, integer, boolean, interval, interval, interval) is
    'Does what is to be done from time to time, for the current role: operators have partitions made ahead, the log pruned (keep: its age, keep_rows: about how many rows; NULL: all) and the outbox too (keep_changes), owners have rows of their tables rescored that are outdated, stale or without a score, and old jobs go. What fails leaves the rest to be done, and is told at the end';

grant execute on procedure pgscore.maintain(interval, bigint, interval, integer, boolean, interval, interval, interval) to pgscore_reader;




drop function pgscore._lasting_rescore_sql(model text, version integer, one_engine text, profile regclass, inputs jsonb, ordinary boolean[], is_current text, late text);

drop function pgscore._prove(model text, version integer, max_seconds double precision);

drop function pgscore._queue_one_template();

drop function pgscore._move_one_template();

-- What promotions have generated, anew.
select pgscore._regenerate_models(recompile => true);

-- Last: from here on whoever logs scores waits for the commit.
-- The table that is there is attached as the partition of all that is older. Nothing is copied and no index is built, but
-- its rows are read once, which takes about a second for ten million.
do $$
declare
    dependent text;
begin
    select pg_describe_object(d.classid, d.objid, 0) into dependent
    from pg_catalog.pg_depend d
    where d.refclassid = 'pg_class'::regclass and d.refobjid = 'pgscore.prediction_log'::regclass
        and d.classid in ('pg_rewrite'::regclass, 'pg_proc'::regclass)
    limit 1;
    if dependent is not null then
        raise exception '% reads pgscore.prediction_log, which this migration replaces by a partitioned table', dependent
            using errcode = 'dependent_objects_still_exist', hint = 'Drop what it belongs to, upgrade, and make it anew.';
    end if;
end
$$;
lock table pgscore.prediction_log in access exclusive mode;
select set_config('pgscore.last_id', case when s.is_called then s.last_value else 0 end::text, true)
from pgscore.prediction_log_id_seq s;
drop policy read_all on pgscore.prediction_log;
drop policy own_bindings on pgscore.prediction_log;
revoke all on pgscore.prediction_log from pgscore_operator, pgscore_reader;
alter table pgscore.prediction_log alter column id drop identity;
alter table pgscore.prediction_log rename to prediction_log_before;
alter index pgscore.prediction_log_pkey rename to prediction_log_before_pkey;
comment on table pgscore.prediction_log_before is 'Partition of pgscore.prediction_log: scores from before it was partitioned';

create table pgscore.prediction_log (
    id bigint generated always as identity,
    logged_at timestamptz not null default clock_timestamp(),
    model text not null,
    version integer not null,
    binding text,
    key text,
    score double precision
) partition by range (logged_at);

comment on table pgscore.prediction_log is 'Scores that bindings stored, in the transactions that stored them; partitioned by time';
comment on column pgscore.prediction_log.id is 'Counts up';
comment on column pgscore.prediction_log.logged_at is 'When the score was computed';
comment on column pgscore.prediction_log.model is 'The model';
comment on column pgscore.prediction_log.version is 'The version that gave the score';
comment on column pgscore.prediction_log.binding is 'The binding that stored it';
comment on column pgscore.prediction_log.key is 'The key of the profile row';
comment on column pgscore.prediction_log.score is 'The score; NULL where an input is NULL that the model does not accept';
grant select on pgscore.prediction_log to pgscore_operator;

-- Functions of a profile table's owner write here, each for its own bindings.
grant insert (model, version, binding, key, score) on pgscore.prediction_log to pgscore_reader;
alter table pgscore.prediction_log enable row level security;
create policy read_all on pgscore.prediction_log for select to pgscore_operator using (true);
create policy own_bindings on pgscore.prediction_log for insert
    with check (
        exists (
            select from pgscore.binding b
            where b.name = prediction_log.binding and b.model = prediction_log.model
                and pg_get_userbyid(b.owner) = current_user
        )
    );

comment on policy read_all on pgscore.prediction_log is 'Operators read what all bindings logged';
comment on policy own_bindings on pgscore.prediction_log is 'The owner of a profile table logs scores of its rows';

do $$
declare
    first_week timestamptz := pgscore._partition_start(now(), '7 days') + interval '7 days';
begin
    perform setval('pgscore.prediction_log_id_seq', current_setting('pgscore.last_id')::bigint + 1, false);
    if not exists (select from pgscore.prediction_log_before) then
        drop table pgscore.prediction_log_before;
        return;
    end if;
    begin
        execute format(
            'alter table pgscore.prediction_log attach partition pgscore.prediction_log_before for values from (minvalue) to (%L)',
            first_week
        );
    exception when check_violation then
        -- Somebody's clock was wrong.
        select pgscore._partition_start(max(b.logged_at), '7 days') + interval '7 days' into first_week
        from pgscore.prediction_log_before b;
        execute format(
            'alter table pgscore.prediction_log attach partition pgscore.prediction_log_before for values from (minvalue) to (%L)',
            first_week
        );
    end;
end
$$;

-- A week each: few enough that a session learns of them at once, small enough to be dropped one by one.
select pgscore._make_partitions('prediction_log', '7 days', 4);

-- What windows change.
drop function pgscore._reducer(reducer jsonb, ordinal integer, events regclass, profile regclass, event_key name[]);

create function pgscore._reducer(
    reducer jsonb, ordinal integer, events regclass, profile regclass, event_key name[], reducers jsonb
) returns pgscore.reducer_sql
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    aggregates constant text[] := array['count', 'sum', 'min', 'max', 'last', 'avg', 'distinct', 'due'];
    r pgscore.reducer_sql;
    source pg_catalog.pg_attribute;
    target pg_catalog.pg_attribute;
    filter text;
    chosen text;
begin
    r.ordinal := ordinal;
    r.reducer := reducer;
    r.problem := pgscore._reducer_form_problem(reducer, aggregates);
    if r.problem is not null then
        return r;
    end if;
    source := pgscore._column(events, reducer ->> 'of');
    target := pgscore._column(profile, reducer ->> 'column');
    r.target := target.attname;
    r.problem := case
        when target.attname is null then format('table %s has no column "%s" for a reducer', profile, reducer ->> 'column')
        when target.attgenerated <> '' then format('column "%s" of table %s is generated', target.attname, profile)
        when reducer ->> 'aggregate' not in ('count', 'due') and source.attname is null
            then format('table %s has no column "%s" for %s', events, reducer ->> 'of', reducer ->> 'aggregate')
        else coalesce(pgscore._filter_problem(reducer, events), pgscore._window_problem(reducer, events))
    end;
    if r.problem is not null then
        return r;
    end if;
    filter := pgscore._filter_sql(reducer, events);
    chosen := pgscore._chosen_sql(reducer, events, event_key);
    case reducer ->> 'aggregate'
        when 'count' then r := pgscore._count_reducer(r, source, target, filter, chosen);
        when 'sum' then r := pgscore._sum_reducer(r, source, target, filter, chosen);
        when 'min', 'max' then r := pgscore._extreme_reducer(r, source, target, filter, chosen);
        when 'last' then r := pgscore._last_reducer(r, source, target, filter, chosen, events);
        when 'avg' then r := pgscore._avg_reducer(r, source, target, filter, chosen);
        when 'distinct' then r := pgscore._distinct_reducer(r, source, target, filter, chosen);
        when 'due' then r := pgscore._due_reducer(r, target, events, event_key, reducers);
    end case;
    if filter is not null then
        r.event_fits := r.event_fits || pgscore._filter_sql(reducer, events, '{{row}}');
    end if;
    if reducer ? 'window' then
        r := pgscore._window_reducer(r, events);
    end if;
    if reducer ? 'deletes' then
        -- What is counted once stays counted, so the events that are there do not tell it.
        r.differs := null;
        if r.problem is null and r.kind <> 'add' then
            r.problem := format(
                '%s %s is found from the events that are there: it cannot ignore deletes', reducer ->> 'aggregate',
                coalesce('of column "' || source.attname || '"', 'with a window')
            );
        end if;
    end if;
    return r;
end
$$;

comment on function pgscore._reducer(jsonb, integer, regclass, regclass, name[], jsonb) is 'A reducer between two tables: what is wrong with it, or the SQL for all that is done with it';

grant execute on function pgscore._reducer(jsonb, integer, regclass, regclass, name[], jsonb) to pgscore_reader;

create or replace function pgscore._reducer_form_problem(reducer jsonb, aggregates text[]) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    aggregate constant text := reducer ->> 'aggregate';
    wrong text;
begin
    if jsonb_typeof(reducer) is distinct from 'object' then
        return format('a reducer is an object such as {"column": "n", "aggregate": "count"}, not %s', reducer);
    end if;
    select format('a reducer has no field "%s"', k) into wrong
    from jsonb_object_keys(reducer) as k
    where k not in ('column', 'aggregate', 'of', 'order_by', 'where', 'deletes', 'window', 'time');
    if found then
        return wrong;
    end if;
    select format('the field "%s" of a reducer is a text', f.key) into wrong
    from jsonb_each(reducer) as f where f.key <> 'where' and jsonb_typeof(f.value) <> 'string';
    return case
        when wrong is not null then wrong
        when aggregate is null or aggregate <> all (aggregates) then format(
            'the aggregate of a reducer is %s or %s, not "%s"', array_to_string(aggregates[:cardinality(aggregates) - 1], ', '),
            aggregates[cardinality(aggregates)], aggregate
        )
        when aggregate = 'due' and array['of', 'order_by', 'where', 'deletes', 'window', 'time'] && array(select jsonb_object_keys(reducer))
            then 'due is of all windows of a binding, and takes nothing but a "column"'
        when reducer ? 'window' and not reducer ? 'time' then 'a "window" takes a "time": the events'' column that says when each was'
        when reducer ? 'time' and not reducer ? 'window' then 'a "time" goes with a "window"'
        when aggregate <> 'last' and reducer ? 'order_by' then 'last, and no other aggregate, takes an "order_by"'
        when coalesce(reducer ->> 'deletes', 'ignore') <> 'ignore'
            then format('"deletes" of a reducer can be "ignore", not "%s"', reducer ->> 'deletes')
    end;
end
$$;

create or replace function pgscore._recount_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: what the events of a key give. Generated; change it with pgscore.attach.
-- Those that add up only if everything is asked for.
{{windows}}
begin
    select
        {{values}}
    into {{names}};
end
$template$ $function$;

create or replace function pgscore._work_join_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
left join (
    select {{keys}},
        bool_or(w.pgscore_task in ('recount', 'arrive', 'rekey') or (here.again and w.pgscore_task in ('move', 'undo'))) as pgscore_absolute{{arrived}}{{undone}}{{merged}}
    from {{work}}
    where w.pgscore_binding = {{number}} and {{present}}
    group by {{keys}}
) w{{number}} on {{match}}
left join lateral (
    select r.* from {{recount}}({{arguments}}, here.every_{{number}} or w{{number}}.pgscore_absolute{{instant}}) r
    where here.every_{{number}} or {{wanted}}
    offset 0
) r{{number}} on true
$template$ $function$;

create or replace function pgscore._apply_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Locks the profiles of {{profile}} that the work names, in one order for all transactions, finds them as they will
-- stand, and changes them in one UPDATE, with their scores. Without work it takes what the transaction queued.
-- Generated; change it with pgscore.attach.
#variable_conflict use_column
<<here>>
declare
    work {{queue}}[] := $1;
    again boolean := {{recounted}};
    slots integer[];
    locked {{profile}}[];
    moved {{profile}}[];
    changed boolean[];
    item record;
    one {{profile}};
    touched boolean;
    serving boolean;
    mark bigint;
    first integer;
    size integer;
    answer record;
    failure text;
    {{declared}}
begin
    if work is null then
        with taken as (
            delete from {{queue}} pgscore_row
            where pgscore_row.pgscore_transaction = pg_current_xact_id() and pgscore_row.pgscore_task <> 'scored'
            returning pgscore_row as work
        )
        select array_agg(t.work) into work from taken t;
    end if;
    -- A plan for any number of rows would compare each row with each.
    if cardinality(work) > 50 or exists (select from unnest(here.work) w where w.pgscore_task = 'recount all') then
        perform set_config('plan_cache_mode', 'force_custom_plan', true);
    end if;
    -- One statement may fire several triggers, as ON CONFLICT, MERGE and writable CTEs do. Where constraints are
    -- immediate, or work is done at the end of each statement, what one has recounted a later one would add again.
    if not again and exists (select from unnest(here.work) w where w.pgscore_task <> 'move') then
        perform set_config('pgscore.recounted', extract(epoch from statement_timestamp())::text, true);
    end if;
    -- Who deleted a profile that was locked may have made it anew: then it is another row, which no snapshot of here has
    -- seen, or one that is yet to come.
    loop
        {{missing}}
        {{meet}}
        {{lock}}
        exit when not (
            {{lost}}
        );
    end loop;
    {{instant}}
    {{move}}
    if moved is null then
        return;
    end if;
    {{update}}
end
$template$ $function$;

create or replace function pgscore._reconcile_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: compares the counters of the next rows of {{profile}} with the events of {{events}}.
-- Generated; change it with pgscore.attach.
<<here>>
declare
    page {{profile}}[];
    wrong {{profile}}[];
    missed text[];
    after text[];
begin
    insert into pgscore.reconciliation as s (binding, repair) values ({{number}}, $2)
    on conflict on constraint reconciliation_pkey do update
    set repair = excluded.repair, last_key = null, checked = 0, differing = 0, started = now(), finished = null
    where s.finished is not null or s.repair <> excluded.repair;
    select s.last_key into after from pgscore.reconciliation s where s.binding = {{number}} for update;
    if after is null then
        select array_agg(l.pgscore_row order by {{page_order}}) into page
        from (select pgscore_row from {{profile}} pgscore_row where {{present}} order by {{order}} limit $1) l;
    else
        select array_agg(l.pgscore_row order by {{page_order}}) into page
        from (
            select pgscore_row from {{profile}} pgscore_row
            where {{present}} and ({{order}}) > ({{after}})
            order by {{order}} limit $1
        ) l;
    end if;
    -- One statement and one snapshot: what commits meanwhile is not taken for a difference.
    select array_agg(d.pgscore_row), (array_agg(d.key || ': ' || d.shown))[1:10]
    into wrong, examples
    from (
        select pgscore_row, {{key_text}} as key, {{shown}} as shown
        from unnest(here.page) as u
        join {{profile}} pgscore_row on {{page_match}}
        cross join lateral {{recount}}({{arguments}}, true{{instant}}) r
        where {{differ}}
    ) d;
    finished := coalesce(cardinality(page), 0) < $1;
    if $2 then
        select array_agg(s.key) into missed
        from unnest(here.page) as pgscore_row join pgscore.stale_row s on s.binding = {{number}} and s.key = {{key_text}};
        insert into {{queue}} (pgscore_binding, pgscore_task, {{columns}})
        select {{number}}, 'recount', {{values}}
        from unnest(here.page) as pgscore_row
        where {{key_text}} = any (here.missed)
            or exists (select from unnest(here.wrong) as u where {{page_match}}){{or_due}};
        if found then
            perform {{apply}}(null);
        end if;
        delete from pgscore.stale_row s where s.binding = {{number}} and s.cause = 'backfill' and s.key = any (here.missed);
        -- No trigger sees a TRUNCATE of profiles, or a partition of them that goes.
        if finished then
            delete from pgscore.stale_row s
            where s.binding = {{number}} and not exists (select from {{profile}} pgscore_row where {{key_text}} = s.key);
        end if;
    end if;
    update pgscore.reconciliation s
    set last_key = coalesce({{last}}, s.last_key), checked = s.checked + coalesce(cardinality(here.page), 0),
        differing = s.differing + coalesce(cardinality(here.wrong), 0),
        finished = case when coalesce(cardinality(here.page), 0) < $1 then clock_timestamp() end
    where s.binding = {{number}}
    returning s.checked, s.differing into checked, differing;
    -- Deferred triggers of the tables fire here, with the owner's rights, and not with those of a member who called.
    set constraints all immediate;
exception when others then
    {{fail}}
end
$template$ $function$;

create or replace function pgscore._read_columns(b pgscore.binding) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(n.name order by n.step, n.name)
    from (
        select min(n.step) as step, n.name
        from (
            select 1 as step, k as name from unnest(b.event_key) k
            union all
            select 2, f.value::name from jsonb_array_elements(b.reducers) r, jsonb_each_text(r) f where f.key in ('of', 'order_by', 'time')
            union all
            select 2, f::name from jsonb_array_elements(b.reducers) r, jsonb_object_keys(coalesce(r -> 'where', '{}')) f
        ) n
        group by n.name
    ) n
$$;

create or replace function pgscore._recount_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    arguments text;
    columns text;
    given text;
    named text;
    everything constant text := '$' || cardinality(b.event_key) + 1;
begin
    select string_agg(format('key_%s %s, ', k.ordinal, k.type), '' order by k.ordinal)
    into arguments
    from unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as k (type, ordinal);
    select
        string_agg(format(', out value_%s %s', r.ordinal, format_type(c.atttypid, c.atttypmod)), '' order by r.ordinal),
        string_agg(
            format(case when r.kind = 'add' then e',\ncase when %2$s then (%1$s) end' else e',\n(%1$s)' end, r.recounted, everything),
            '' order by r.ordinal
        ),
        string_agg(format(', value_%s', r.ordinal), '' order by r.ordinal)
    into columns, given, named
    from pgscore._reducers_of(b) r, pgscore._column(b.profile, r.target) c;
    return query select * from pgscore._function_sql(
        format('%s(%severything boolean%s, out any_event boolean%s)', pgscore._event_object(b, 'recount'), arguments,
            case when pgscore._due_column(b) is not null then ', instant timestamptz' end, columns), null,
        -- Row security that hides events is an error here, and never "no events".
        'plpgsql stable set row_security = off',
        pgscore._fill(pgscore._recount_template(), jsonb_build_object(
            'binding', b.events,
            'windows', case when pgscore._due_column(b) is not null then '-- Windows end at an instant: they hold what is later than their length before it.' end,
            'values', format(
                'exists (select from %s e where %s)%s', b.events,
                (select string_agg(format('e.%I = $%s', k.name, k.ordinal), ' and ' order by k.ordinal) from unnest(b.event_key) with ordinality as k (name, ordinal)),
                given
            ),
            'names', 'any_event' || named
        )),
        format('binding %s, what the events of a key give', b.events), b.owner
    );
end
$$;

create or replace function pgscore._work_join_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    looks boolean;
    grows boolean;
    ignores boolean;
    merged text;
    deltas text;
    touched constant text := pgscore._touched_sql(b);
begin
    select
        coalesce(bool_or(r.kind = 'look'), false), coalesce(bool_or(r.kind <> 'add'), false), bool_or(r.reducer ? 'deletes'),
        string_agg(format(e',\n%s as %I', r.merged, r.target), '' order by r.ordinal) filter (where r.kind <> 'look'),
        string_agg(format(', u.%I', r.target), '' order by r.ordinal) filter (where r.kind <> 'look')
    into looks, grows, ignores, merged, deltas
    from pgscore._reducers_of(b) r;
    return pgscore._fill(pgscore._work_join_template(), jsonb_build_object(
        'number', b.number, 'keys', pgscore._columns_sql(b.profile_key, 'w'), 'merged', merged,
        'arrived', case when ignores then e',\nbool_or(w.pgscore_task = ''arrive'') as pgscore_arrived' end,
        'undone', case when grows then e',\nbool_or(w.pgscore_task = ''undo'') as pgscore_undone' end,
        'present', pgscore._present_sql(b.profile_key, 'w'),
        'match', pgscore._match_sql(b.profile_key, 'w' || b.number, b.profile_key, 'pgscore_row'),
        'recount', pgscore._event_object(b, 'recount'),
        'arguments', pgscore._columns_sql(b.profile_key, 'pgscore_row'),
        'instant', case when pgscore._due_column(b) is not null then ', here.instant' end,
        'wanted', case when looks then touched when grows then format('w%1$s.pgscore_absolute or w%1$s.pgscore_undone', b.number)
            else format('w%s.pgscore_absolute', b.number) end,
        'work', case when not ignores then 'unnest(here.work) w' else format(
            -- A counter that ignores deletes cannot be recounted. Its row carries it to the new key, and what events did
            -- under the former key, a cascade's too, is done to the same row.
            e'(\n    select u.pgscore_binding, u.pgscore_task%s%s\n    from unnest(here.work) u\n    left join unnest(here.work) k\n'
            '        on k.pgscore_binding = u.pgscore_binding and k.pgscore_task = ''rekey'' and u.pgscore_task not in (''rekey'', ''arrive'')\n'
            '        and %s\n) w',
            (
                select string_agg(format(', coalesce(k.%1$I, u.%1$I) as %1$I', a.attname), '' order by a.attnum)
                from unnest(b.profile_key) n, pgscore._column(b.profile, n) a
            ),
            deltas,
            (
                select string_agg(format('k.pgscore_former_%s = u.%I', a.attnum, a.attname), ' and ' order by a.attnum)
                from unnest(b.profile_key) n, pgscore._column(b.profile, n) a
            )
        ) end
    ));
end
$$;

create or replace function pgscore._events_without_profile_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Events that went away again leave nobody missing.
    select format(
        e'w.pgscore_binding = %s and w.pgscore_task in (''move'', ''undo'', ''recount'')\n    and not exists (select from %s p where %s)\n    and (select r.any_event from %s(%s, false%s) r)',
        b.number, b.profile, pgscore._match_sql(b.profile_key, 'p', b.profile_key, 'w'), pgscore._event_object(b, 'recount'),
        pgscore._columns_sql(b.profile_key, 'w'), case when pgscore._due_column(b) is not null then ', null' end
    )
$$;

create or replace function pgscore._reconcile_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    shown text;
    differ text;
begin
    select
        coalesce(string_agg(
            format(
                e',\n    case when %1$s then format(''%%s is %%s and the events give %%s'', %2$L, coalesce(pgscore_row.%3$I::text, ''NULL''), coalesce(r.value_%4$s::text, ''NULL'')) end',
                d.differs, r.target, r.target, r.ordinal
            ), '' order by r.ordinal
        ), ''),
        coalesce(string_agg(d.differs, e'\n    or ' order by r.ordinal), 'false')
    into shown, differ
    from pgscore._reducers_of(b) r,
        lateral (select pgscore._fill(r.differs, jsonb_build_object(
            'present', format('pgscore_row.%I', r.target), 'recounted', format('r.value_%s', r.ordinal)
        )) as differs) d
    where r.differs is not null;
    return query select * from pgscore._function_sql(
        format(
            '%s(rows integer, repair boolean, out checked bigint, out differing bigint, out examples text[], out finished boolean)',
            pgscore._event_object(b, 'reconcile')
        ),
        null, 'plpgsql volatile set jit = off',
        pgscore._fill(pgscore._reconcile_template(), jsonb_build_object(
            'binding', b.events, 'number', b.number, 'events', b.events, 'fail', pgscore._fail_sql(b), 'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'),
            'apply', pgscore._profile_object(b, 'apply'), 'recount', pgscore._event_object(b, 'recount'),
            'present', pgscore._present_sql(b.profile_key, 'pgscore_row'), 'order', pgscore._columns_sql(b.profile_key, 'pgscore_row'),
            'page_order', (select string_agg(format('(l.pgscore_row).%I', k), ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o)),
            'after', (
                select string_agg(format('here.after[%s]::%s', k.ordinal, k.type), ', ' order by k.ordinal)
                from unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as k (type, ordinal)
            ),
            'last', (
                select format('array[%s]', string_agg(format('here.page[cardinality(here.page)].%I::text', k), ', ' order by o))
                from unnest(b.profile_key) with ordinality u (k, o)
            ),
            'page_match', pgscore._match_sql(b.profile_key, 'pgscore_row', b.profile_key, 'u'),
            'key_text', pgscore._key_text_sql(b.profile_key, 'pgscore_row'),
            'shown', format(e'concat_ws(''; '', null%s)', shown), 'differ', differ,
            -- Of a row that is due what it was when time alone had changed nothing yet.
            'instant', ', ' || pgscore._instant_sql(b), 'or_due', case when pgscore._due_column(b) is not null then format(e'\n    or pgscore_row.%I <= clock_timestamp()', pgscore._due_column(b)) end,
            'arguments', pgscore._columns_sql(b.profile_key, 'pgscore_row'), 'columns', pgscore._columns_sql(b.profile_key),
            'values', pgscore._columns_sql(b.profile_key, 'pgscore_row')
        )),
        format('binding %s, compares counters of some rows of %s with their events, and mends them', b.events, b.profile), b.owner
    );
end
$$;

create or replace function pgscore._virtual_column_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- From PostgreSQL 18 on. Of what a statement has changed such columns cannot be read, and in a row's trigger they are NULL.
    select format('column "%s" of table %s is generated and virtual, which triggers cannot read: make it stored', c.name, b.events)
    from (
        select k as name from unnest(b.event_key) k
        union all select r ->> f from jsonb_array_elements(b.reducers) r, unnest(array['of', 'order_by', 'time']) f
        union all select w from jsonb_array_elements(b.reducers) r, jsonb_object_keys(r -> 'where') w
    ) c
    where (pgscore._column(b.events, c.name)).attgenerated = 'v'
    limit 1
$$;

create or replace function pgscore._reducers_problem(b pgscore.binding) returns text
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

create or replace function pgscore._advice(binding integer) returns table (cause text, sentence text, statements text[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select 'uncounted', format('events that %s holds already are not counted yet, and its profiles are listed in pgscore.stale until they are', b.events),
        array[format('call pgscore.reconcile(%L, %L)', b.events, b.profile)]
    from pgscore.binding b
    where b.number = _advice.binding and exists (select from pgscore.stale_row s where s.binding = b.number and s.cause = 'backfill')
    union all
    select 'index', i.sentence, i.statements from pgscore.binding b, pgscore._index_advice(b) i where b.number = _advice.binding
    union all
    select 'index', i.sentence, i.statements from pgscore.binding b, pgscore._due_index_advice(b) i where b.number = _advice.binding
$$;

create or replace function pgscore._reconcile_step(
    binding integer, repair boolean, rows integer default 500,
    out checked bigint, out differing bigint, out examples text[], out finished boolean
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    b pgscore.binding;
begin
    -- One at a time, and none while the tables are attached or detached.
    select o.* into b from pgscore.binding o where o.number = binding for update;
    if not found then
        raise exception 'the tables were detached meanwhile' using errcode = 'undefined_object';
    end if;
    perform pgscore._check_owner(b.events, b.profile);
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._taken_problem(b));
    perform pgscore._make_sure(b, 'reconcile', array(select pgscore._reconcile_sql(b)));
    execute format('select f.* from %s($1, $2) f', pgscore._event_object(b, 'reconcile'))
        into checked, differing, examples, finished using rows, repair;
end
$$;

create or replace procedure pgscore.reconcile(events regclass, profile regclass, repair boolean default true)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, every name here is
    -- qualified, and all that is called is pinned itself.
    pinned pg_catalog.text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    bindings pg_catalog.int4[] := pgscore._bindings_to_reconcile(events, profile);
    next pg_catalog.int4;
    step pg_catalog.record;
begin
    foreach next in array bindings loop
        loop
            -- The first thing of a transaction: whatever the session's default is.
            commit;
            set transaction isolation level read committed;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            select s.* into step from pgscore._reconcile_step(next, repair) s;
            commit;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            perform pgscore._report_step(next, repair, step.checked, step.differing, step.examples, step.finished);
            exit when step.finished;
        end loop;
    end loop;
end
$$;

-- core/become_oneself.sql
reset search_path;

reset role;