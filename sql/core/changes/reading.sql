create function pgscore._change_since(since text, model text, out "position" xid8, out ordinal bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    line constant text := pgscore._change_line();
    anew constant text := 'Take all scores once, as pgscore export does, and go on from pgscore.score_change_horizon() of before.';
    parts text[];
begin
    if since is null then
        "position" := '0';
        ordinal := 0;
        return;
    elsif since !~ '^[0-9a-f]{8}[.][0-9]{1,10}/[0-9]{1,18}/[0-9]{1,18}$' then
        raise exception '"%" is no position in the changes of scores', left(since, 50)
            using errcode = 'invalid_parameter_value',
                  hint = 'It is the position of a row that pgscore.score_changes gave, such as 5e1c08ab.1/7423/15.';
    end if;
    parts := string_to_array(since, '/');
    "position" := parts[2]::xid8;
    ordinal := parts[3]::bigint;
    if left(parts[1], 8) <> left(line, 8) then
        raise exception 'position % was read from another database, or before this one was restored', since
            using errcode = 'object_not_in_prerequisite_state', hint = anew;
    elsif "position" > pg_snapshot_xmax(pg_current_snapshot()) then
        raise exception 'position % is ahead of this database: it was read before a backup was restored', since
            using errcode = 'object_not_in_prerequisite_state', hint = anew;
    elsif parts[1] <> line and not exists (
        select c.position, c.ordinal from pgscore.score_change c where (c.position, c.ordinal) = ("position", ordinal)
        union all
        select p.position, p.ordinal from pgscore.pruned_change p where (p.position, p.ordinal) = ("position", ordinal)
    ) then
        raise exception 'position % was read before a standby took over or a backup was restored, and its change is not here', since
            using errcode = 'object_not_in_prerequisite_state', hint = anew;
    elsif exists (
        select from pgscore.pruned_change p
        where p.model = coalesce(_change_since.model, p.model) and (_change_since."position", _change_since.ordinal) < (p.position, p.ordinal)
    ) then
        raise exception 'changes after position % were pruned before they were read', since
            using errcode = 'object_not_in_prerequisite_state', hint = anew;
    end if;
end
$$;

comment on function pgscore._change_since(text, text) is
    'A position as two numbers; refused where it is none, or where something after it is gone';
grant execute on function pgscore._change_since(text, text) to pgscore_reader;

create function pgscore.score_change_horizon() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- No ordinal is 0.
    select pgscore._change_line() || '/' || pg_snapshot_xmin(pg_current_snapshot()) || '/0'
$$;

comment on function pgscore.score_change_horizon() is
    'The position up to which all changes of scores are there: what is committed later comes after it';
grant execute on function pgscore.score_change_horizon() to pgscore_reader;

create function pgscore.score_changes(since text default null, of_model text default null, up_to integer default 1000)
returns table (
    "position" text, binding text, model text, key text, former double precision, score double precision, version integer, at timestamptz
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    line constant text := pgscore._change_line();
    start record;
begin
    if up_to is null or up_to < 1 then
        raise exception 'up_to is a positive number of changes, not %', coalesce(up_to::text, 'NULL') using errcode = 'invalid_parameter_value';
    end if;
    select s.* into start from pgscore._change_since(since, of_model) s;
    return query
        select line || '/' || c.position || '/' || c.ordinal, c.binding, c.model, c.key, c.former, c.score, c.version, c.at
        from pgscore.score_change c
        where (c.position, c.ordinal) > (start.position, start.ordinal)
            -- Below the oldest transaction in flight nothing comes in any more.
            and c.position < pg_snapshot_xmin(pg_current_snapshot())
            and (of_model is null or c.model = of_model)
        order by c.position, c.ordinal
        limit up_to;
end
$$;

comment on function pgscore.score_changes(text, text, integer) is
    'Changes of scores after a position, of one model or of all, in order: of transactions that are over, and so that none comes in before another that was given; NULL: from the first that is there. Go on from the position of the last row';
grant execute on function pgscore.score_changes(text, text, integer) to pgscore_reader;
