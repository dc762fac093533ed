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
