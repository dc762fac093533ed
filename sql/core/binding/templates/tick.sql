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
