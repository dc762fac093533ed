create function pgscore._row_template() returns text
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

comment on function pgscore._row_template() is
    'Template: the trigger function for rows of a partitioned event table';
grant execute on function pgscore._row_template() to pgscore_reader;
