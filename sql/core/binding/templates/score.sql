create function pgscore._score_template() returns text
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

comment on function pgscore._score_template() is
    'Template: the trigger function that scores a row of a profile table before it is stored';
grant execute on function pgscore._score_template() to pgscore_reader;

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

create function pgscore._rekey_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    -- What is wrong with the columns is found here, and said in one sentence.
    rekeys := case when {{bound}} then {{changed}} or num_nulls({{written}}) < 0 end;
exception when others then
    {{unfit}}
end;
if rekeys then
    -- Recounted when it is stored, and at commit, when its events have followed. What is listed for it follows at once.
    with former as (delete from pgscore.stale_row s where s.binding = {{number}} and s.key = {{former_text}} returning s.*)
    insert into pgscore.stale_row (binding, key, cause, reason, since)
    select f.binding, {{present_text}}, f.cause, f.reason, f.since from former f where {{present}}
    on conflict do nothing;
    insert into {{queue}} (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
    select {{number}}, 'rekey', 'commit', {{values}} where {{present}};
    -- Has the trigger fire that looks after the row when it is stored.
    perform set_config('pgscore.rekeyed', 'yes', true);
end if;
$template$ $function$;

comment on function pgscore._rekey_one_template() is
    'Template: what the trigger function of a profile table does where a row gets another key';
grant execute on function pgscore._rekey_one_template() to pgscore_reader;

create function pgscore._score_one_template() returns text
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

comment on function pgscore._score_one_template() is
    'Template: what the trigger function of a profile table does to score a row by a model';
grant execute on function pgscore._score_one_template() to pgscore_reader;

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

create function pgscore._log_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
insert into pgscore.prediction_log (model, version, binding, key, score)
select b.model, scored.answer[2], b.name, {{key_text}}, scored.answer[1]
from pgscore.binding b where {{known}};
$template$ $function$;

comment on function pgscore._log_one_template() is
    'Template: what writes the score of a row to the prediction log';
grant execute on function pgscore._log_one_template() to pgscore_reader;

create function pgscore._abort_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
raise exception 'model "%" could not score 1 of 1 rows for %: %', {{model}}, {{binding}}, reason
    using errcode = 'data_exception', hint = {{abort_hint}};
$template$ $function$;

comment on function pgscore._abort_one_template() is
    'Template: what fails a transaction of which a row could not be scored';
grant execute on function pgscore._abort_one_template() to pgscore_reader;

create function pgscore._keep_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    insert into pgscore.stale_row as s (binding, key, reason)
    select {{number}}, {{key_text}}, scored.reason where exists (select from pgscore.binding b where {{known}})
    on conflict on constraint stale_row_pkey do update set reason = excluded.reason;
exception when others then
    raise exception using errcode = sqlstate, message = sqlerrm, hint = '`pgscore doctor` says what to run.';
end;
$template$ $function$;

comment on function pgscore._keep_one_template() is
    'Template: what lists a row that could not be scored';
grant execute on function pgscore._keep_one_template() to pgscore_reader;
