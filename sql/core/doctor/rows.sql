-- Rows that wait for something, and the log.

create function pgscore._doctor_stale() returns table (
    number integer, cause text, reason text, rows bigint, total bigint, since timestamptz
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select g.binding, g.cause, g.reason, g.rows, g.total::bigint, g.since
    from (
        select s.binding, s.cause, s.reason, count(*) as rows, min(s.since) as since,
            sum(count(*)) over (partition by s.binding, s.cause) as total,
            row_number() over (partition by s.binding, s.cause order by count(*) desc, s.reason) as place
        from pgscore.stale_row s
        group by s.binding, s.cause, s.reason
    ) g
    where g.place <= 3
    order by g.binding, g.cause, g.place
$$;

comment on function pgscore._doctor_stale() is
    'Stale rows that the caller may see, by binding and cause: the three reasons that most have, and how many there are in all';
grant execute on function pgscore._doctor_stale() to pgscore_reader;

create function pgscore._doctor_log() returns table (bytes bigint, rows bigint, oldest timestamptz)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    select s.bytes, s.rows into bytes, rows from pgscore._partition_state('prediction_log') s;
    if has_table_privilege('pgscore.prediction_log', 'select') then
        select l.logged_at into oldest from pgscore.prediction_log l order by l.id limit 1;
    end if;
    return next;
end
$$;

comment on function pgscore._doctor_log() is 'How large the prediction log is, about how many rows it has, and since when, for who may read it';
grant execute on function pgscore._doctor_log() to pgscore_reader;
