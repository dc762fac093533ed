create function pgscore._commit_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Does what this transaction queued for {{profile}}{{and_others}}. Generated; change it with pgscore.attach.
<<here>>
declare
    one {{queue}};
    rest {{queue}}[];
    detail text;
    hint text;
    {{declared}}
begin
    {{not_yet}}
    -- Each statement left a row that calls this, and the first call leaves nothing to the others.
    delete from {{queue}} q
    where q.pgscore_transaction = new.pgscore_transaction and q.pgscore_id = new.pgscore_id
    returning q.* into one;
    if not found then
        return null;
    end if;
    -- Nothing was queued later, as the sequence tells in most transactions, or it is taken along.
    if new.pgscore_id < pg_sequence_last_value({{sequence}}) or new.pgscore_task = 'rekeyed' then
        if exists (
            select from {{queue}} q
            where q.pgscore_transaction = new.pgscore_transaction and {{later}}
        ) then
            {{take_rest}}
        end if;
    end if;
    {{alone}}
    begin
        {{alone_guarded}}
        {{in_order}}
    exception when others then
        get stacked diagnostics detail = pg_exception_detail, hint = pg_exception_hint;
        perform pgscore._fail({{number}}, {{events}}, sqlstate, sqlerrm, detail, hint);
    end;
    return null;
end
$template$ $function$;

comment on function pgscore._commit_template() is
    'Template: the trigger function of a queue, which does at commit what the transaction queued';
grant execute on function pgscore._commit_template() to pgscore_reader;

create function pgscore._take_rest_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
with taken as (
    delete from {{queue}} pgscore_row
    where pgscore_row.pgscore_transaction = new.pgscore_transaction and {{later}}
    returning pgscore_row as work
)
select array_agg(t.work){{sums}} into {{rest}} from taken t;
{{merge}}
$template$ $function$;

comment on function pgscore._take_rest_template() is
    'Template: what takes the rest of a transactions rows from a queue';
grant execute on function pgscore._take_rest_template() to pgscore_reader;

create function pgscore._merge_rest_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Several statements with events of one profile come to one change, or to nothing.
if same then
    rest := null;
    {{added}}
end if;
$template$ $function$;

comment on function pgscore._merge_rest_template() is
    'Template: what makes one row of a transactions rows, where all add to one profile';
grant execute on function pgscore._merge_rest_template() to pgscore_reader;

create function pgscore._alone_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Events of one profile are what most transactions bring: they need no more than this.
if rest is null and one.pgscore_task = 'move'{{and_no_other}} then
    {{updates}}
end if;
$template$ $function$;

comment on function pgscore._alone_template() is
    'Template: what the function of a queue does with events of one profile, which is what most transactions bring';
grant execute on function pgscore._alone_template() to pgscore_reader;

create function pgscore._alone_update_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if one.pgscore_binding = {{number}} and not {{recounted}} then
    {{nothing}}
    update {{profile}} p set {{moved}}
    where {{match}};
    if found then
        return null;
    end if;
end if;
$template$ $function$;

comment on function pgscore._alone_update_template() is
    'Template: the statement that moves the counters of one profile';
grant execute on function pgscore._alone_update_template() to pgscore_reader;

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
