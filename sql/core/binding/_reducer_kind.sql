create function pgscore._reducer_kind(reducer jsonb, events regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when reducer ->> 'aggregate' = 'count' then 'add'
        when reducer ->> 'aggregate' = 'last' then 'look'
        when reducer ->> 'aggregate' in ('min', 'max') then 'grow'
        -- A sum of floats cannot be undone: (0.1 + 1e16) - 1e16 = 0.
        when (pgscore._column(events, reducer ->> 'of')).atttypid in ('real'::regtype, 'double precision'::regtype) then 'grow'
        else 'add'
    end
$$;

comment on function pgscore._reducer_kind(jsonb, regclass) is
    'add: events add to the value and can be taken away again; grow: new events move it, and otherwise it is recounted; look: it is always looked up in the events';
