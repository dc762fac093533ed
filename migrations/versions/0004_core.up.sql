-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

alter table pgscore.binding add column notify_above double precision;
alter table pgscore.binding add column notify_below double precision;
alter table pgscore.binding add column changes boolean not null default false;

comment on column pgscore.binding.notify_above is 'NOTIFY pgscore tells of scores that rise above it; NULL: of none';

comment on column pgscore.binding.notify_below is 'NOTIFY pgscore tells of scores that fall below it; NULL: of none';

comment on column pgscore.binding.changes is 'Whether changes of the score are written to pgscore.score_change';

grant insert (
    name, owner, events, profile, model, event_key, profile_key, reducers, score, version, scored_at, timing, on_error, on_missing,
    max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix, columns, notify_above, notify_below, changes
) on pgscore.binding to pgscore_reader;

grant update (
    owner, event_key, profile_key, reducers, score, version, scored_at, columns, timing, on_error, on_missing, max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix,
    notify_above, notify_below, changes
) on pgscore.binding to pgscore_reader;

-- core/tables/crossing.sql
create unlogged table pgscore.crossing (
    transaction xid8 not null default pg_current_xact_id(),
    binding integer not null,
    key text not null,
    former double precision,
    primary key (transaction, binding, key)
);

comment on table pgscore.crossing is 'Scores that crossed a threshold in transactions in flight; taken back at commit, and never seen by another transaction';

comment on column pgscore.crossing.transaction is 'The transaction';

comment on column pgscore.crossing.binding is 'The binding''s number';

comment on column pgscore.crossing.key is 'A hash of the key of the profile row';

comment on column pgscore.crossing.former is 'The score before it crossed first in the transaction';

-- Functions of a profile table's owner write here, each for its own bindings.
grant select, delete on pgscore.crossing to pgscore_reader;

grant insert (binding, key, former) on pgscore.crossing to pgscore_reader;

alter table pgscore.crossing enable row level security;

create policy own_crossings on pgscore.crossing
    using (
        exists (
            select from pgscore.binding b
            where b.number = crossing.binding and pg_has_role(current_user, b.owner::oid, 'usage')
        )
    );

comment on policy own_crossings on pgscore.crossing is 'The owner of a profile table notes what crosses in its rows';

-- core/tables/score_change.sql
create sequence pgscore.score_change_ordinal;

comment on sequence pgscore.score_change_ordinal is 'Orders the changes of scores that have one position';

grant usage on sequence pgscore.score_change_ordinal to pgscore_reader;

-- The position is never less than the transaction that writes, so nothing comes in below the oldest one in flight. And of
-- one row it never falls: who changes a row after another transaction has a snapshot in which that one is completed. The
-- transaction's number alone would not do, since a transaction may change a row after one that began later.
create table pgscore.score_change (
    position xid8 not null default greatest(
        pg_current_xact_id(), (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text::xid8
    ),
    ordinal bigint not null default nextval('pgscore.score_change_ordinal'),
    at timestamptz not null default clock_timestamp(),
    binding text not null,
    owner regrole not null,
    model text not null,
    key text not null,
    former double precision,
    score double precision,
    version integer
) partition by range (at);

create table pgscore.score_change_default partition of pgscore.score_change default;

create index score_change_position on pgscore.score_change (position, ordinal);

comment on table pgscore.score_change is 'Changes of scores, of the bindings that want them told; pgscore.score_changes reads them in order, without gaps';

comment on column pgscore.score_change.position is 'The transaction, or a later one that another change of the row may have had before';

comment on column pgscore.score_change.ordinal is 'Counts up';

comment on column pgscore.score_change.at is 'When';

comment on column pgscore.score_change.binding is 'The binding that told it';

comment on column pgscore.score_change.owner is 'The owner of the binding''s tables';

comment on column pgscore.score_change.model is 'The model';

comment on column pgscore.score_change.key is 'The key of the profile row';

comment on column pgscore.score_change.former is 'The score before; NULL: there was none';

comment on column pgscore.score_change.score is 'The score; NULL: there is none any more, or no such row';

comment on column pgscore.score_change.version is 'The version that gave it; NULL where the binding names no column for it';

comment on table pgscore.score_change_default is 'Changes of times for which no partition was made';

-- Functions of a profile table's owner write here, each for its own bindings.
grant select on pgscore.score_change to pgscore_reader;

grant insert (binding, owner, model, key, former, score, version) on pgscore.score_change to pgscore_reader;

alter table pgscore.score_change enable row level security;

create policy tell_own on pgscore.score_change for insert
    with check (
        pg_get_userbyid(owner) = current_user
        and exists (
            select from pgscore.binding b
            where b.name = score_change.binding and b.owner = score_change.owner and b.model = score_change.model
        )
    );

create policy read_own_changes on pgscore.score_change for select using (pg_has_role(current_user, owner::oid, 'usage'));

create policy read_all_changes on pgscore.score_change for select to pgscore_operator using (true);

comment on policy tell_own on pgscore.score_change is 'The owner of a profile table tells of its rows';

comment on policy read_own_changes on pgscore.score_change is 'Owners, and members of them, read what their bindings told';

comment on policy read_all_changes on pgscore.score_change is 'Operators read what all bindings told';

create table pgscore.pruned_change (
    model text primary key,
    position xid8 not null,
    ordinal bigint not null
);

comment on table pgscore.pruned_change is 'Up to where changes of scores were pruned: who has read less than that has missed some';

comment on column pgscore.pruned_change.model is 'The model';

comment on column pgscore.pruned_change.position is 'The position of the last of those that were pruned';

comment on column pgscore.pruned_change.ordinal is 'Its ordinal';

grant select on pgscore.pruned_change to pgscore_reader;

create table pgscore.change_consumer (
    reader regrole not null default current_user::regrole,
    name text not null,
    position text not null,
    moved_at timestamptz not null default now(),
    primary key (reader, name)
);

comment on table pgscore.change_consumer is 'How far consumers have read the changes of scores; pgscore listen keeps it';

comment on column pgscore.change_consumer.reader is 'Whose consumer it is';

comment on column pgscore.change_consumer.name is 'What it is called';

comment on column pgscore.change_consumer.position is 'The position of the last change that was done with';

comment on column pgscore.change_consumer.moved_at is 'When that was';

grant select, insert, update, delete on pgscore.change_consumer to pgscore_reader;

alter table pgscore.change_consumer enable row level security;

create policy own_positions on pgscore.change_consumer using (pg_has_role(current_user, reader::oid, 'usage'));

create policy read_all_positions on pgscore.change_consumer for select to pgscore_operator using (true);

comment on policy own_positions on pgscore.change_consumer is 'Readers keep the positions of their own consumers';

comment on policy read_all_positions on pgscore.change_consumer is 'Operators see how far each has come';

-- core/binding/templates/tell.sql
create function pgscore._tell_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Tells of scores of {{profile}} that change, whoever changes them. Generated; change it with pgscore.attach.
#variable_conflict use_column
begin
    {{tellings}}
    return null;
end
$template$ $function$;

comment on function pgscore._tell_template() is
    'Template: the trigger function that writes changes of scores to the outbox, and notes those that cross a threshold';

grant execute on function pgscore._tell_template() to pgscore_reader;

create function pgscore._fits_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    -- What is wrong with the columns is found here, and said in one sentence.
    perform where {{bound}} and num_nulls({{read}}) < 0;
exception when others then
    {{unfit}}
end;
$template$ $function$;

comment on function pgscore._fits_one_template() is
    'Template: what a trigger function that tells of scores looks at first';

grant execute on function pgscore._fits_one_template() to pgscore_reader;

create function pgscore._change_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if tg_op = 'TRUNCATE' then
    insert into pgscore.score_change (binding, owner, model, key, former)
    select b.name, b.owner, b.model, {{row_text}}, p.{{score}}
    from pgscore.binding b, {{profile}} p
    where {{known}} and p.tableoid = tg_relid and p.{{score}} is not null and {{row_present}};
elsif tg_op = 'UPDATE' and not ({{moved}}) then
    insert into pgscore.score_change (binding, owner, model, key, former, score, version)
    select b.name, b.owner, b.model, {{new_text}}, old.{{score}}, new.{{score}}, {{version}}
    from pgscore.binding b
    where {{known}} and old.{{score}} is distinct from new.{{score}} and {{new_present}};
else
    -- Under another key, or in another partition, it is another row.
    insert into pgscore.score_change (binding, owner, model, key, former)
    select b.name, b.owner, b.model, {{old_text}}, old.{{score}}
    from pgscore.binding b
    where {{known}} and old.{{score}} is not null and {{old_present}};
    insert into pgscore.score_change (binding, owner, model, key, score, version)
    select b.name, b.owner, b.model, {{new_text}}, new.{{score}}, {{version}}
    from pgscore.binding b
    where {{known}} and new.{{score}} is not null and {{new_present}};
end if;
$template$ $function$;

comment on function pgscore._change_one_template() is
    'Template: the statements that write a change of a score to the outbox';

grant execute on function pgscore._change_one_template() to pgscore_reader;

create function pgscore._crossing_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- On which side it was before the transaction. At commit the trigger that notifies looks where it has got to.
if {{crosses}} then
    insert into pgscore.crossing (binding, key, former)
    select b.number, md5(case tg_op when 'DELETE' then {{old_text}} else {{new_text}} end), old.{{score}}
    from pgscore.binding b
    where {{known}} and case tg_op when 'DELETE' then {{old_present}} else {{new_present}} end
    on conflict do nothing;
end if;
$template$ $function$;

comment on function pgscore._crossing_one_template() is
    'Template: the statement that notes a score that crosses a threshold, the first time in a transaction';

grant execute on function pgscore._crossing_one_template() to pgscore_reader;

create function pgscore._notify_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Notifies of scores of {{profile}} that have crossed a threshold, when the transaction commits. Generated; change it with
-- pgscore.attach.
#variable_conflict use_column
declare
    it record;
    before record;
    now_is record;
begin
    if tg_op = 'DELETE' then
        it := old;
    else
        it := new;
    end if;
    {{notifications}}
    return null;
end
$template$ $function$;

comment on function pgscore._notify_template() is
    'Template: the deferred trigger function that notifies of scores that have crossed a threshold';

grant execute on function pgscore._notify_template() to pgscore_reader;

create function pgscore._notify_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if {{crosses}} then
    -- Noted once, however often it has crossed meanwhile: there and back is no crossing.
    delete from pgscore.crossing c
    where c.transaction = pg_current_xact_id() and c.binding = {{number}} and c.key = md5({{it_text}})
    returning c.former as score into before;
    if found then
        select p.{{score}} as score, {{version}} as version into now_is from {{profile}} p where {{is_it}};
        if found and ({{reached}}) then
            perform pgscore._notify({{model}}, {{it_text}}, now_is.score, now_is.version);
        end if;
    end if;
end if;
$template$ $function$;

comment on function pgscore._notify_one_template() is
    'Template: the statements that notify of a score that has crossed a threshold of a binding';

grant execute on function pgscore._notify_one_template() to pgscore_reader;

create or replace function pgscore._trigger_sql(name text, fires text, relation regclass, details text, function text, says text) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.statement
    from (select details ~ 'initially deferred' as is_deferred) d, lateral (values
        -- A constraint trigger cannot be replaced.
        (0, case when d.is_deferred then format('drop trigger if exists %I on %s', name, relation) end),
        (1, format(
            'create %s trigger %I %s on %s %s execute function %s()', case when d.is_deferred then 'constraint' else 'or replace' end,
            name, fires, relation, details, function
        )),
        (2, format(
            'comment on trigger %I on %s is %L', name, relation, format('pgscore: %s (%s)', says, pgscore._trigger_hash(fires, details))
        ))
    ) as s (step, statement)
    where s.statement is not null
    order by s.step
$$;

-- core/binding/generating/tells.sql
-- What tells of changes of scores: generated for profile tables of which a binding wants it, and for no other.

create function pgscore._threshold_sql(threshold double precision) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
-- All digits, whatever the session has set.
set extra_float_digits = 1
as $$
    select format('%L::double precision', threshold)
$$;

comment on function pgscore._threshold_sql(double precision) is 'SQL for a threshold';

grant execute on function pgscore._threshold_sql(double precision) to pgscore_reader;

create function pgscore._crosses_sql(b pgscore.binding, has_old boolean default true, has_new boolean default true) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- No score is neither above nor below.
    select string_agg(
        case
            when has_old and has_new then format('((old.%1$I %2$s) is true) <> ((new.%1$I %2$s) is true)', b.score, t.beyond)
            else format('(%s.%I %s) is true', case when has_old then 'old' else 'new' end, b.score, t.beyond)
        end, ' or ' order by t.step
    )
    from (values
        (1, '> ' || pgscore._threshold_sql(b.notify_above), b.notify_above), (2, '< ' || pgscore._threshold_sql(b.notify_below), b.notify_below)
    ) as t (step, beyond, threshold)
    where t.threshold is not null
$$;

comment on function pgscore._crosses_sql(pgscore.binding, boolean, boolean) is
    'SQL that says, in a trigger for rows, whether a score crosses a threshold of a binding; NULL where it has none';

grant execute on function pgscore._crosses_sql(pgscore.binding, boolean, boolean) to pgscore_reader;

create function pgscore._tell_triggers(profile regclass)
returns table (name text, function text, fires text, details text, is_on_each boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The first of all AFTER triggers: others may change the row again, and that is to be told after this. An event without a
    -- condition that holds costs a comparison. A condition names no key, or its type could not be changed any more.
    with bindings as (
        select b, b.changes, pgscore._crosses_sql(b) is not null as notifies, b.score
        from pgscore._bindings_of(profile) b where b.changes or num_nonnulls(b.notify_above, b.notify_below) > 0
    ),
    events as (
        select * from (values
            (1, '', 'update', true, true), (2, '_new', 'insert', false, true), (3, '_gone', 'delete', true, false)
        ) as e (step, ending, event, has_old, has_new)
    ),
    conditions as (
        select e.*, (
            select string_agg(distinct c.condition, ' or ')
            from (
                select case e.event
                    when 'update' then format('old.%1$I is distinct from new.%1$I', o.score)
                    else format('%s.%I is not null', case when e.has_old then 'old' else 'new' end, o.score)
                end as condition
                from bindings o where o.changes
                union all
                select 'current_setting(''pgscore.rekeyed'', true) = ''yes''' from bindings o where o.changes and e.event = 'update'
                union all
                select pgscore._crosses_sql(o.b, e.has_old, e.has_new) from bindings o where o.notifies
            ) c
        ) as told, (
            select string_agg(distinct pgscore._crosses_sql(o.b, e.has_old, e.has_new), ' or ') from bindings o where o.notifies
        ) as notified
        from events e
    )
    select '!pgscore_tell' || c.ending, 'tell', 'after ' || c.event, format('for each row when (%s)', c.told), false
    from conditions c where c.told is not null
    union all
    select 'pgscore_notify' || c.ending, 'notify', 'after ' || c.event, format('deferrable initially deferred for each row when (%s)', c.notified), false
    from conditions c where c.notified is not null
    union all
    select 'pgscore_tell_all', 'tell', 'before truncate', 'for each statement', true
    where exists (select from bindings o where o.changes)
$$;

comment on function pgscore._tell_triggers(regclass) is 'The triggers by which a profile table tells of scores that change; none where no binding wants it';

grant execute on function pgscore._tell_triggers(regclass) to pgscore_reader;

create function pgscore._known_here_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema has the functions, and may stand where the number is another binding's, or nobody's.
    select format('b.number = %s and b.profile = %s', b.number, case when pgscore._is_partitioned(b.profile) then 'pg_partition_root(tg_relid)' else 'tg_relid' end)
$$;

comment on function pgscore._known_here_sql(pgscore.binding) is 'SQL that says, in a trigger, whether the row b of pgscore.binding is the one that a function was generated for';

grant execute on function pgscore._known_here_sql(pgscore.binding) to pgscore_reader;

create function pgscore._tell_one_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select concat_ws(
        e'\n', pgscore._fill(pgscore._fits_one_template(), p.parts),
        case when b.changes then pgscore._fill(pgscore._change_one_template(), p.parts) end,
        case when pgscore._crosses_sql(b) is not null then pgscore._fill(pgscore._crossing_one_template(), p.parts) end
    )
    from (select jsonb_build_object(
        'profile', b.profile, 'score', quote_ident(b.score), 'known', pgscore._known_here_sql(b), 'bound', pgscore._bound_sql(b.profile),
        'unfit', pgscore._unfit_sql(b), 'read', concat_ws(
            ', ', 'new.' || quote_ident(b.score), 'new.' || quote_ident(b.version), pgscore._columns_sql(b.profile_key, 'new')
        ),
        'version', coalesce('new.' || quote_ident(b.version), 'null::integer'), 'moved', pgscore._changed_sql(b.profile_key),
        'crosses', coalesce(pgscore._crosses_sql(b), ''),
        'row_text', pgscore._key_text_sql(b.profile_key, 'p'), 'row_present', pgscore._present_sql(b.profile_key, 'p'),
        'old_text', pgscore._key_text_sql(b.profile_key, 'old'), 'old_present', pgscore._present_sql(b.profile_key, 'old'),
        'new_text', pgscore._key_text_sql(b.profile_key, 'new'), 'new_present', pgscore._present_sql(b.profile_key, 'new')
    ) as parts) p
    where b.changes or pgscore._crosses_sql(b) is not null
$$;

comment on function pgscore._tell_one_sql(pgscore.binding) is 'What the trigger function of a profile table does to tell of a score for a binding; NULL where it wants nothing told';

grant execute on function pgscore._tell_one_sql(pgscore.binding) to pgscore_reader;

create function pgscore._notify_one_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._notify_one_template(), jsonb_build_object(
        'number', b.number, 'profile', b.profile, 'model', quote_literal(b.model), 'score', quote_ident(b.score),
        'version', coalesce('p.' || quote_ident(b.version), 'null::integer'), 'crosses', pgscore._crosses_sql(b),
        'it_text', pgscore._key_text_sql(b.profile_key, 'it'), 'is_it', pgscore._match_sql(b.profile_key, 'p', b.profile_key, 'it'),
        'reached', concat_ws(
            ' or ',
            case when b.notify_above is not null then format('now_is.score > %1$s and (before.score > %1$s) is not true', pgscore._threshold_sql(b.notify_above)) end,
            case when b.notify_below is not null then format('now_is.score < %1$s and (before.score < %1$s) is not true', pgscore._threshold_sql(b.notify_below)) end
        )
    ))
    where pgscore._crosses_sql(b) is not null
$$;

comment on function pgscore._notify_one_sql(pgscore.binding) is 'What the deferred trigger function of a profile table does to notify of a score for a binding; NULL where it has no threshold';

grant execute on function pgscore._notify_one_sql(pgscore.binding) to pgscore_reader;

create function pgscore._tell_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.statement
    from (
        select string_agg(pgscore._tell_one_sql(o), e'\n' order by o.number) as tellings, string_agg(pgscore._notify_one_sql(o), e'\n' order by o.number) as notifications
        from pgscore._bindings_of(b.profile) o
    ) c,
        lateral (values
            (1, 'tell', pgscore._tell_template(), 'tells of scores of %s that change', c.tellings),
            (2, 'notify', pgscore._notify_template(), 'notifies of scores of %s that have crossed a threshold', c.notifications)
        ) as t (step, what, template, says, parts),
        lateral pgscore._function_sql(
            pgscore._profile_object(b, t.what) || '()', 'trigger', 'plpgsql volatile',
            pgscore._fill(t.template, jsonb_build_object('profile', b.profile, 'tellings', c.tellings, 'notifications', c.notifications)), format(t.says, b.profile), b.owner
        ) with ordinality as s (statement, ordinal)
    where t.parts is not null
    order by t.step, s.ordinal
$$;

comment on function pgscore._tell_functions_sql(pgscore.binding) is 'What makes the functions by which a profile table tells of scores; nothing where no binding wants it';

grant execute on function pgscore._tell_functions_sql(pgscore.binding) to pgscore_reader;

create or replace function pgscore._profile_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select f.statement
    from (
        select 1 as step, 'apply' as what, f.statement, f.ordinal from pgscore._apply_sql(b) with ordinality as f (statement, ordinal)
        union all
        select 2, 'commit', f.statement, f.ordinal from pgscore._commit_sql(b) with ordinality as f (statement, ordinal)
        union all
        select 9, 'tell', f.statement, f.ordinal from pgscore._tell_functions_sql(b) with ordinality as f (statement, ordinal)
        union all
        select t.step, t.what, s.statement, s.ordinal
        from (
            select
                jsonb_build_object('profile', b.profile, 'queue', pgscore._profile_object(b, 'queue')) as common,
                string_agg(pgscore._rekey_one_sql(o), e'\n' order by o.number) as rekeys,
                string_agg(
                    pgscore._fill(pgscore._arrive_one_template(), jsonb_build_object(
                        'queue', pgscore._profile_object(o, 'queue'), 'number', o.number, 'timing', o.timing,
                        'columns', pgscore._columns_sql(o.profile_key), 'values', pgscore._columns_sql(o.profile_key, 'n'),
                        'fits', (
                            select string_agg(format('n.%1$I = null::%2$s, q.%1$I', k.name, k.type), ', ' order by k.ordinal)
                            from rows from (unnest(o.profile_key), unnest(pgscore._key_types(o.profile, o.profile_key))) with ordinality as k (name, type, ordinal)
                        ), 'unfit', pgscore._unfit_sql(o),
                        'present', pgscore._present_sql(o.profile_key, 'n')
                    )), e'\n' order by o.number
                ) as arrivals,
                string_agg(
                    pgscore._fill(pgscore._forget_one_template(), jsonb_build_object(
                        'number', o.number, 'profile', o.profile, 'key_text', pgscore._key_text_sql(o.profile_key, 'p'), 'unfit', pgscore._unfit_sql(o),
                        'former_text', pgscore._key_text_sql(o.profile_key, 'o')
                    )), e'\n' order by o.number
                ) as deletions
            from pgscore._bindings_of(b.profile) o
        ) c,
            lateral (values
                (3, 'score', pgscore._score_template(), 'scores rows of %s in which what a model reads has changed', jsonb_build_object(
                    'rekeys', c.rekeys,
                    'scores', (select string_agg(pgscore._score_one_sql(t), e'\n' order by t.number) from pgscore._targets_of(b.profile) t)
                )),
                (4, 'arrive', pgscore._arrive_template(), 'has new rows of %s counted', jsonb_build_object('arrivals', c.arrivals)),
                (5, 'forget', pgscore._forget_template(), 'takes deleted rows of %s from the list of stale rows', jsonb_build_object('deletions', c.deletions)),
                (6, 'rekey', pgscore._rekey_template(), 'has rows of %s counted whose key has changed', '{}')
            ) as t (step, what, template, says, parts),
            lateral pgscore._function_sql(
                pgscore._profile_object(b, t.what) || '()', 'trigger', 'plpgsql volatile', pgscore._fill(t.template, c.common || t.parts),
                format(t.says, b.profile), b.owner
            ) with ordinality as s (statement, ordinal)
    ) f
    order by f.step, f.ordinal
$$;

create or replace function pgscore._profile_triggers(b pgscore.binding)
returns table (step integer, name text, fires text, relation regclass, details text, function text, says text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select t.step, t.name, t.fires, t.relation, t.details, pgscore._profile_object(b, t.function),
        format('keeps counters and scores of %s right when its rows themselves change', b.profile),
        pgscore._trigger_state(t.name, t.fires, t.relation, t.details, pgscore._procedure(b.profile_schema, b.profile_prefix || '_' || t.function))
    from (
        -- A parent hands a trigger for each row on to its partitions; statement triggers each table has for itself. Triggers
        -- fire in the order of their names: the one that scores comes last, and sees what the others made of the row.
        select 1 as step, b.profile as relation, '~pgscore_score' as name, 'score' as function, 'before update' as fires, 'for each row' as details
        union all
        select 2, r.relation, t.name, t.function, t.fires, t.details
        from pgscore._partitions(b.profile) as r (relation),
            lateral (values
                ('pgscore_arrive', 'arrive', 'after insert', 'referencing new table as pgscore_new for each statement'),
                ('pgscore_forget', 'forget', 'after delete', 'referencing old table as pgscore_old for each statement'),
                ('pgscore_forget_all', 'forget', 'after truncate', 'for each statement'),
                -- It names no column, or PostgreSQL would refuse to change the type of a key. The trigger that scores has seen
                -- whether a key changes; pgscore's own updates, which are most, do not run it.
                (
                    'pgscore_rekey', 'rekey', 'after update',
                    'for each statement when (current_setting(''pgscore.rekeyed'', true) = ''yes'')'
                )
            ) as t (name, function, fires, details)
        union all
        select 3, r.relation, t.name, t.function, t.fires, t.details
        from pgscore._tell_triggers(b.profile) t, pgscore._partitions(b.profile) as r (relation)
        where t.is_on_each or r.relation = b.profile
    ) t
$$;

-- core/binding/problems/options.sql
create or replace function pgscore._options_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when num_nulls(b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.timing, b.on_error, b.on_missing, b.log, b.changes) > 0
            then 'of the arguments only version, scored_at, max_scoring_ms, backfill, notify_above and notify_below may be NULL'
        -- The names stand in comments of what is generated.
        when b.events::text || b.profile ~ e'[\\n\\r]' then 'tables with a line break in their names cannot be attached'
        when b.model !~ '^[a-z_][a-z0-9_]*$' or octet_length(b.model) > 50 then format('"%s" is no name of a model', b.model)
        when b.timing not in ('commit', 'statement') then format('timing is commit or statement, not "%s"', b.timing)
        when b.on_error not in ('keep', 'abort') then format('on_error is keep or abort, not "%s"', b.on_error)
        when b.on_missing not in ('ignore', 'insert', 'error') then format('on_missing is ignore, insert or error, not "%s"', b.on_missing)
        when b.max_scoring_ms <= 0 then format('max_scoring_ms is a positive number of milliseconds, not %s', b.max_scoring_ms)
        when 'NaN' in (b.notify_above, b.notify_below) then 'notify_above and notify_below are numbers, not NaN'
        when cardinality(b.event_key) = 0 or cardinality(b.event_key) <> cardinality(b.profile_key)
            or array_position(b.event_key, null) is not null or array_position(b.profile_key, null) is not null
            then 'event_key and profile_key name the same number of columns, at least one'
    end
$$;

-- core/binding/problems/tables.sql
create or replace function pgscore._tables_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wrong record;
    found_column pg_catalog.pg_attribute;
begin
    -- What is written at the other server fires no trigger of this one.
    select r.relation, t.parent into wrong
    from (values (1, b.events), (2, b.profile)) as t (step, parent), pgscore._partitions(t.parent) as r (relation)
    join pg_catalog.pg_class c on c.oid = r.relation
    where c.relkind = 'f' order by t.step, c.oid limit 1;
    if found then
        return format(
            '%s is a foreign table%s: attach the tables in the database that holds their rows', wrong.relation,
            case when wrong.relation <> wrong.parent then format(', as a partition of %s', wrong.parent) end
        );
    end if;
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c
    where c.oid in (b.events, b.profile) and (c.relkind not in ('r', 'p') or c.relpersistence <> 'p');
    if found then
        return format('%s is no ordinary table: views, temporary and unlogged tables cannot be attached', wrong.relation);
    elsif b.events = b.profile then
        return 'a table cannot be attached to itself';
    elsif exists (select from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile)) then
        return format(
            'table %s is a partition or inherits: attach its parent',
            (select i.inhrelid::regclass from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile) limit 1)
        );
    end if;
    -- The parent's DELETE sees the rows of children, and an INSERT into a child fires no trigger of the parent's.
    select c.oid::regclass as relation, i.inhrelid::regclass as child into wrong
    from pg_catalog.pg_class c join pg_catalog.pg_inherits i on i.inhparent = c.oid
    where c.oid in (b.events, b.profile) and c.relkind = 'r' limit 1;
    if found then
        return format('table %s has a child, %s, that inherits from it, and rows of children cannot be counted right: use partitions', wrong.relation, wrong.child);
    end if;
    -- Rows that are hidden from their owner would be taken for rows that are not there.
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c where c.oid in (b.events, b.profile) and c.relforcerowsecurity limit 1;
    if found then
        return format(
            'row-level security of table %1$s hides rows from its owner, so its events cannot be counted; run: alter table %1$s no force row level security', wrong.relation
        );
    end if;
    select a.attrelid::regclass as relation, a.attname as name into wrong
    from pg_catalog.pg_attribute a
    where a.attrelid in (b.events, b.profile) and a.attnum > 0 and not a.attisdropped
        and (a.attname in ('pgscore_row', 'pgscore_sign', 'pgscore_transaction', 'pgscore_id', 'pgscore_binding', 'pgscore_task', 'pgscore_runs', 'pgscore_state',
            'pgscore_arrived', 'pgscore_undone', 'pgscore_absolute') or a.attname ~ '^pgscore_former_' or a.attname ~ e'[\\n\\r]')
    limit 1;
    if found then
        return format('column "%s" of table %s has a name that pgscore uses itself: rename it', wrong.name, wrong.relation);
    end if;
    for wrong in
        select n.name, n.type
        from (values (b.score, 'double precision'), (b.version, 'integer'), (b.scored_at, 'timestamp with time zone')) n (name, type)
        where n.name is not null
    loop
        found_column := pgscore._column(b.profile, wrong.name);
        if found_column.attname is null then
            return format(
                'table %1$s has no column "%2$s"; run: alter table %1$s add column %2$I %3$s', b.profile, wrong.name, wrong.type
            );
        elsif found_column.atttypid <> wrong.type::regtype or found_column.attgenerated <> '' or found_column.attnotnull then
            return format('column "%s" of table %s must be %s, nullable and not generated', wrong.name, b.profile, wrong.type);
        end if;
    end loop;
    return null;
end
$$;

-- core/binding/generate.sql
create or replace function pgscore._leftover_triggers(b pgscore.binding) returns table (name name, relation regclass)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema brings triggers along, a renamed table keeps them, and so does a partition that was detached:
    -- what no binding accounts for would count a second time.
    with wanted as (
        select r.relation, t.name
        from pgscore.binding o, pgscore._partitions(o.events) as r (relation),
            unnest(array['insert', 'update', 'delete', 'row', 'truncate']) as w (what),
            lateral (select substr(o.event_prefix::text || '_' || w.what, 2) as name) t
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.events)
        union all
        select r.relation, t.name
        from pgscore.binding o, pgscore._partitions(o.profile) as r (relation),
            unnest(array['~pgscore_score', 'pgscore_arrive', 'pgscore_forget', 'pgscore_forget_all', 'pgscore_rekey']) as t (name)
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.profile)
        union all
        select r.relation, t.name
        from (
            select distinct o.profile from pgscore.binding o join pg_catalog.pg_class c on c.oid = o.profile
            where o.owner = b.owner and (o.changes or num_nonnulls(o.notify_above, o.notify_below) > 0)
        ) o, pgscore._partitions(o.profile) as r (relation), pgscore._tell_triggers(o.profile) t
    )
    select t.tgname, t.tgrelid::regclass
    from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid join pg_catalog.pg_class c on c.oid = t.tgrelid
    where c.relowner = b.owner and t.tgname ~ '^[~!]?pgscore_' and p.proname ~ '^_pgscore_' and not t.tgisinternal
        -- Of other tables only such as were partitions of these.
        and (
            c.oid in (b.events, b.profile)
            or p.oid in (select g.tgfoid from pg_catalog.pg_trigger g where g.tgrelid in (b.events, b.profile))
        )
        and not exists (select from wanted w where w.relation = t.tgrelid and w.name = t.tgname)
$$;

create or replace function pgscore._taken_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format('%s stands where pgscore would make a table of its own, and is none of pgscore''s: rename it', o.name)
    from (values (pgscore._profile_object(b, 'queue'), pgscore._profile_relation(b, 'queue')), (pgscore._profile_object(b, 'arrival'), pgscore._profile_relation(b, 'arrival'))) as o (name, relation)
    join pg_catalog.pg_class c on c.oid = o.relation
    where c.relowner <> b.owner or c.relkind <> 'r' or coalesce(obj_description(c.oid, 'pg_class'), '') !~ '^pgscore: '
    union all
    select format('function %s stands where pgscore would make one, and belongs to %s: drop it', p.oid::regprocedure, p.proowner::regrole)
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where p.proowner <> b.owner and (
        (n.nspname = b.event_schema and p.proname in (select b.event_prefix || '_' || w from unnest(array['insert', 'update', 'delete', 'row', 'truncate', 'recount', 'reconcile']) w))
        or (n.nspname = b.profile_schema and p.proname in (select b.profile_prefix || '_' || w from unnest(array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey', 'tell', 'notify']) w))
    )
    limit 1
$$;

create or replace function pgscore._former_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Their arguments follow keys, reducers and columns: one with others would stay beside the new one.
    select format('drop function if exists %s', p.oid::regprocedure)
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where p.proowner = b.owner and (
        (n.nspname = b.event_schema and p.proname in (b.event_prefix || '_recount', b.event_prefix || '_reconcile'))
        or (n.nspname = b.profile_schema and p.proname = b.profile_prefix || '_apply')
        -- No binding wants it any more; its triggers are gone.
        or (
            n.nspname = b.profile_schema and p.proname in (b.profile_prefix || '_tell', b.profile_prefix || '_notify')
            and not exists (select from pgscore._tell_triggers(b.profile) t where p.proname = b.profile_prefix || '_' || t.function)
        )
    )
$$;

-- core/binding/compare.sql
create or replace function pgscore._function_states(b pgscore.binding) returns table (object text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with statements as (
        select s from pgscore._event_functions_sql(b) s
        union all select s from pgscore._reconcile_sql(b) s
        union all select s from pgscore._profile_functions_sql(b) s
    ),
    wanted as (
        select n.schema, n.name, c.s as makes, substring(m.s from '[(]([0-9a-f]{32})[)]''$') as hash, split_part(c.s, e'\n', 2) as posture
        from (
            select b.event_schema as schema, b.event_prefix || '_' || w as name
            from unnest(case when pgscore._is_partitioned(b.events) then array['row'] else array['insert', 'update', 'delete'] end
                || array['truncate', 'recount', 'reconcile']) w
            union all
            select b.profile_schema, b.profile_prefix || '_' || w from unnest(array['apply', 'commit', 'score', 'arrive', 'forget', 'rekey', 'tell', 'notify']) w
        ) n
        join statements c on starts_with(c.s, format('create or replace function %I.%I(', n.schema, n.name))
        join statements m on starts_with(m.s, format('comment on function %I.%I(', n.schema, n.name))
    )
    select coalesce(p.oid::regprocedure::text, format('%I.%I', w.schema, w.name)), case
            when p.oid is null then 'missing'
            when md5(p.prosrc) is distinct from o.hash then 'edited'
            when p.proowner <> b.owner or not p.prosecdef or has_function_privilege('public', p.oid, 'execute')
                or (p.provolatile = 's') <> (w.posture ~ ' stable')
                or array(select c from unnest(p.proconfig) c order by c collate "C") <> array(
                    select m[1] || '=' || m[2] from regexp_matches(w.posture, ' set ([a-z_]+) = (pg_catalog, pg_temp|[^ ]+)', 'g') m
                    order by (m[1] || '=' || m[2]) collate "C"
                )
            then 'altered'
            when o.hash <> w.hash
                -- Arguments follow the types of columns, and have no length of their own.
                or not starts_with(
                    regexp_replace(w.makes, E'[(]\\d+(,\\d+)?[)]', '', 'g'),
                    format('create or replace function %I.%I(%s)', w.schema, w.name, replace(pg_get_function_arguments(p.oid), 'OUT ', 'out '))
                )
            then 'outdated'
            else 'ok'
        end
    from wanted w
    left join pg_catalog.pg_namespace n on n.nspname = w.schema
    left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = w.name,
        lateral (select substring(obj_description(p.oid, 'pg_proc') from '[(]([0-9a-f]{32})[)]$') as hash) o
$$;

create or replace function pgscore._note_binding(b pgscore.binding, former pgscore.binding) returns pgscore.binding
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    b.number := former.number;
    select n.nspname into b.event_schema from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = b.events;
    select n.nspname into b.profile_schema from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = b.profile;
    b.event_prefix := coalesce(former.event_prefix, pgscore._event_prefix(b));
    b.profile_prefix := pgscore._profile_prefix(b.profile);
    if former.number is not null then
        update pgscore.binding o
        set owner = b.owner, timing = b.timing, on_error = b.on_error, on_missing = b.on_missing, max_scoring_ms = b.max_scoring_ms, log = b.log,
            notify_above = b.notify_above, notify_below = b.notify_below, changes = b.changes,
            event_schema = b.event_schema, event_prefix = b.event_prefix, profile_schema = b.profile_schema, profile_prefix = b.profile_prefix,
            columns = pgscore._column_numbers(b)
        where o.number = former.number
        returning o.* into b;
        -- A table that was moved has its functions and its queue beside it again, for all its bindings.
        update pgscore.binding o set profile_schema = b.profile_schema where o.profile = b.profile and o.profile_schema <> b.profile_schema;
        return b;
    end if;
    -- The event table's name, where that is enough.
    b.name := (
        select n.name
        from (values
            (1, b.events::text), (2, format('%s to %s', b.events, b.profile)), (3, format('%s to %s for %s', b.events, b.profile, b.model)),
            (4, format('%s to %s for %s (%s)', b.events, b.profile, b.model, b.events::oid))
        ) as n (step, name)
        where not exists (select from pgscore.binding o where o.owner = b.owner and o.name = n.name)
        order by n.step limit 1
    );
    insert into pgscore.binding (
        name, owner, events, profile, model, event_key, profile_key, reducers, score, version, scored_at, timing, on_error, on_missing,
        max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix, columns, notify_above, notify_below, changes
    ) values (
        b.name, b.owner, b.events, b.profile, b.model, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing,
        b.on_error, b.on_missing, b.max_scoring_ms, b.log, b.event_schema, b.event_prefix, b.profile_schema, b.profile_prefix,
        pgscore._column_numbers(b), b.notify_above, b.notify_below, b.changes
    )
    returning number into b.number;
    return b;
end
$$;

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null, without_index boolean default false,
    notify_above double precision default null, notify_below double precision default null, changes boolean default false
) returns text
language plpgsql volatile
-- Compiling the generators' queries would take longer than all the rest.
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    b pgscore.binding;
    former pgscore.binding;
    queue regclass;
    moved text[];
    at_once boolean := true;
    is_indexed boolean := true;
    profiles bigint;
    held bigint;
    began constant pg_snapshot := pg_current_snapshot();
begin
    b.model := model;
    b.events := events;
    b.profile := profile;
    b.event_key := event_key;
    b.profile_key := profile_key;
    b.reducers := reducers;
    b.score := score;
    b.version := version;
    b.scored_at := scored_at;
    b.timing := timing;
    b.on_error := on_error;
    b.on_missing := on_missing;
    b.max_scoring_ms := max_scoring_ms;
    b.log := log;
    b.notify_above := notify_above;
    b.notify_below := notify_below;
    b.changes := changes;
    perform pgscore._refuse(pgscore._options_problem(b));
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'tables are attached in READ COMMITTED only: an older snapshot misses events that were committed meanwhile'
            using errcode = 'feature_not_supported';
    end if;
    perform pgscore._check_owner(events, profile);
    b.owner := (select c.relowner from pg_catalog.pg_class c where c.oid = profile);
    perform pgscore._check_rights(b.owner, events, profile);
    perform pgscore._lock_owner(b.owner);
    perform pgscore._follow_columns(profile);
    select o.* into former from pgscore.binding o where o.events = b.events and o.profile = b.profile and o.model = b.model;
    if (former.event_key, former.profile_key, former.reducers, former.score, former.version, former.scored_at)
        is distinct from (b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at) and former.number is not null
    then
        raise exception 'table % is attached to % for model "%" with other keys, reducers or columns', b.events, b.profile, b.model
            using errcode = 'duplicate_object', hint = format('select pgscore.detach(%L, %L) detaches them.', b.events, b.profile);
    end if;
    b.number := former.number;
    perform pgscore._refuse(pgscore._tables_problem(b));
    -- Nobody changes them any more, for instance to hide rows by a policy that would run with the caller's rights.
    perform pgscore._lock_tables(array[events, profile], 'access share', '{}');
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._table_keys_problem(b));
    perform pgscore._refuse(pgscore._reducers_problem(b));
    perform pgscore._refuse(pgscore._columns_problem(b));
    perform pgscore._check_shared(b);
    if former.number is null then
        is_indexed := pgscore._check_index(b, without_index is true);
        if backfill is null then
            profiles := pgscore._rows_up_to(profile, 10000);
            held := pgscore._rows_up_to(events, 100000);
            -- Without an index each profile costs a look at all events.
            at_once := profiles <= 10000 and held <= 100000 and (is_indexed or profiles * held <= 20000000);
        else
            at_once := backfill;
        end if;
    end if;
    moved := array(select pgscore._forget_gone(b));
    b := pgscore._note_binding(b, former);
    moved := moved || array(
        select pgscore._drop_binding_sql(former) where former.event_schema <> b.event_schema
        union all
        select pgscore._drop_profile_sql(former) where former.profile_schema <> b.profile_schema
    );
    perform pgscore._add_profile(model, profile);
    if not at_once then
        -- Before the tables are locked, because it takes its time.
        perform pgscore._list_uncounted(b, '');
    end if;
    queue := pgscore._profile_relation(b, 'queue');
    perform pgscore._settle(queue);
    -- Whoever has queued something for the profile table is over then.
    perform pgscore._lock_tables(array[events, profile], 'share row exclusive', array_remove(array[queue], null));
    perform pgscore._run_all(moved);
    perform pgscore._generate(b);
    -- What is wrong with the reducers' SQL, such as a value that is none of its column's type, is to be wrong now.
    execute format('select from %s(%s, true)', pgscore._event_object(b, 'recount'), (
        select string_agg('null', ', ') from generate_subscripts(b.event_key, 1)
    ));
    if former.number is null and at_once then
        -- The tables are locked, so nobody adds to what is counted until the transaction commits.
        perform pgscore._run_all(array(select pgscore._backfill_sql(b)));
    elsif former.number is null then
        -- Rows that were committed meanwhile: they are as young as the oldest transaction that was open before.
        perform pgscore._list_uncounted(b, format(' and age(p.xmin) <= age(%L::xid)', pg_snapshot_xmin(began)::xid));
    end if;
    perform pgscore._advise(b.number);
    return b.name;
end
$$;

comment on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean) is
    'Attaches an event table to a profile table by keys of several columns; see the function for keys of one column';

grant execute on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean)
    to pgscore_reader;

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null, without_index boolean default false,
    notify_above double precision default null, notify_below double precision default null, changes boolean default false
) returns text
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore.attach(
        model, events, profile, array[event_key], array[profile_key], reducers, score, version, scored_at, timing, on_error,
        on_missing, max_scoring_ms, log, backfill, without_index, notify_above, notify_below, changes
    )
$$;

comment on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean) is
    'Attaches an event table to a profile table of the same owner, who calls it, or a member: from now on its events move columns of the profile and the score of a model. Called again, it changes timing, policies, log and what is told, and mends triggers. backfill: count in this transaction what the tables hold (true), later by pgscore.reconcile (false), or as their size says (NULL). without_index: whether a large table is attached although no index finds the events of a profile. notify_above, notify_below: NOTIFY pgscore tells of scores that cross them. changes: whether changes of the score are written to pgscore.score_change';

grant execute on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean, double precision, double precision, boolean)
    to pgscore_reader;

create or replace function pgscore.reattach(events regclass, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pgscore._check_owner(events, profile);
    perform pgscore._lock_owner((select c.relowner::regrole from pg_catalog.pg_class c where c.oid = profile));
    perform pgscore._follow_columns(profile);
    perform pgscore.attach(
        b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing,
        b.on_error, b.on_missing, b.max_scoring_ms, b.log, notify_above => b.notify_above, notify_below => b.notify_below,
        changes => b.changes
    )
    from pgscore.binding b where b.events = reattach.events and b.profile = reattach.profile;
    if not found then
        raise exception 'table % is not attached to %', events, profile using errcode = 'undefined_object';
    end if;
end
$$;

create or replace function pgscore._drop_profile_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._drop_functions_sql(
        b.profile_schema, b.profile_prefix, array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey', 'tell', 'notify'], b.owner
    )
    union all
    select format('drop table %s', pgscore._profile_object(b, w.what))
    from unnest(array['queue', 'arrival']) as w (what)
    join pg_catalog.pg_class c on c.oid = pgscore._profile_relation(b, w.what)
    where c.relowner = b.owner and c.relkind = 'r'
$$;

create or replace function pgscore._generated_objects(b pgscore.binding) returns table (kind text, object text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with functions as (
        select p.oid
        from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where p.proowner = b.owner and (
            (n.nspname = b.event_schema and p.proname in (
                select b.event_prefix || '_' || e from unnest(array['insert', 'update', 'delete', 'row', 'truncate', 'recount', 'reconcile']) e
            ))
            or (n.nspname = b.profile_schema and p.proname in (
                select b.profile_prefix || '_' || e from unnest(array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey', 'tell', 'notify']) e
            ))
        )
    )
    select 'trigger', format('%I on %s', t.tgname, t.tgrelid::regclass)
    from pg_catalog.pg_trigger t where t.tgfoid in (select f.oid from functions f) and t.tgparentid = 0
    union
    select 'function', f.oid::regprocedure::text from functions f
    union
    select 'table', q.relation::text
    from unnest(array['queue', 'arrival']) as w (what), lateral (select pgscore._profile_relation(b, w.what) as relation) q
    where q.relation is not null
$$;

-- core/batch/partitions.sql
-- Tables of pgscore's that are partitioned by time: TABLE_YYYYMMDD, and a default partition for all other times.

create function pgscore._time_key(parent name) returns name
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select a.attname
    from pg_catalog.pg_partitioned_table p join pg_catalog.pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
    where p.partrelid = pgscore._relation('pgscore', parent) and p.partstrat = 'r'
$$;

comment on function pgscore._time_key(name) is 'The column of the time by which a table of pgscore''s is partitioned; NULL where it is not';

create function pgscore._make_partitions(parent name, step interval default '1 day', ahead integer default 7) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC' set datestyle = 'ISO' set lock_timeout = '2s'
as $$
declare
    key constant name := pgscore._time_key(parent);
    begins timestamptz;
    made integer := 0;
    partition name;
    bounds text;
begin
    if key is null then
        raise exception 'pgscore.% is no table that is partitioned by time', parent using errcode = 'undefined_table';
    end if;
    for begins in select date_trunc('day', now()) + n * step from generate_series(0, ahead) n loop
        partition := format('%s_%s', parent, to_char(begins, 'YYYYMMDD'));
        if pgscore._relation('pgscore', partition) is not null then
            continue;
        end if;
        bounds := format('from (%L) to (%L)', begins, begins + step);
        -- What the default partition holds of that time moves.
        execute format('create table pgscore.%I (like pgscore.%I including defaults including constraints)', partition, parent);
        execute format(
            'with moved as (delete from pgscore.%I where %I >= %L and %2$I < %4$L returning *) insert into pgscore.%5$I select * from moved',
            parent || '_default', key, begins, begins + step, partition
        );
        execute format('alter table pgscore.%I attach partition pgscore.%I for values %s', parent, partition, bounds);
        execute format('comment on table pgscore.%I is %L', partition, format('A partition of pgscore.%s', parent));
        made := made + 1;
    end loop;
    return made;
end
$$;

comment on function pgscore._make_partitions(name, interval, integer) is
    'Makes the partitions of a table of pgscore''s for now and for so many steps ahead, where they are missing; says how many it made';

grant execute on function pgscore._make_partitions(name, interval, integer) to pgscore_operator;

create function pgscore._drop_partitions(parent name, older_than interval) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC' set datestyle = 'ISO' set lock_timeout = '2s'
as $$
declare
    key constant name := pgscore._time_key(parent);
    partition record;
    dropped integer := 0;
begin
    if key is null then
        raise exception 'pgscore.% is no table that is partitioned by time', parent using errcode = 'undefined_table';
    end if;
    for partition in
        select c.relname as name
        from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid,
            lateral (select substring(pg_get_expr(c.relpartbound, c.oid) from 'TO [(]''([^'']+)''[)]')::timestamptz as ends) b
        where i.inhparent = pgscore._relation('pgscore', parent) and b.ends <= now() - older_than
    loop
        execute format('drop table pgscore.%I', partition.name);
        dropped := dropped + 1;
    end loop;
    execute format('delete from pgscore.%I where %I < %L', parent || '_default', key, now() - older_than);
    return dropped;
end
$$;

comment on function pgscore._drop_partitions(name, interval) is
    'Drops the partitions of a table of pgscore''s that hold nothing younger, and what is as old in the default partition; says how many it dropped';

grant execute on function pgscore._drop_partitions(name, interval) to pgscore_operator;

-- core/changes/notify.sql
create function pgscore._prepares() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Without a backslash, which a session may read otherwise.
    select '[[:<:]]prepare[[:>:]]([[:space:]]|/[*].*[*]/|--.*)+[[:<:]]transaction[[:>:]]'
$$;

comment on function pgscore._prepares() is 'The regular expression of PREPARE TRANSACTION';

grant execute on function pgscore._prepares() to pgscore_reader;

create function pgscore._notify(model text, key text, score double precision, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- All digits of the score, whatever the session has set.
set extra_float_digits = 1
as $$
begin
    -- PostgreSQL does not prepare a transaction that has notified: one that is prepared tells nobody. The command is all
    -- that says so before it is over.
    if current_setting('max_prepared_transactions') <> '0' and current_query() ~* pgscore._prepares() then
        return;
    end if;
    -- 8,000 bytes are too many for PostgreSQL, and a character is six of JSON at most.
    perform pg_notify('pgscore', case
        when octet_length(key) <= 1000 then json_build_object('model', model, 'key', key, 'score', score, 'version', version)
        else json_build_object('model', model, 'key', left(key, 1000), 'score', score, 'version', version, 'key_md5', md5(key))
    end::text);
end
$$;

comment on function pgscore._notify(text, text, double precision, integer) is
    'Tells whoever listens to the channel pgscore of a score; of a key of more than 1000 bytes the first 1000 characters and the md5';

grant execute on function pgscore._notify(text, text, double precision, integer) to pgscore_reader;

-- core/changes/reading.sql
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

-- core/changes/pruning.sql
create function pgscore.prune_score_changes(older_than interval default '30 days') returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
    if older_than is null or older_than < '0' then
        raise exception 'older_than is an age, not %', coalesce(older_than::text, 'NULL') using errcode = 'invalid_parameter_value';
    end if;
    -- Who has read less than what goes is told so.
    insert into pgscore.pruned_change as p (model, position, ordinal)
    select distinct on (c.model) c.model, c.position, c.ordinal
    from pgscore.score_change c where c.at < now() - older_than
    order by c.model, c.position desc, c.ordinal desc
    on conflict (model) do update set position = excluded.position, ordinal = excluded.ordinal
    where (p.position, p.ordinal) < (excluded.position, excluded.ordinal);
    -- A dump brings what another cluster has numbered, which would come in later, behind what is newer.
    delete from pgscore.score_change c
    where c.position > pg_snapshot_xmax(pg_current_snapshot()) and c.position is distinct from pg_current_xact_id_if_assigned();
    perform pgscore._make_partitions('score_change', '1 day', 7);
    return pgscore._drop_partitions('score_change', older_than);
end
$$;

comment on function pgscore.prune_score_changes(interval) is
    'Drops changes of scores that are older, read or not, and those of another cluster, from which the database was restored; makes partitions ahead; says how many partitions it dropped';

grant execute on function pgscore.prune_score_changes(interval) to pgscore_operator;

create or replace function pgscore._doctor_wanted() returns table (
    number integer, relation regclass, is_partition boolean, name text, function oid, called text, purpose text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Of partitioned events the parent hands on a trigger for rows, and none for statements.
    select b.number, r.member, r.is_partition, substr(b.event_prefix || '_' || w.what, 2),
        pgscore._doctor_function(b.event_schema, b.event_prefix, w.what), b.event_prefix || '_' || w.what, case w.what when 'truncate' then 'truncate' else 'count' end
    from pgscore.binding b
    join pg_catalog.pg_class c on c.oid = b.events,
        (values ('insert', false), ('update', false), ('delete', false), ('row', true), ('truncate', null)) as w (what, partitioned),
        pgscore._doctor_family(b.events) r
    where coalesce(w.partitioned = (c.relkind = 'p'), true)
    union all
    select b.number, r.member, r.is_partition, w.name, pgscore._doctor_function(b.profile_schema, b.profile_prefix, w.what),
        b.profile_prefix || '_' || w.what, w.what
    from (select distinct on (o.profile) o.* from pgscore.binding o order by o.profile, o.number) b
    join pg_catalog.pg_class c on c.oid = b.profile,
        (values
            ('~pgscore_score', 'score'), ('pgscore_arrive', 'arrive'), ('pgscore_forget', 'forget'), ('pgscore_forget_all', 'forget'),
            ('pgscore_rekey', 'rekey')
        ) as w (name, what),
        pgscore._doctor_family(b.profile) r
    union all
    select b.number, r.member, r.is_partition, t.name, pgscore._doctor_function(b.profile_schema, b.profile_prefix, t.function),
        b.profile_prefix || '_' || t.function, t.function
    from (select distinct on (o.profile) o.* from pgscore.binding o order by o.profile, o.number) b
    join pg_catalog.pg_class c on c.oid = b.profile,
        pgscore._tell_triggers(b.profile) t, pgscore._doctor_family(b.profile) r
    union all
    select b.number, c.oid::regclass, false, w.name, pgscore._doctor_function(b.profile_schema, b.profile_prefix, 'commit'),
        b.profile_prefix || '_commit', 'commit'
    from (select distinct on (o.profile) o.* from pgscore.binding o order by o.profile, o.number) b
    join pg_catalog.pg_namespace n on n.nspname = b.profile_schema
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = b.profile_prefix || '_queue',
        (values ('pgscore_commit'), ('pgscore_statement')) as w (name)
$$;

create or replace function pgscore._doctor_left_over() returns table (
    relation text, owner text, names text[], events text, profile text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema brings triggers along, and a partition that was detached keeps those that stand on each partition.
    select t.tgrelid::regclass::text, c.relowner::regrole::text, array_agg(quote_ident(t.tgname) order by t.tgname),
        min(b.events), min(b.profile)
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_proc p on p.oid = t.tgfoid
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    left join lateral (
        select o.events::text as events, o.profile::text as profile
        from pgscore.binding o join pg_catalog.pg_class e on e.oid = o.events and e.relkind = 'p'
        where n.nspname = o.event_schema and p.proname = o.event_prefix || '_truncate'
    ) b on true
    where t.tgname ~ '^[~!]?pgscore_' and p.proname ~ '^_pgscore_' and t.tgparentid = 0 and not t.tgisinternal
        and coalesce(obj_description(t.tgrelid, 'pg_class'), '') !~ '^pgscore: '
        and not exists (select from pgscore._doctor_wanted() w where w.relation = t.tgrelid and w.name = t.tgname)
        -- What is left of a binding whose table was dropped goes with the binding.
        and not exists (
            select from pgscore.binding o
            where (o.events = t.tgrelid or o.profile = t.tgrelid)
                and (select count(*) from pg_catalog.pg_class x where x.oid in (o.events, o.profile)) < 2
        )
    group by t.tgrelid, c.relowner
    order by 1
$$;

-- core/doctor/functions.sql
-- The functions that attach generates: whether they are there, are what it would make now, and have their guards.

create or replace function pgscore._doctor_generated() returns table (
    number integer, owner oid, name text, function oid, is_shared boolean, wanted_owner oid
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.number, p.proowner, format('%I.%I', w.schema, w.prefix || '_' || w.what), p.oid, w.is_shared, b.owner::oid
    from pgscore.binding b
    join pg_catalog.pg_class c on c.oid = b.events
    join pg_catalog.pg_class o on o.oid = b.profile,
        lateral (
            select b.event_schema as schema, b.event_prefix as prefix, e as what, false as is_shared
            from unnest(case c.relkind when 'p' then array['row'] else array['insert', 'update', 'delete'] end
                || array['truncate', 'recount', 'reconcile']) e
            union all
            -- What the bindings of a profile table share is told of the first of them.
            select b.profile_schema, b.profile_prefix, e, true
            from (
                select unnest(array['apply', 'commit', 'score', 'arrive', 'forget', 'rekey']) union select t.function from pgscore._tell_triggers(b.profile) t
            ) as w (e)
            where b.number = (
                select min(f.number) from pgscore.binding f join pg_catalog.pg_class x on x.oid = f.events where f.profile = b.profile
            )
        ) w
    left join pg_catalog.pg_namespace n on n.nspname = w.schema
    left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = w.prefix || '_' || w.what
$$;

drop function pgscore.attach(model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name, version name, scored_at name, timing text, on_error text, on_missing text, max_scoring_ms integer, log boolean, backfill boolean, without_index boolean);

drop function pgscore.attach(model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name, version name, scored_at name, timing text, on_error text, on_missing text, max_scoring_ms integer, log boolean, backfill boolean, without_index boolean);

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- core/become_oneself.sql
reset search_path;

reset role;
