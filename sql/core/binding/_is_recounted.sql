create function pgscore._is_recounted(reducer jsonb, events regclass) returns boolean
language sql stable
set search_path = ''
as $$
    select case reducer ->> 'aggregate'
        when 'count' then false
        -- A sum of floats depends on the order, and cannot be undone: (0.1 + 1e16) - 1e16 = 0.
        when 'sum' then (pgscore._column(events, reducer ->> 'of')).atttypid in ('real'::regtype, 'double precision'::regtype)
        else true
    end
$$;

comment on function pgscore._is_recounted(jsonb, regclass) is
    'Whether a reducer''s value is found from the events of a customer each time, instead of adding up';
