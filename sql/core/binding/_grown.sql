create function pgscore._grown(reducer jsonb, present text, delta text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case reducer ->> 'aggregate'
        when 'min' then format('least(%s, %s)', present, delta)
        when 'max' then format('greatest(%s, %s)', present, delta)
        else format('coalesce(%s, 0) + coalesce(%s, 0)', present, delta)
    end
$$;

comment on function pgscore._grown(jsonb, text, text) is 'SQL for the value of a reducer after new events, from the present value and what they bring';
