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
