create function pgscore._apply_template() returns text
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

comment on function pgscore._apply_template() is
    'Template: the function that moves counters of many profiles, recounts what has to be, and stores their scores';
grant execute on function pgscore._apply_template() to pgscore_reader;

create function pgscore._missing_error_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
select min(m.key) into missing
from (
    select {{key_text}} as key from unnest(here.work) w
    where {{events_without}}
) m;
if missing is not null then
    raise exception 'table % has no row whose % is %, which events of % name', {{profile}}, {{key_names}}, missing, {{events}}
        using errcode = 'foreign_key_violation', hint = 'The binding''s on_missing is error.';
end if;
$template$ $function$;

comment on function pgscore._missing_error_template() is
    'Template: what the apply function does about events without a profile where on_missing is error';
grant execute on function pgscore._missing_error_template() to pgscore_reader;

create function pgscore._missing_insert_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Who inserts first decides: the other one waits for the key. A new row is counted on its arrival, with all its events.
with missing as (
    select distinct {{keys}} from unnest(here.work) w
    where {{events_without}}
), made as (
    -- The key is the event's, also where the table would give one.
    insert into {{profile_table}} as p ({{key_columns}}) overriding system value
    select {{missing_keys}} from missing m order by {{missing_order}}
    on conflict do nothing
    returning {{made_keys}}
)
select
    array_agg(pgscore_row) filter (
        where pgscore_row.pgscore_binding <> all ({{bindings}}) or pgscore_row.pgscore_task not in ('move', 'undo', 'recount')
            or not exists (select from made m where {{match}})
    ),
    exists (select from made)
into kept, made
from unnest(here.work) pgscore_row;
if made then
    work := coalesce(kept, '{}');
    {{take_arrivals}}
end if;
$template$ $function$;

comment on function pgscore._missing_insert_template() is
    'Template: what the apply function does about events without a profile where on_missing is insert';
grant execute on function pgscore._missing_insert_template() to pgscore_reader;

create function pgscore._take_arrivals_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
with taken as (
    delete from {{queue}} pgscore_row
    where pgscore_row.pgscore_transaction = pg_current_xact_id() and pgscore_row.pgscore_task <> 'scored'
    returning pgscore_row as work
)
select here.work || array_agg(t.work) into work from taken t;
$template$ $function$;

comment on function pgscore._take_arrivals_template() is
    'Template: what takes the arrivals of profiles that were made while a transactions work is done';
grant execute on function pgscore._take_arrivals_template() to pgscore_reader;

create function pgscore._meet_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- A profile may come in a transaction that runs at the same time as one with its event: each would miss what the other
-- brings. Both change the slot of the key: the later one waits here and then sees the other, or, with an older snapshot,
-- fails with 40001. A TRUNCATE of events has to meet all new profiles.
slots := array(
    {{slots}}
    union
    select generate_series(0, 63) where exists (select from unnest(here.work) w where w.pgscore_task = 'recount all')
);
if cardinality(slots) > 0 then
    perform from {{arrival}} a where a.slot = any (here.slots) order by a.slot for update;
    update {{arrival}} a set transaction = pg_current_xact_id()
    where a.slot = any (here.slots) and a.transaction is distinct from pg_current_xact_id();
end if;
$template$ $function$;

comment on function pgscore._meet_template() is
    'Template: what the apply function does so that new profiles, and events without a profile, see each other';
grant execute on function pgscore._meet_template() to pgscore_reader;

create function pgscore._lock_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- All or some: a plan for both would read the whole table each time.
if exists (select from unnest(here.work) w where w.pgscore_task = 'recount all') then
    select array_agg(l.pgscore_row) into locked
    from (select pgscore_row from {{profile}} pgscore_row order by {{order}} for no key update) l;
else
    select array_agg(l.pgscore_row) into locked
    from (
        select pgscore_row from {{profile}} pgscore_row
        where {{touched}}
        order by {{order}} for no key update
    ) l;
end if;
$template$ $function$;

comment on function pgscore._lock_template() is
    'Template: what the apply function does to lock the touched rows of a profile table, in the one order, and to read them';
grant execute on function pgscore._lock_template() to pgscore_reader;

create function pgscore._update_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- A trigger that fires before the row is stored may change what the model reads.
if cardinality(moved) = 1 or exists (
    select from pg_catalog.pg_trigger t
    where t.tgrelid = any ({{relations}}::regclass[]) and t.tgtype & 19 = 19 and t.tgenabled <> 'D' and t.tgname <> '~pgscore_score'
) then
    -- The trigger that scores changed rows has the engine for one row, and sees what other triggers make of it.
    update {{profile}} p set {{counters}}
    from (select unnest(here.moved) as row) m
    where {{match}};
else
    {{score_many}}
    -- Tells the trigger that scores rows to leave these alone. Anybody may set it, and only the owner can queue what it names.
    insert into {{queue}} (pgscore_binding, pgscore_task) values (0, 'scored') returning pgscore_id into mark;
    perform set_config('pgscore.scored', format('%s/%s', pg_trigger_depth() + 1, mark), true);
    update {{profile}} p set {{counters}}{{scores}}
    from (select unnest(here.moved) as row, unnest(here.changed) as changed{{arrays}}) m
    where {{match}} and (m.changed or {{scored}});
    perform set_config('pgscore.scored', '', true);
    delete from {{queue}} q where q.pgscore_transaction = pg_current_xact_id() and q.pgscore_id = here.mark;
end if;
$template$ $function$;

comment on function pgscore._update_template() is
    'Template: what the apply function does to change the rows: one UPDATE, with the scores in it where there are many';
grant execute on function pgscore._update_template() to pgscore_reader;

create function pgscore._score_many_template() returns text
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

comment on function pgscore._score_many_template() is
    'Template: what the apply function does to have many rows scored by a model, a thousand at a time';
grant execute on function pgscore._score_many_template() to pgscore_reader;

create function pgscore._log_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
insert into pgscore.prediction_log (model, version, binding, key, score)
select b.model, a.version, b.name, a.key, a.score
from pgscore.binding b,
    unnest(here.names_{{number}}, here.scores_{{number}}, here.versions_{{number}}, here.reasons_{{number}}) as a (key, score, version, reason)
where b.number = {{number}} and b.profile = {{profile}}::regclass and a.reason is null and a.version is not null;
$template$ $function$;

comment on function pgscore._log_many_template() is
    'Template: what writes the scores of many rows to the prediction log';
grant execute on function pgscore._log_many_template() to pgscore_reader;

create function pgscore._ask_many_template() returns text
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

comment on function pgscore._ask_many_template() is
    'Template: what asks a model for the scores of some rows';
grant execute on function pgscore._ask_many_template() to pgscore_reader;

create function pgscore._ask_in_time_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if first > 1 and clock_timestamp() >= began + {{limit}} then
    failure := {{late}};
else
    {{ask}}
end if;
$template$ $function$;

comment on function pgscore._ask_in_time_template() is
    'Template: what asks a model for the scores of some rows while there is time';
grant execute on function pgscore._ask_in_time_template() to pgscore_reader;

create function pgscore._abort_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
raise exception 'model "%" could not score % of % rows for %: %', {{model}},
    num_nonnulls(variadic reasons_{{number}}), cardinality(moved), {{binding}},
    (select min(r) from unnest(here.reasons_{{number}}) r)
    using errcode = 'data_exception', hint = {{abort_hint}};
$template$ $function$;

comment on function pgscore._abort_many_template() is
    'Template: what fails a transaction of which some rows could not be scored';
grant execute on function pgscore._abort_many_template() to pgscore_reader;

create function pgscore._keep_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
insert into pgscore.stale_row as s (binding, key, reason)
select {{number}}, a.key, a.reason from unnest(here.names_{{number}}, here.reasons_{{number}}) as a (key, reason)
where a.reason is not null and {{known}}
on conflict on constraint stale_row_pkey do update set reason = excluded.reason;
$template$ $function$;

comment on function pgscore._keep_many_template() is
    'Template: what lists rows that could not be scored';
grant execute on function pgscore._keep_many_template() to pgscore_reader;
