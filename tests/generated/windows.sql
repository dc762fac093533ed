-- The members of tests/bindings/windows.py, with windows of time.

create table visits._pgscore_member_arrival (
    slot integer not null,
    transaction xid8,
    constraint _pgscore_member_arrival_pkey PRIMARY KEY (slot)
) with (fillfactor=50);
comment on column visits._pgscore_member_arrival.slot is 'What keys hash to';
comment on column visits._pgscore_member_arrival.transaction is 'The transaction that changed the row last';
alter table visits._pgscore_member_arrival owner to shop_owner;
-- rights: {shop_owner=arwdDxt/shop_owner}
comment on table visits._pgscore_member_arrival is 'pgscore: new rows of visits.member, and events that find no row, change the row that their key hashes to; of two at the same time the later one waits, and then sees the other';

create unlogged table visits._pgscore_member_queue (
    pgscore_transaction xid8 default pg_current_xact_id() not null,
    pgscore_id bigint generated always as identity not null,
    pgscore_binding integer not null,
    pgscore_task text not null,
    pgscore_runs text,
    id bigint,
    n bigint,
    pgscore_former_1 bigint
) with (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_insert_threshold=-1, vacuum_truncate=false);
CREATE INDEX _pgscore_member_queue_pgscore_transaction_pgscore_id_idx ON visits._pgscore_member_queue USING btree (pgscore_transaction, pgscore_id);
comment on column visits._pgscore_member_queue.pgscore_transaction is 'The transaction';
comment on column visits._pgscore_member_queue.pgscore_id is 'Counts up';
comment on column visits._pgscore_member_queue.pgscore_binding is 'The number of the binding; 0: it concerns all of the table';
comment on column visits._pgscore_member_queue.pgscore_task is 'move: add the deltas; undo: those that can be taken away, and recount the rest; recount: all of a profile; recount all: of every profile; arrive, rekey: a profile is new or has a new key; rekeyed: it is stored with it; scored: rows are being stored with their scores';
comment on column visits._pgscore_member_queue.pgscore_runs is 'When what is queued is done because of this row: at commit, or at the end of the statement; last: after all triggers of the statement; NULL: because of another row';
comment on column visits._pgscore_member_queue.id is 'Of the profile''s key';
comment on column visits._pgscore_member_queue.n is 'What events of visits.visit bring to it';
comment on column visits._pgscore_member_queue.pgscore_former_1 is 'For rekey: what id was before';
alter table visits._pgscore_member_queue owner to shop_owner;
-- rights: {shop_owner=arwdDxt/shop_owner}
comment on table visits._pgscore_member_queue is 'pgscore: what transactions in flight bring to visits.member; written by triggers, taken back at commit, never seen by another transaction (<hash>)';

create unlogged sequence visits._pgscore_member_queue_pgscore_id_seq (
    last_value bigint not null,
    log_cnt bigint not null,
    is_called boolean not null
);
alter sequence visits._pgscore_member_queue_pgscore_id_seq owner to shop_owner;
-- rights: of the owner
comment on sequence visits._pgscore_member_queue_pgscore_id_seq is null;

CREATE OR REPLACE FUNCTION pgscore._rescore(model text, former visits.member, present visits.member, forced boolean)
 RETURNS double precision[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select pgscore._late_rescore($1, $3)$function$;
alter function pgscore._rescore(text,visits.member,visits.member,boolean) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore._rescore(text,visits.member,visits.member,boolean) is 'Score and version of a row of visits.member; NULL if what the model reads has not changed, or no version is promoted';

CREATE OR REPLACE FUNCTION pgscore._score_rows(model text, profiles visits.member[])
 RETURNS pgscore.scored
 LANGUAGE sql
 STABLE PARALLEL RESTRICTED
AS $function$select pgscore._late_rows($1, $2)$function$;
alter function pgscore._score_rows(text,visits.member[]) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore._score_rows(text,visits.member[]) is 'Scores of rows of visits.member and the version that gave them; NULL where no version is promoted';

CREATE OR REPLACE FUNCTION pgscore.score(model text, profile visits.member)
 RETURNS double precision
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select pgscore._late_score($1, $2)$function$;
alter function pgscore.score(text,visits.member) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore.score(text,visits.member) is 'The score that a model''s serving version gives for a row of visits.member';

CREATE OR REPLACE FUNCTION pgscore_models."visits rescore"(former visits.member, present visits.member, forced boolean)
 RETURNS double precision[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select pgscore._late_rescore('visits', $2)$function$;
alter function pgscore_models."visits rescore"(visits.member,visits.member,boolean) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore_models."visits rescore"(visits.member,visits.member,boolean) is 'Model "visits", without a version that answers: score and version of a row of visits.member, if what the model reads has changed; without a score, ask for an array of one row';

CREATE OR REPLACE FUNCTION pgscore_models."visits rows"(profiles visits.member[])
 RETURNS pgscore.scored
 LANGUAGE plpgsql
 STABLE PARALLEL RESTRICTED
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin
    return pgscore._late_rows('visits', $1);
end$function$;
alter function pgscore_models."visits rows"(visits.member[]) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore_models."visits rows"(visits.member[]) is 'Model "visits", without a version that answers: rows of visits.member, with the version and the reasons of refusals';

CREATE OR REPLACE FUNCTION visits._pgscore_member_apply(given visits._pgscore_member_queue[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET plan_cache_mode TO 'auto'
 SET jit TO 'off'
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Locks the profiles of visits.member that the work names, in one order for all transactions, finds them as they will
-- stand, and changes them in one UPDATE, with their scores. Without work it takes what the transaction queued.
-- Generated; change it with pgscore.attach.
#variable_conflict use_column
<<here>>
declare
    work visits._pgscore_member_queue[] := $1;
    again boolean := coalesce(nullif(current_setting('pgscore.recounted', true), '') = extract(epoch from statement_timestamp())::text, false);
    slots integer[];
    locked visits.member[];
    moved visits.member[];
    changed boolean[];
    item record;
    one visits.member;
    touched boolean;
    serving boolean;
    mark bigint;
    first integer;
    size integer;
    answer record;
    failure text;
    every_2 boolean;
    instant timestamptz;
    names_2 text[];
    scores_2 double precision[];
    versions_2 integer[];
    reasons_2 text[];
begin
    if work is null then
        with taken as (
            delete from visits._pgscore_member_queue pgscore_row
            where pgscore_row.pgscore_transaction = pg_current_xact_id() and pgscore_row.pgscore_task <> 'scored'
            returning pgscore_row as work
        )
        select array_agg(t.work) into work from taken t;
    end if;
    -- A plan for any number of rows would compare each row with each.
    if cardinality(work) > 50 or exists (select from unnest(here.work) w where w.pgscore_task = 'recount all') then
        perform set_config('plan_cache_mode', 'force_custom_plan', true);
    end if;
    -- One statement may fire several triggers, as ON CONFLICT, MERGE and writable CTEs do. Where constraints are
    -- immediate, or work is done at the end of each statement, what one has recounted a later one would add again.
    if not again and exists (select from unnest(here.work) w where w.pgscore_task <> 'move') then
        perform set_config('pgscore.recounted', extract(epoch from statement_timestamp())::text, true);
    end if;
    -- Who deleted a profile that was locked may have made it anew: then it is another row, which no snapshot of here has
    -- seen, or one that is yet to come.
    loop
        -- A profile may come in a transaction that runs at the same time as one with its event: each would miss what the other
        -- brings. Both change the slot of the key: the later one waits here and then sees the other, or, with an older snapshot,
        -- fails with 40001. A TRUNCATE of events has to meet all new profiles.
        slots := array(
            select hashtext(w.id::text) & 63 from unnest(here.work) w
            where w.pgscore_binding in (2) and w.id is not null
                and (w.pgscore_task in ('arrive', 'rekey') or not exists (select from visits.member p where p.id = w.id))
            union
            select generate_series(0, 63) where exists (select from unnest(here.work) w where w.pgscore_task = 'recount all')
        );
        if cardinality(slots) > 0 then
            perform from visits._pgscore_member_arrival a where a.slot = any (here.slots) order by a.slot for update;
            update visits._pgscore_member_arrival a set transaction = pg_current_xact_id()
            where a.slot = any (here.slots) and a.transaction is distinct from pg_current_xact_id();
        end if;
        -- All or some: a plan for both would read the whole table each time.
        if exists (select from unnest(here.work) w where w.pgscore_task = 'recount all') then
            select array_agg(l.pgscore_row) into locked
            from (select pgscore_row from visits.member pgscore_row order by pgscore_row.id for no key update) l;
        else
            select array_agg(l.pgscore_row) into locked
            from (
                select pgscore_row from visits.member pgscore_row
                where (pgscore_row.id) = any (array(select w.id from unnest(here.work) w where w.pgscore_binding in (2)))
                order by pgscore_row.id for no key update
            ) l;
        end if;
        exit when not (
            exists (
                select from unnest(here.work) w
                where w.pgscore_binding in (2) and w.id is not null and hashtext(w.id::text) & 63 <> all (here.slots) and pg_typeof('visits.member'::regclass) is not null
                    and not exists (select from unnest(here.locked) as p where p.id = w.id)
            )
        );
    end loop;
    -- One for all windows, read when the rows are locked: for a profile it never runs backwards.
    instant := clock_timestamp();
    every_2 := exists (select from unnest(here.work) w where w.pgscore_binding = 2 and w.pgscore_task = 'recount all');
    serving := exists (select from pgscore.model m where m.name = any ('{visits}'::text[]) and m.serving is not null);
    for item in
        select
            pgscore_row as profile,
            -- Who recounted must meet who counts at the same time with an older snapshot, even if nothing changed.
            coalesce((w2.pgscore_absolute is not null or here.every_2) and r2.any_event is not false, false) as forced,
            -- Rows that no model has scored yet are scored where they are new, or all is counted.
            here.serving and (here.every_2 or coalesce(w2.pgscore_absolute, false)) and (pgscore_row.score is null) as unscored,
            case when here.every_2 or w2.pgscore_absolute then r2.value_1 when w2.pgscore_absolute is not null then coalesce(pgscore_row.n, 0) + coalesce(w2.n, 0) else pgscore_row.n end as moved_2_1,
            case when here.every_2 or w2.pgscore_absolute is not null then r2.value_2 else pgscore_row.n_day end as moved_2_2,
            case when here.every_2 or w2.pgscore_absolute is not null then r2.value_3 else pgscore_row.long_week end as moved_2_3,
            case when here.every_2 or w2.pgscore_absolute is not null then r2.value_4 else pgscore_row.paid_week end as moved_2_4,
            case when here.every_2 or w2.pgscore_absolute is not null then r2.value_5 else pgscore_row.weight_hour end as moved_2_5,
            case when here.every_2 or w2.pgscore_absolute is not null then r2.value_6 else pgscore_row."least" end as moved_2_6,
            case when here.every_2 or w2.pgscore_absolute is not null then r2.value_7 else pgscore_row.most end as moved_2_7,
            case when here.every_2 or w2.pgscore_absolute is not null then r2.value_8 else pgscore_row.usual end as moved_2_8,
            case when here.every_2 or w2.pgscore_absolute is not null then r2.value_9 else pgscore_row.kinds end as moved_2_9,
            case when here.every_2 or w2.pgscore_absolute is not null then r2.value_10 else pgscore_row.latest end as moved_2_10,
            case when here.every_2 or w2.pgscore_absolute is not null then r2.value_11 else pgscore_row.due_at end as moved_2_11
        from unnest(here.locked) as pgscore_row
        left join (
            select w.id,
                bool_or(w.pgscore_task in ('recount', 'arrive', 'rekey') or (here.again and w.pgscore_task in ('move', 'undo'))) as pgscore_absolute,
                bool_or(w.pgscore_task = 'undo') as pgscore_undone,
                sum(w.n) as n
            from unnest(here.work) w
            where w.pgscore_binding = 2 and w.id is not null
            group by w.id
        ) w2 on w2.id = pgscore_row.id
        left join lateral (
            select r.* from visits._pgscore_visit_recount(pgscore_row.id, here.every_2 or w2.pgscore_absolute, here.instant) r
            where here.every_2 or w2.pgscore_absolute is not null
            offset 0
        ) r2 on true
        where pg_typeof('visits.member'::regclass) is not null
    loop
        one := item.profile;
        one.n := item.moved_2_1;
        one.n_day := item.moved_2_2;
        one.long_week := item.moved_2_3;
        one.paid_week := item.moved_2_4;
        one.weight_hour := item.moved_2_5;
        one."least" := item.moved_2_6;
        one.most := item.moved_2_7;
        one.usual := item.moved_2_8;
        one.kinds := item.moved_2_9;
        one.latest := item.moved_2_10;
        one.due_at := item.moved_2_11;
        touched := item.forced or one operator(pg_catalog.*<>) item.profile;
        if touched or item.unscored then
            moved := array_append(moved, one);
            changed := array_append(changed, touched);
        end if;
    end loop;
    if moved is null then
        return;
    end if;
    -- A trigger that fires before the row is stored may change what the model reads.
    if cardinality(moved) = 1 or exists (
        select from pg_catalog.pg_trigger t
        where t.tgrelid = any ('{visits.member}'::regclass[]) and t.tgtype & 19 = 19 and t.tgenabled <> 'D' and t.tgname <> '~pgscore_score'
    ) then
        -- The trigger that scores changed rows has the engine for one row, and sees what other triggers make of it.
        update visits.member p set due_at = (m.row).due_at, kinds = (m.row).kinds, latest = (m.row).latest, "least" = (m.row)."least", long_week = (m.row).long_week, most = (m.row).most, n = (m.row).n, n_day = (m.row).n_day, paid_week = (m.row).paid_week, usual = (m.row).usual, weight_hour = (m.row).weight_hour
        from (select unnest(here.moved) as row) m
        where p.id = (m.row).id;
    else
        first := 1;
        while first <= cardinality(moved) loop
            size := least(1000, cardinality(moved) - first + 1);
            failure := null;
            begin
                select s.scores, s.version, s.reasons into answer from pgscore_models."visits rows"(here.moved[here.first : here.first + here.size - 1]) s;
            exception
                when transaction_rollback then raise;
                when others then failure := sqlerrm;
            end;
            if failure is not null then
                select null::double precision[] as scores, null::integer as version, null::text[] as reasons into answer;
            end if;
            scores_2 := scores_2 || coalesce(answer.scores, array_fill(null::double precision, array[size]));
            versions_2 := versions_2 || array_fill(answer.version, array[size]);
            reasons_2 := reasons_2 || coalesce(answer.reasons, array_fill(failure, array[size]));
            first := first + size;
        end loop;
        names_2 := array(select m.id::text from unnest(here.moved) m where pg_typeof('visits.member'::regclass) is not null);
        if num_nonnulls(variadic reasons_2) > 0 then
            insert into pgscore.stale_row as s (binding, key, reason)
            select 2, a.key, a.reason from unnest(here.names_2, here.reasons_2) as a (key, reason)
            where a.reason is not null and exists (select from pgscore.binding b where b.number = 2 and b.profile = 'visits.member'::regclass)
            on conflict on constraint stale_row_pkey do update set reason = excluded.reason;
        end if;
        delete from pgscore.stale_row s
        using unnest(here.names_2, here.reasons_2, here.versions_2) as a (key, reason, version)
        where s.binding = 2 and s.cause = 'score' and s.key = a.key and a.reason is null and a.version is not null;
        insert into pgscore.prediction_log (model, version, binding, key, score)
        select b.model, a.version, b.name, a.key, a.score
        from pgscore.binding b,
            unnest(here.names_2, here.scores_2, here.versions_2, here.reasons_2) as a (key, score, version, reason)
        where b.number = 2 and b.profile = 'visits.member'::regclass and a.reason is null and a.version is not null;
        -- Tells the trigger that scores rows to leave these alone. Anybody may set it, and only the owner can queue what it names.
        insert into visits._pgscore_member_queue (pgscore_binding, pgscore_task) values (0, 'scored') returning pgscore_id into mark;
        perform set_config('pgscore.scored', format('%s/%s', pg_trigger_depth() + 1, mark), true);
        update visits.member p set due_at = (m.row).due_at, kinds = (m.row).kinds, latest = (m.row).latest, "least" = (m.row)."least", long_week = (m.row).long_week, most = (m.row).most, n = (m.row).n, n_day = (m.row).n_day, paid_week = (m.row).paid_week, usual = (m.row).usual, weight_hour = (m.row).weight_hour,
            score = case when m.version_2 is null or m.reason_2 is not null then p.score else m.score_2 end,
            version = case when m.version_2 is null or m.reason_2 is not null then p.version else m.version_2 end
        from (select unnest(here.moved) as row, unnest(here.changed) as changed,
            unnest(here.scores_2) as score_2, unnest(here.versions_2) as version_2, unnest(here.reasons_2) as reason_2) m
        where p.id = (m.row).id and (m.changed or (m.version_2 is not null and m.reason_2 is null));
        perform set_config('pgscore.scored', '', true);
        delete from visits._pgscore_member_queue q where q.pgscore_transaction = pg_current_xact_id() and q.pgscore_id = here.mark;
    end if;
end
$function$;
alter function visits._pgscore_member_apply(visits._pgscore_member_queue[]) owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_member_apply(visits._pgscore_member_queue[]) is 'pgscore: moves counters of visits.member and stores scores, in one UPDATE (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_member_arrive()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- New rows of visits.member are counted: their events may have come before them. Generated; change it with pgscore.attach.
begin
    begin
        perform n.id = null::bigint, q.id from pgscore_new n, visits._pgscore_member_queue q limit 0;
    exception when others then
        perform pgscore._fail_unfit(2, 'visits.visit', sqlstate, sqlerrm);
    end;
    insert into visits._pgscore_member_queue (pgscore_binding, pgscore_task, pgscore_runs, id)
    select 2, 'arrive', case when row_number() over () = 1 then 'commit' end, n.id
    from pgscore_new n
    where n.id is not null;
    return null;
end
$function$;
alter function visits._pgscore_member_arrive() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_member_arrive() is 'pgscore: has new rows of visits.member counted (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_member_commit()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Does what this transaction queued for visits.member. Generated; change it with pgscore.attach.
<<here>>
declare
    one visits._pgscore_member_queue;
    rest visits._pgscore_member_queue[];
    detail text;
    hint text;
begin
    if new.pgscore_task = 'rekey' and pg_trigger_depth() > 1 then
        return null;
    end if;
    -- Each statement left a row that calls this, and the first call leaves nothing to the others.
    delete from visits._pgscore_member_queue q
    where q.pgscore_transaction = new.pgscore_transaction and q.pgscore_id = new.pgscore_id
    returning q.* into one;
    if not found then
        return null;
    end if;
    -- Nothing was queued later, as the sequence tells in most transactions, or it is taken along.
    if new.pgscore_id < pg_sequence_last_value('visits._pgscore_member_queue_pgscore_id_seq'::regclass) or new.pgscore_task = 'rekeyed' then
        if exists (
            select from visits._pgscore_member_queue q
            where q.pgscore_transaction = new.pgscore_transaction and q.pgscore_id > case new.pgscore_task when 'rekeyed' then 0 else new.pgscore_id end
        ) then
            with taken as (
                delete from visits._pgscore_member_queue pgscore_row
                where pgscore_row.pgscore_transaction = new.pgscore_transaction and pgscore_row.pgscore_id > case new.pgscore_task when 'rekeyed' then 0 else new.pgscore_id end
                returning pgscore_row as work
            )
            select array_agg(t.work) into rest from taken t;
        end if;
    end if;
    begin
        perform visits._pgscore_member_apply(one || rest);
    exception when others then
        get stacked diagnostics detail = pg_exception_detail, hint = pg_exception_hint;
        perform pgscore._fail(2, 'visits.visit', sqlstate, sqlerrm, detail, hint);
    end;
    return null;
end
$function$;
alter function visits._pgscore_member_commit() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_member_commit() is 'pgscore: does at commit what is queued for visits.member (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_member_forget()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Rows that left visits.member leave the list of stale rows. Generated; change it with pgscore.attach.
begin
    begin
        perform p.id::text from visits.member p limit 0;
    exception when others then
        perform pgscore._fail_unfit(2, 'visits.visit', sqlstate, sqlerrm);
    end;
    if tg_op = 'TRUNCATE' then
        delete from pgscore.stale_row s
        where s.binding = 2 and not exists (select from visits.member p where p.id::text = s.key);
    else
        delete from pgscore.stale_row s using pgscore_old o where s.binding = 2 and s.key = o.id::text;
    end if;
    return null;
end
$function$;
alter function visits._pgscore_member_forget() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_member_forget() is 'pgscore: takes deleted rows of visits.member from the list of stale rows (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_member_has_mark()
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Whether the setting names a mark in the queue of visits.member. Generated; change it with pgscore.attach.
begin
    -- Anybody may set it, and only the owner can queue what it names. It says at which depth of triggers rows are stored
    -- with their scores: not what a trigger changes because of that.
    if current_setting('pgscore.scored', true) ~ ('^' || pg_trigger_depth() + 1 || '/[0-9]{1,18}$') then
        return exists (
            select from visits._pgscore_member_queue q
            where q.pgscore_transaction = pg_current_xact_id_if_assigned() and q.pgscore_task = 'scored'
                and q.pgscore_id = split_part(current_setting('pgscore.scored', true), '/', 2)::bigint
        );
    end if;
    return false;
end
$function$;
alter function visits._pgscore_member_has_mark() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner,=X/shop_owner}
comment on function visits._pgscore_member_has_mark() is 'pgscore: whether a setting names a mark in the queue of visits.member (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_member_is_marked()
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
-- Whether a statement stores rows of visits.member together with their scores: then the trigger that scores them stands
-- aside. Generated; change it with pgscore.attach.
begin
    -- The condition of that trigger, and of no use elsewhere. It says that it is immutable, so PostgreSQL evaluates it when it
    -- prepares the condition: once for each execution of a statement and each table, and not for each row. No plan keeps a
    -- trigger's condition, while one that called this would keep the answer; hence what is called here is not immutable.
    -- Whoever writes to the table runs it for each statement: without settings, so with the schema of each name.
    if pg_catalog.current_setting('pgscore.scored', true) operator(pg_catalog.<>) '' then
        return visits._pgscore_member_has_mark();
    end if;
    return false;
end
$function$;
alter function visits._pgscore_member_is_marked() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner,=X/shop_owner}
comment on function visits._pgscore_member_is_marked() is 'pgscore: whether a statement stores rows of visits.member together with their scores (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_member_rekey()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Rows of visits.member that have got another key are counted now that they are stored. Generated; change it with pgscore.attach.
-- The trigger that scores a row notes its new key before the row has it, and, on the way to another partition, as the
-- only one. Where constraints are immediate that is too early to count.
begin
    perform set_config('pgscore.rekeyed', '', true);
    insert into visits._pgscore_member_queue (pgscore_binding, pgscore_task, pgscore_runs) select 0, 'rekeyed', 'commit'
    where exists (select from visits._pgscore_member_queue q where q.pgscore_transaction = pg_current_xact_id() and q.pgscore_task = 'rekey');
    return null;
end
$function$;
alter function visits._pgscore_member_rekey() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_member_rekey() is 'pgscore: has rows of visits.member counted whose key has changed (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_member_score()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Scores a row of visits.member if what a model reads has changed, whoever changed it. Generated; change it with pgscore.attach.
#variable_conflict use_column
declare
    rekeys boolean;
begin
    begin
        -- What is wrong with the columns is found here, and said in one sentence.
        rekeys := case when pg_typeof('visits.member'::regclass) is not null then old.id is distinct from new.id or num_nulls(new.score, new.version) < 0 end;
    exception when others then
        perform pgscore._fail_unfit(2, 'visits.visit', sqlstate, sqlerrm);
    end;
    if rekeys then
        -- Recounted when it is stored, and at commit, when its events have followed. What is listed for it follows at once.
        with former as (delete from pgscore.stale_row s where s.binding = 2 and s.key = old.id::text returning s.*)
        insert into pgscore.stale_row (binding, key, cause, reason, since)
        select f.binding, new.id::text, f.cause, f.reason, f.since from former f where new.id is not null
        on conflict do nothing;
        insert into visits._pgscore_member_queue (pgscore_binding, pgscore_task, pgscore_runs, id, pgscore_former_1)
        select 2, 'rekey', 'commit', new.id, old.id where new.id is not null;
        -- Has the trigger fire that looks after the row when it is stored.
        perform set_config('pgscore.rekeyed', 'yes', true);
    end if;
    <<scored>>
    declare
        answer double precision[];
        alone record;
        reason text;
    begin
        -- What can fail is apart from what writes: a block that only reads costs no transaction id. A conflict of
        -- transactions is no failure of the model.
        begin
            -- Where a counter has moved the model is asked, without the price of finding out what else has changed.
            if new.score is null or old.kinds is distinct from new.kinds or old.latest is distinct from new.latest or old."least" is distinct from new."least" or old.long_week is distinct from new.long_week or old.most is distinct from new.most or old.n is distinct from new.n or old.n_day is distinct from new.n_day or old.paid_week is distinct from new.paid_week or old.usual is distinct from new.usual or old.weight_hour is distinct from new.weight_hour then
                answer := case when pg_typeof('visits.member'::regclass) is not null then pgscore_models."visits rescore"(null::visits.member, new, true) end;
            else
                answer := case when pg_typeof('visits.member'::regclass) is not null then pgscore_models."visits rescore"(old, new, false) end;
            end if;
            if answer is not null then
                if answer[1] is null then
                    -- Refused, or not known to this session yet.
                    select s.scores, s.version, s.reasons into alone from pgscore_models."visits rows"(array[new]) s;
                    answer := array[alone.scores[1], alone.version];
                    reason := alone.reasons[1];
                end if;
            end if;
        exception
            when transaction_rollback then raise;
            when others then reason := sqlerrm;
        end;
        if reason is not null then
            begin
                insert into pgscore.stale_row as s (binding, key, reason)
                select 2, new.id::text, scored.reason where exists (select from pgscore.binding b where b.number = 2 and b.profile = tg_relid)
                on conflict on constraint stale_row_pkey do update set reason = excluded.reason;
            exception when others then
                raise exception using errcode = sqlstate, message = sqlerrm, hint = '`pgscore doctor` says what to run.';
            end;
        elsif answer is not null then
            new.score := answer[1];
            new.version := answer[2];
            -- The list is empty but for bad days, and an empty table is told apart sooner than searched.
            if pg_relation_size('pgscore.stale_row') > 0 then
                delete from pgscore.stale_row s where s.binding = 2 and s.key = new.id::text and s.cause = 'score';
            end if;
            insert into pgscore.prediction_log (model, version, binding, key, score)
            select b.model, scored.answer[2], b.name, new.id::text, scored.answer[1]
            from pgscore.binding b where b.number = 2 and b.profile = tg_relid;
        end if;
    end;
    return new;
end
$function$;
alter function visits._pgscore_member_score() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_member_score() is 'pgscore: scores rows of visits.member in which what a model reads has changed (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_visit_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding visits.visit: rows that go from visits.visit move visits.member. Generated; change it with pgscore.attach.
begin
    begin
        -- What is wrong with the columns is found here, and said in one sentence.
        perform e.member, e.amount, e.at, e.booked, e.kind, e.weight,
            case when false then num_nulls(e.member = null::bigint, array[e.amount] = null::numeric[], array[e.at] = null::timestamp with time zone[], array[e.booked] = null::timestamp with time zone[], e.amount % 1, e.kind = 'long'::text, e.kind ~~ '') end,
            (select row(p.id, p.n, p.n_day, p.long_week, p.paid_week, p.weight_hour, p."least", p.most, p.usual, p.kinds, p.latest, p.due_at, p.score, p.version, array[p."least"] = null::numeric[], array[p.due_at] = null::timestamp with time zone[], array[p.most] = null::numeric[], array[p.paid_week] = null::numeric[], array[p.usual] = null::numeric[], array[p.weight_hour] = null::double precision[], p.kinds % 1, p.latest ~~ '', p.long_week % 1, p.n % 1, p.n_day % 1, q.id, q.n) from visits.member p, visits._pgscore_member_queue q where false)
        from pgscore_old e limit 0;
    exception when others then
        perform pgscore._fail_unfit(2, 'visits.visit', sqlstate, sqlerrm);
    end;
    insert into visits._pgscore_member_queue
        (pgscore_binding, pgscore_task, pgscore_runs, id, n)
    select
        2, 'undo', case when row_number() over () = 1 then 'commit' end,
        f.id, f.n
    from (
        select e.member as id,
            sum(e.pgscore_sign) as n
        from (
            select -1 as pgscore_sign, o.member, o.amount, o.at, o.booked, o.kind, o.weight from pgscore_old o
        ) e
        where e.member is not null
        group by e.member
    ) f;
    return null;
end
$function$;
alter function visits._pgscore_visit_delete() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_visit_delete() is 'pgscore: binding visits.visit, tells visits.member of delete (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_visit_insert()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding visits.visit: rows that come into visits.visit move visits.member. Generated; change it with pgscore.attach.
<<here>>
declare
    many boolean := false;
    key_1 bigint;
    delta_1 bigint;
begin
    begin
        -- One event is what most statements bring, and to group it costs more than all the rest. No other columns are read
        -- or written below, or at commit, so what is wrong with them is found here, and said in one sentence.
        select e.member::bigint, 1::bigint
        into strict here.key_1, here.delta_1
        from pgscore_new e
        where case when false then row(
                e.member, e.amount, e.at, e.booked, e.kind, e.weight,
                case when false then num_nulls(e.member = null::bigint, array[e.amount] = null::numeric[], array[e.at] = null::timestamp with time zone[], array[e.booked] = null::timestamp with time zone[], e.amount % 1, e.kind = 'long'::text, e.kind ~~ '') end
            ) is null else true end
            and (select 1 from visits.member p, visits._pgscore_member_queue q where false and row(
                p.id, p.n, p.n_day, p.long_week, p.paid_week, p.weight_hour, p."least", p.most, p.usual, p.kinds, p.latest, p.due_at, p.score, p.version, array[p."least"] = null::numeric[], array[p.due_at] = null::timestamp with time zone[], array[p.most] = null::numeric[], array[p.paid_week] = null::numeric[], array[p.usual] = null::numeric[], array[p.weight_hour] = null::double precision[], p.kinds % 1, p.latest ~~ '', p.long_week % 1, p.n % 1, p.n_day % 1, q.id, q.n
            ) is null) is null;
    exception
        when no_data_found then return null;
        when too_many_rows then many := true;
        when others then perform pgscore._fail_unfit(2, 'visits.visit', sqlstate, sqlerrm);
    end;
    if many then
        -- Folded by profile. The first row runs what is to be done with all of them.
        insert into visits._pgscore_member_queue
            (pgscore_binding, pgscore_task, pgscore_runs, id, n)
        select
            2, 'move', case when row_number() over () = 1 then 'commit' end,
            f.id, f.n
        from (
            select e.member as id,
                count(*) as n
            from pgscore_new e
            where e.member is not null
            group by e.member
        ) f;
    else
        if here.key_1 is null then
            return null;
        end if;
        insert into visits._pgscore_member_queue
            (pgscore_binding, pgscore_task, pgscore_runs, id, n)
        values (2, 'move', 'commit', here.key_1, here.delta_1);
    end if;
    return null;
end
$function$;
alter function visits._pgscore_visit_insert() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_visit_insert() is 'pgscore: binding visits.visit, tells visits.member of insert (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_visit_reconcile(rows integer, repair boolean, OUT checked bigint, OUT differing bigint, OUT examples text[], OUT finished boolean)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET jit TO 'off'
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding visits.visit: compares the counters of the next rows of visits.member with the events of visits.visit.
-- Generated; change it with pgscore.attach.
<<here>>
declare
    page visits.member[];
    wrong visits.member[];
    missed text[];
    after text[];
begin
    insert into pgscore.reconciliation as s (binding, repair) values (2, $2)
    on conflict on constraint reconciliation_pkey do update
    set repair = excluded.repair, last_key = null, checked = 0, differing = 0, started = now(), finished = null
    where s.finished is not null or s.repair <> excluded.repair;
    select s.last_key into after from pgscore.reconciliation s where s.binding = 2 for update;
    if after is null then
        select array_agg(l.pgscore_row order by (l.pgscore_row).id) into page
        from (select pgscore_row from visits.member pgscore_row where pgscore_row.id is not null order by pgscore_row.id limit $1) l;
    else
        select array_agg(l.pgscore_row order by (l.pgscore_row).id) into page
        from (
            select pgscore_row from visits.member pgscore_row
            where pgscore_row.id is not null and (pgscore_row.id) > (here.after[1]::bigint)
            order by pgscore_row.id limit $1
        ) l;
    end if;
    -- One statement and one snapshot: what commits meanwhile is not taken for a difference.
    select array_agg(d.pgscore_row), (array_agg(d.key || ': ' || d.shown))[1:10]
    into wrong, examples
    from (
        select pgscore_row, pgscore_row.id::text as key, concat_ws('; ', null,
            case when pgscore_row.n is distinct from r.value_1 then format('%s is %s and the events give %s', 'n', coalesce(pgscore_row.n::text, 'NULL'), coalesce(r.value_1::text, 'NULL')) end,
            case when pgscore_row.n_day is distinct from r.value_2 then format('%s is %s and the events give %s', 'n_day', coalesce(pgscore_row.n_day::text, 'NULL'), coalesce(r.value_2::text, 'NULL')) end,
            case when pgscore_row.long_week is distinct from r.value_3 then format('%s is %s and the events give %s', 'long_week', coalesce(pgscore_row.long_week::text, 'NULL'), coalesce(r.value_3::text, 'NULL')) end,
            case when pgscore_row.paid_week is distinct from r.value_4 then format('%s is %s and the events give %s', 'paid_week', coalesce(pgscore_row.paid_week::text, 'NULL'), coalesce(r.value_4::text, 'NULL')) end,
            case when (pgscore_row.weight_hour is null or (pgscore_row.weight_hour is distinct from r.value_5 and not abs(pgscore_row.weight_hour - r.value_5) <= 1e-9 * abs(r.value_5))) then format('%s is %s and the events give %s', 'weight_hour', coalesce(pgscore_row.weight_hour::text, 'NULL'), coalesce(r.value_5::text, 'NULL')) end,
            case when pgscore_row."least" is distinct from r.value_6 then format('%s is %s and the events give %s', 'least', coalesce(pgscore_row."least"::text, 'NULL'), coalesce(r.value_6::text, 'NULL')) end,
            case when pgscore_row.most is distinct from r.value_7 then format('%s is %s and the events give %s', 'most', coalesce(pgscore_row.most::text, 'NULL'), coalesce(r.value_7::text, 'NULL')) end,
            case when pgscore_row.usual is distinct from r.value_8 then format('%s is %s and the events give %s', 'usual', coalesce(pgscore_row.usual::text, 'NULL'), coalesce(r.value_8::text, 'NULL')) end,
            case when pgscore_row.kinds is distinct from r.value_9 then format('%s is %s and the events give %s', 'kinds', coalesce(pgscore_row.kinds::text, 'NULL'), coalesce(r.value_9::text, 'NULL')) end,
            case when pgscore_row.latest is distinct from r.value_10 then format('%s is %s and the events give %s', 'latest', coalesce(pgscore_row.latest::text, 'NULL'), coalesce(r.value_10::text, 'NULL')) end,
            case when pgscore_row.due_at is distinct from r.value_11 then format('%s is %s and the events give %s', 'due_at', coalesce(pgscore_row.due_at::text, 'NULL'), coalesce(r.value_11::text, 'NULL')) end) as shown
        from unnest(here.page) as u
        join visits.member pgscore_row on pgscore_row.id = u.id
        cross join lateral visits._pgscore_visit_recount(pgscore_row.id, true, least(clock_timestamp(), pgscore_row.due_at - interval '1 microsecond')) r
        where pgscore_row.n is distinct from r.value_1
            or pgscore_row.n_day is distinct from r.value_2
            or pgscore_row.long_week is distinct from r.value_3
            or pgscore_row.paid_week is distinct from r.value_4
            or (pgscore_row.weight_hour is null or (pgscore_row.weight_hour is distinct from r.value_5 and not abs(pgscore_row.weight_hour - r.value_5) <= 1e-9 * abs(r.value_5)))
            or pgscore_row."least" is distinct from r.value_6
            or pgscore_row.most is distinct from r.value_7
            or pgscore_row.usual is distinct from r.value_8
            or pgscore_row.kinds is distinct from r.value_9
            or pgscore_row.latest is distinct from r.value_10
            or pgscore_row.due_at is distinct from r.value_11
    ) d;
    finished := coalesce(cardinality(page), 0) < $1;
    if $2 then
        select array_agg(s.key) into missed
        from unnest(here.page) as pgscore_row join pgscore.stale_row s on s.binding = 2 and s.key = pgscore_row.id::text;
        insert into visits._pgscore_member_queue (pgscore_binding, pgscore_task, id)
        select 2, 'recount', pgscore_row.id
        from unnest(here.page) as pgscore_row
        where pgscore_row.id::text = any (here.missed)
            or exists (select from unnest(here.wrong) as u where pgscore_row.id = u.id)
                or pgscore_row.due_at <= clock_timestamp();
        if found then
            perform visits._pgscore_member_apply(null);
        end if;
        delete from pgscore.stale_row s where s.binding = 2 and s.cause = 'backfill' and s.key = any (here.missed);
        -- No trigger sees a TRUNCATE of profiles, or a partition of them that goes.
        if finished then
            delete from pgscore.stale_row s
            where s.binding = 2 and not exists (select from visits.member pgscore_row where pgscore_row.id::text = s.key);
        end if;
    end if;
    update pgscore.reconciliation s
    set last_key = coalesce(array[here.page[cardinality(here.page)].id::text], s.last_key), checked = s.checked + coalesce(cardinality(here.page), 0),
        differing = s.differing + coalesce(cardinality(here.wrong), 0),
        finished = case when coalesce(cardinality(here.page), 0) < $1 then clock_timestamp() end
    where s.binding = 2
    returning s.checked, s.differing into checked, differing;
    -- Deferred triggers of the tables fire here, with the owner's rights, and not with those of a member who called.
    set constraints all immediate;
exception when others then
    perform pgscore._fail(2, 'visits.visit', sqlstate, sqlerrm);
end
$function$;
alter function visits._pgscore_visit_reconcile(integer,boolean) owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_visit_reconcile(integer,boolean) is 'pgscore: binding visits.visit, compares counters of some rows of visits.member with their events, and mends them (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_visit_recount(key_1 bigint, everything boolean, instant timestamp with time zone, OUT any_event boolean, OUT value_1 bigint, OUT value_2 bigint, OUT value_3 bigint, OUT value_4 numeric, OUT value_5 double precision, OUT value_6 numeric, OUT value_7 numeric, OUT value_8 numeric, OUT value_9 bigint, OUT value_10 text, OUT value_11 timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET row_security TO 'off'
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding visits.visit: what the events of a key give. Generated; change it with pgscore.attach.
-- Those that add up only if everything is asked for.
-- Windows end at an instant: they hold what is later than their length before it.
begin
    select
        exists (select from visits.visit e where e.member = $1),
        case when $2 then (select count(*) from visits.visit e where e.member = $1) end,
        (select count(*) from visits.visit e where e.member = $1 and e.at > $3 - '24:00:00'::interval),
        (select count(*) from visits.visit e where e.member = $1 and e.kind = 'long'::text and e.at > $3 - '120:00:00'::interval),
        (select coalesce(sum(e.amount), 0) from visits.visit e where e.member = $1 and e.at > $3 - '168:00:00'::interval),
        (select coalesce(sum(e.weight), 0) from visits.visit e where e.member = $1 and e.booked > $3 - '01:30:00'::interval),
        (select e.amount from visits.visit e where e.member = $1 and e.at > $3 - '24:00:00'::interval and e.amount is not null order by e.amount asc limit 1),
        (select e.amount from visits.visit e where e.member = $1 and e.at > $3 - '24:00:00'::interval and e.amount is not null order by e.amount desc limit 1),
        (select avg(e.amount) from visits.visit e where e.member = $1 and e.at > $3 - '168:00:00'::interval),
        (select count(distinct e.kind) from visits.visit e where e.member = $1 and e.at > $3 - '168:00:00'::interval),
        (select e.kind from visits.visit e where e.member = $1 and e.at > $3 - '24:00:00'::interval order by e.at desc nulls last, e.id desc limit 1),
        (select least(
            (select case when e.at < make_timestamptz(290000, 1, 1, 0, 0, 0, 'UTC') then e.at + '24:00:00'::interval end from visits.visit e where e.member = $1 and e.at > $3 - '24:00:00'::interval order by e.at limit 1), 
            (select case when e.at < make_timestamptz(290000, 1, 1, 0, 0, 0, 'UTC') then e.at + '120:00:00'::interval end from visits.visit e where e.member = $1 and e.kind = 'long'::text and e.at > $3 - '120:00:00'::interval order by e.at limit 1), 
            (select case when e.at < make_timestamptz(290000, 1, 1, 0, 0, 0, 'UTC') then e.at + '168:00:00'::interval end from visits.visit e where e.member = $1 and e.at > $3 - '168:00:00'::interval order by e.at limit 1), 
            (select case when e.booked < make_timestamptz(290000, 1, 1, 0, 0, 0, 'UTC') then e.booked + '01:30:00'::interval end from visits.visit e where e.member = $1 and e.booked > $3 - '01:30:00'::interval order by e.booked limit 1)))
    into any_event, value_1, value_2, value_3, value_4, value_5, value_6, value_7, value_8, value_9, value_10, value_11;
end
$function$;
alter function visits._pgscore_visit_recount(bigint,boolean,timestamp with time zone) owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_visit_recount(bigint,boolean,timestamp with time zone) is 'pgscore: binding visits.visit, what the events of a key give (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_visit_tick(rows integer, until timestamp with time zone, after_due timestamp with time zone, after_key text[], OUT ticked bigint, OUT locked bigint, OUT last_due timestamp with time zone, OUT last_key text[], OUT finished boolean)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET jit TO 'off'
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding visits.visit: brings up the next rows of visits.member that are due, because events have left their windows.
-- Generated; change it with pgscore.attach.
<<here>>
declare
    page visits.member[];
begin
    -- Those that were due first come first.
    if $3 is null then
        select array_agg(l.pgscore_row order by (l.pgscore_row).due_at, (l.pgscore_row).id) into page
        from (
            select pgscore_row from visits.member pgscore_row
            where pgscore_row.due_at <= $2 and pgscore_row.id is not null
            order by pgscore_row.due_at, pgscore_row.id limit $1
        ) l;
    else
        select array_agg(l.pgscore_row order by (l.pgscore_row).due_at, (l.pgscore_row).id) into page
        from (
            select pgscore_row from visits.member pgscore_row
            where pgscore_row.due_at between $3 and $2 and pgscore_row.id is not null and (pgscore_row.due_at, pgscore_row.id) > ($3, $4[1]::bigint)
            order by pgscore_row.due_at, pgscore_row.id limit $1
        ) l;
    end if;
    -- Nothing comes, and so what adds up stays as it is: windows alone are looked up. Without waiting for anybody: who has locked a
    -- row may bring it up, and otherwise the next call does.
    insert into visits._pgscore_member_queue (pgscore_binding, pgscore_task, id)
    select 2, 'move', (l.pgscore_row).id
    from (
        select pgscore_row
        from unnest(here.page) as u join visits.member pgscore_row on pgscore_row.id = u.id
        where pgscore_row.due_at <= $2
        for no key update of pgscore_row skip locked
    ) l;
    get diagnostics ticked = row_count;
    -- In this snapshot, which sees what others have brought up meanwhile.
    select count(*) into locked
    from unnest(here.page) as u join visits.member pgscore_row on pgscore_row.id = u.id
    where pgscore_row.due_at <= $2;
    locked := locked - ticked;
    if ticked > 0 then
        perform visits._pgscore_member_apply(null);
    end if;
    finished := coalesce(cardinality(page), 0) < $1;
    last_due := page[cardinality(page)].due_at;
    last_key := array[page[cardinality(page)].id::text];
    -- Deferred triggers of the tables fire here, with the owner's rights, and not with those of a member who called.
    set constraints all immediate;
exception when others then
    perform pgscore._fail(2, 'visits.visit', sqlstate, sqlerrm);
end
$function$;
alter function visits._pgscore_visit_tick(integer,timestamp with time zone,timestamp with time zone,text[]) owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_visit_tick(integer,timestamp with time zone,timestamp with time zone,text[]) is 'pgscore: binding visits.visit, brings up rows of visits.member that are due (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_visit_truncate()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding visits.visit: TRUNCATE of visits.visit tells no rows, so all of visits.member is recounted. Generated; change it with pgscore.attach.
begin
    insert into visits._pgscore_member_queue (pgscore_binding, pgscore_task, pgscore_runs)
    values (2, 'recount all', 'commit');
    return null;
end
$function$;
alter function visits._pgscore_visit_truncate() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_visit_truncate() is 'pgscore: binding visits.visit, tells visits.member of truncate (<hash>)';

CREATE OR REPLACE FUNCTION visits._pgscore_visit_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding visits.visit: rows that change in visits.visit move visits.member. Generated; change it with pgscore.attach.
begin
    begin
        -- What is wrong with the columns is found here, and said in one sentence.
        perform e.member, e.amount, e.at, e.booked, e.kind, e.weight,
            case when false then num_nulls(e.member = null::bigint, array[e.amount] = null::numeric[], array[e.at] = null::timestamp with time zone[], array[e.booked] = null::timestamp with time zone[], e.amount % 1, e.kind = 'long'::text, e.kind ~~ '') end,
            (select row(p.id, p.n, p.n_day, p.long_week, p.paid_week, p.weight_hour, p."least", p.most, p.usual, p.kinds, p.latest, p.due_at, p.score, p.version, array[p."least"] = null::numeric[], array[p.due_at] = null::timestamp with time zone[], array[p.most] = null::numeric[], array[p.paid_week] = null::numeric[], array[p.usual] = null::numeric[], array[p.weight_hour] = null::double precision[], p.kinds % 1, p.latest ~~ '', p.long_week % 1, p.n % 1, p.n_day % 1, q.id, q.n) from visits.member p, visits._pgscore_member_queue q where false)
        from pgscore_new e limit 0;
    exception when others then
        perform pgscore._fail_unfit(2, 'visits.visit', sqlstate, sqlerrm);
    end;
    insert into visits._pgscore_member_queue
        (pgscore_binding, pgscore_task, pgscore_runs, id, n)
    select
        2, 'undo', case when row_number() over () = 1 then 'commit' end,
        f.id, f.n
    from (
        select e.member as id,
            sum(e.pgscore_sign) as n
        from (
            select 1 as pgscore_sign, pgscore._state_text(row(n.amount, n.at, n.booked, n.id, n.kind, n.member, n.weight)) collate "C" as pgscore_state, n.member, n.amount, n.at, n.booked, n.kind, n.weight from pgscore_new n
            union all
            select -1 as pgscore_sign, pgscore._state_text(row(o.amount, o.at, o.booked, o.id, o.kind, o.member, o.weight)) collate "C" as pgscore_state, o.member, o.amount, o.at, o.booked, o.kind, o.weight from pgscore_old o
        ) e
        where e.member is not null
        group by e.member
        having array_agg(e.pgscore_state order by e.pgscore_state) filter (where e.pgscore_sign = 1)
            is distinct from array_agg(e.pgscore_state order by e.pgscore_state) filter (where e.pgscore_sign = -1)
    ) f;
    return null;
end
$function$;
alter function visits._pgscore_visit_update() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function visits._pgscore_visit_update() is 'pgscore: binding visits.visit, tells visits.member of update (<hash>)';

CREATE CONSTRAINT TRIGGER pgscore_commit AFTER INSERT ON visits._pgscore_member_queue DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.pgscore_runs = 'commit'::text)) EXECUTE FUNCTION visits._pgscore_member_commit();
comment on trigger pgscore_commit on visits._pgscore_member_queue is 'pgscore: runs when the transaction commits, or at SET CONSTRAINTS ALL IMMEDIATE (<hash>)';

CREATE TRIGGER pgscore_statement AFTER INSERT ON visits._pgscore_member_queue FOR EACH ROW WHEN ((new.pgscore_runs = 'statement'::text)) EXECUTE FUNCTION visits._pgscore_member_commit();
comment on trigger pgscore_statement on visits._pgscore_member_queue is 'pgscore: runs at the end of the statement (<hash>)';

CREATE TRIGGER pgscore_arrive AFTER INSERT ON visits.member REFERENCING NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION visits._pgscore_member_arrive();
comment on trigger pgscore_arrive on visits.member is 'pgscore: keeps counters and scores of visits.member right when its rows themselves change (<hash>)';

CREATE TRIGGER pgscore_forget AFTER DELETE ON visits.member REFERENCING OLD TABLE AS pgscore_old FOR EACH STATEMENT EXECUTE FUNCTION visits._pgscore_member_forget();
comment on trigger pgscore_forget on visits.member is 'pgscore: keeps counters and scores of visits.member right when its rows themselves change (<hash>)';

CREATE TRIGGER pgscore_forget_all AFTER TRUNCATE ON visits.member FOR EACH STATEMENT EXECUTE FUNCTION visits._pgscore_member_forget();
comment on trigger pgscore_forget_all on visits.member is 'pgscore: keeps counters and scores of visits.member right when its rows themselves change (<hash>)';

CREATE TRIGGER pgscore_rekey AFTER UPDATE ON visits.member FOR EACH STATEMENT WHEN ((current_setting('pgscore.rekeyed'::text, true) = 'yes'::text)) EXECUTE FUNCTION visits._pgscore_member_rekey();
comment on trigger pgscore_rekey on visits.member is 'pgscore: keeps counters and scores of visits.member right when its rows themselves change (<hash>)';

CREATE TRIGGER "~pgscore_score" BEFORE UPDATE ON visits.member FOR EACH ROW WHEN ((NOT visits._pgscore_member_is_marked())) EXECUTE FUNCTION visits._pgscore_member_score();
comment on trigger "~pgscore_score" on visits.member is 'pgscore: keeps counters and scores of visits.member right when its rows themselves change (<hash>)';

CREATE TRIGGER pgscore_visit_delete AFTER DELETE ON visits.visit REFERENCING OLD TABLE AS pgscore_old FOR EACH STATEMENT EXECUTE FUNCTION visits._pgscore_visit_delete();
comment on trigger pgscore_visit_delete on visits.visit is 'pgscore: moves counters of visits.member and scores of model visits (<hash>)';

CREATE TRIGGER pgscore_visit_insert AFTER INSERT ON visits.visit REFERENCING NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION visits._pgscore_visit_insert();
comment on trigger pgscore_visit_insert on visits.visit is 'pgscore: moves counters of visits.member and scores of model visits (<hash>)';

CREATE TRIGGER pgscore_visit_truncate AFTER TRUNCATE ON visits.visit FOR EACH STATEMENT EXECUTE FUNCTION visits._pgscore_visit_truncate();
comment on trigger pgscore_visit_truncate on visits.visit is 'pgscore: moves counters of visits.member and scores of model visits (<hash>)';

CREATE TRIGGER pgscore_visit_update AFTER UPDATE ON visits.visit REFERENCING OLD TABLE AS pgscore_old NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION visits._pgscore_visit_update();
comment on trigger pgscore_visit_update on visits.visit is 'pgscore: moves counters of visits.member and scores of model visits (<hash>)';
