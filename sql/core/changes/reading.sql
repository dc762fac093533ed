create function pgscore._change_since(since text, model text, out "position" xid8, out ordinal bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    -- What is there has a number that was given out here, or this is a copy of another cluster's, with its numbers.
    if exists (
        select from pgscore.score_change c
        where c.position > pg_snapshot_xmax(pg_current_snapshot()) and c.position is distinct from pg_current_xact_id_if_assigned()
    ) then
        raise exception 'pgscore.score_change holds changes of another cluster, from which this database was restored'
            using errcode = 'object_not_in_prerequisite_state', hint = 'As an operator: select pgscore.prune_score_changes() takes them away.';
    end if;
    if since is null then
        "position" := '0';
        ordinal := 0;
        return;
    elsif since !~ '^[0-9]{1,18}/[0-9]{1,18}$' then
        raise exception '"%" is no position in the changes of scores', left(since, 50)
            using errcode = 'invalid_parameter_value', hint = 'It is the position of a row that pgscore.score_changes gave, such as 7423/15.';
    end if;
    "position" := split_part(since, '/', 1)::xid8;
    ordinal := split_part(since, '/', 2)::bigint;
    -- Of what is to come, or of another cluster, whose transactions have other numbers.
    if "position" > pg_snapshot_xmax(pg_current_snapshot()) then
        raise exception 'position % is ahead of this database: it was read from another one, or before a restore', since
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Take all scores once, as pgscore export does, and go on from pgscore.score_change_horizon() of before.';
    end if;
    if exists (
        select from pgscore.pruned_change p
        where p.model = coalesce(_change_since.model, p.model) and (_change_since."position", _change_since.ordinal) < (p.position, p.ordinal)
    ) then
        raise exception 'changes after position % were pruned before they were read', since
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Take all scores once, as pgscore export does, and go on from pgscore.score_change_horizon() of before.';
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
    select pg_snapshot_xmin(pg_current_snapshot()) || '/0'
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
    start record;
begin
    if up_to is null or up_to < 1 then
        raise exception 'up_to is a positive number of changes, not %', coalesce(up_to::text, 'NULL') using errcode = 'invalid_parameter_value';
    end if;
    select s.* into start from pgscore._change_since(since, of_model) s;
    return query
        select c.position || '/' || c.ordinal, c.binding, c.model, c.key, c.former, c.score, c.version, c.at
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
