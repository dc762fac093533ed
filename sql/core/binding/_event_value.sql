create function pgscore._event_value(reducer jsonb, events regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when c.condition is null then v.value
        else format('case when %s then %s end', c.condition, v.value)
    end
    from (select pgscore._reducer_condition(reducer, events, 'e') as condition) c,
        (select case reducer ->> 'aggregate'
            when 'count' then '1'
            else format('e.%I', reducer ->> 'of')
        end as value) v
$$;

comment on function pgscore._event_value(jsonb, regclass) is 'SQL for what one event, e, brings to a reducer; NULL for nothing';
