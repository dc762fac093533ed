-- The same as commit, with reasons beside the score.

create table "Shop"."_pgscore_Customer_arrival" (
    slot integer not null,
    transaction xid8,
    constraint "_pgscore_Customer_arrival_pkey" PRIMARY KEY (slot)
) with (fillfactor=50);
comment on column "Shop"."_pgscore_Customer_arrival".slot is 'What keys hash to';
comment on column "Shop"."_pgscore_Customer_arrival".transaction is 'The transaction that changed the row last';
alter table "Shop"."_pgscore_Customer_arrival" owner to shop_owner;
-- rights: {shop_owner=arwdDxt/shop_owner}
comment on table "Shop"."_pgscore_Customer_arrival" is 'pgscore: new rows of "Shop"."Customer", and events that find no row, change the row that their key hashes to; of two at the same time the later one waits, and then sees the other';

create unlogged table "Shop"."_pgscore_Customer_queue" (
    pgscore_transaction xid8 default pg_current_xact_id() not null,
    pgscore_id bigint generated always as identity not null,
    pgscore_binding integer not null,
    pgscore_task text not null,
    pgscore_runs text,
    id bigint,
    n bigint,
    billed bigint,
    "Total" numeric,
    pieces numeric,
    weight double precision,
    "least" numeric,
    most integer,
    pgscore_former_1 bigint
) with (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_insert_threshold=-1, vacuum_truncate=false);
CREATE INDEX "_pgscore_Customer_queue_pgscore_transaction_pgscore_id_idx" ON "Shop"."_pgscore_Customer_queue" USING btree (pgscore_transaction, pgscore_id);
comment on column "Shop"."_pgscore_Customer_queue".pgscore_transaction is 'The transaction';
comment on column "Shop"."_pgscore_Customer_queue".pgscore_id is 'Counts up';
comment on column "Shop"."_pgscore_Customer_queue".pgscore_binding is 'The number of the binding; 0: it concerns all of the table';
comment on column "Shop"."_pgscore_Customer_queue".pgscore_task is 'move: add the deltas; undo: those that can be taken away, and recount the rest; recount: all of a profile; recount all: of every profile; arrive, rekey: a profile is new or has a new key; rekeyed: it is stored with it; scored: rows are being stored with their scores';
comment on column "Shop"."_pgscore_Customer_queue".pgscore_runs is 'When what is queued is done because of this row: at commit, or at the end of the statement; last: after all triggers of the statement; NULL: because of another row';
comment on column "Shop"."_pgscore_Customer_queue".id is 'Of the profile''s key';
comment on column "Shop"."_pgscore_Customer_queue".n is 'What events of "Shop"."Order Lines" bring to it';
comment on column "Shop"."_pgscore_Customer_queue".billed is 'What events of "Shop"."Order Lines" bring to it';
comment on column "Shop"."_pgscore_Customer_queue"."Total" is 'What events of "Shop"."Order Lines" bring to it';
comment on column "Shop"."_pgscore_Customer_queue".pieces is 'What events of "Shop"."Order Lines" bring to it';
comment on column "Shop"."_pgscore_Customer_queue".weight is 'What events of "Shop"."Order Lines" bring to it';
comment on column "Shop"."_pgscore_Customer_queue"."least" is 'What events of "Shop"."Order Lines" bring to it';
comment on column "Shop"."_pgscore_Customer_queue".most is 'What events of "Shop"."Order Lines" bring to it';
comment on column "Shop"."_pgscore_Customer_queue".pgscore_former_1 is 'For rekey: what id was before';
alter table "Shop"."_pgscore_Customer_queue" owner to shop_owner;
-- rights: {shop_owner=arwdDxt/shop_owner}
comment on table "Shop"."_pgscore_Customer_queue" is 'pgscore: what transactions in flight bring to "Shop"."Customer"; written by triggers, taken back at commit, never seen by another transaction (<hash>)';

create unlogged sequence "Shop"."_pgscore_Customer_queue_pgscore_id_seq" (
    last_value bigint not null,
    log_cnt bigint not null,
    is_called boolean not null
);
alter sequence "Shop"."_pgscore_Customer_queue_pgscore_id_seq" owner to shop_owner;
-- rights: of the owner
comment on sequence "Shop"."_pgscore_Customer_queue_pgscore_id_seq" is null;

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Customer_apply"(given "Shop"."_pgscore_Customer_queue"[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET plan_cache_mode TO 'auto'
 SET jit TO 'off'
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Locks the profiles of "Shop"."Customer" that the work names, in one order for all transactions, finds them as they will
-- stand, and changes them in one UPDATE, with their scores. Without work it takes what the transaction queued.
-- Generated; change it with pgscore.attach.
#variable_conflict use_column
<<here>>
declare
    work "Shop"."_pgscore_Customer_queue"[] := $1;
    again boolean := coalesce(nullif(current_setting('pgscore.recounted', true), '') = extract(epoch from statement_timestamp())::text, false);
    slots integer[];
    locked "Shop"."Customer"[];
    moved "Shop"."Customer"[];
    changed boolean[];
    item record;
    one "Shop"."Customer";
    touched boolean;
    serving boolean;
    mark bigint;
    first integer;
    size integer;
    answer record;
    failure text;
    every_2 boolean;
    explanations jsonb[];
    names_2 text[];
    scores_2 double precision[];
    versions_2 integer[];
    reasons_2 text[];
    explanations_2 jsonb[];
begin
    if work is null then
        with taken as (
            delete from "Shop"."_pgscore_Customer_queue" pgscore_row
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
                and (w.pgscore_task in ('arrive', 'rekey') or not exists (select from "Shop"."Customer" p where p.id = w.id))
            union
            select generate_series(0, 63) where exists (select from unnest(here.work) w where w.pgscore_task = 'recount all')
        );
        if cardinality(slots) > 0 then
            perform from "Shop"."_pgscore_Customer_arrival" a where a.slot = any (here.slots) order by a.slot for update;
            update "Shop"."_pgscore_Customer_arrival" a set transaction = pg_current_xact_id()
            where a.slot = any (here.slots) and a.transaction is distinct from pg_current_xact_id();
        end if;
        -- All or some: a plan for both would read the whole table each time.
        if exists (select from unnest(here.work) w where w.pgscore_task = 'recount all') then
            select array_agg(l.pgscore_row) into locked
            from (select pgscore_row from "Shop"."Customer" pgscore_row order by pgscore_row.id for no key update) l;
        else
            select array_agg(l.pgscore_row) into locked
            from (
                select pgscore_row from "Shop"."Customer" pgscore_row
                where (pgscore_row.id) = any (array(select w.id from unnest(here.work) w where w.pgscore_binding in (2)))
                order by pgscore_row.id for no key update
            ) l;
        end if;
        exit when not (
            exists (
                select from unnest(here.work) w
                where w.pgscore_binding in (2) and w.id is not null and hashtext(w.id::text) & 63 <> all (here.slots) and pg_typeof('"Shop"."Customer"'::regclass) is not null
                    and not exists (select from unnest(here.locked) as p where p.id = w.id)
            )
        );
    end loop;
    every_2 := exists (select from unnest(here.work) w where w.pgscore_binding = 2 and w.pgscore_task = 'recount all');
    serving := exists (select from pgscore.model m where m.name = any ('{shop}'::text[]) and m.serving is not null);
    for item in
        select
            pgscore_row as profile,
            -- Who recounted must meet who counts at the same time with an older snapshot, even if nothing changed.
            coalesce((w2.pgscore_absolute is not null or here.every_2) and r2.any_event is not false, false) as forced,
            -- Rows that no model has scored yet are scored where they are new, or all is counted.
            here.serving and (here.every_2 or coalesce(w2.pgscore_absolute, false)) and (pgscore_row."Score" is null) as unscored,
            case when here.every_2 or w2.pgscore_absolute then r2.value_1 when w2.pgscore_absolute is not null then coalesce(pgscore_row.n, 0) + coalesce(w2.n, 0) else pgscore_row.n end as moved_2_1,
            case when here.every_2 or w2.pgscore_absolute then r2.value_2 when w2.pgscore_absolute is not null then coalesce(pgscore_row.billed, 0) + coalesce(w2.billed, 0) else pgscore_row.billed end as moved_2_2,
            case when here.every_2 or w2.pgscore_absolute then r2.value_3 when w2.pgscore_absolute is not null then coalesce(pgscore_row."Total", 0) + coalesce(w2."Total", 0) else pgscore_row."Total" end as moved_2_3,
            case when here.every_2 or w2.pgscore_absolute then r2.value_4 when w2.pgscore_absolute is not null then coalesce(pgscore_row.pieces, 0) + coalesce(w2.pieces, 0) else pgscore_row.pieces end as moved_2_4,
            case when here.every_2 or w2.pgscore_absolute or w2.pgscore_undone then r2.value_5 when w2.pgscore_absolute is not null then coalesce(pgscore_row.weight, 0) + coalesce(w2.weight, 0) else pgscore_row.weight end as moved_2_5,
            case when here.every_2 or w2.pgscore_absolute or w2.pgscore_undone then r2.value_6 when w2.pgscore_absolute is not null then least(pgscore_row."least", w2."least") else pgscore_row."least" end as moved_2_6,
            case when here.every_2 or w2.pgscore_absolute or w2.pgscore_undone then r2.value_7 when w2.pgscore_absolute is not null then greatest(pgscore_row.most, w2.most) else pgscore_row.most end as moved_2_7,
            case when here.every_2 or w2.pgscore_absolute is not null then r2.value_8 else pgscore_row.latest end as moved_2_8
        from unnest(here.locked) as pgscore_row
        left join (
            select w.id,
                bool_or(w.pgscore_task in ('recount', 'arrive', 'rekey') or (here.again and w.pgscore_task in ('move', 'undo'))) as pgscore_absolute,
                bool_or(w.pgscore_task = 'undo') as pgscore_undone,
                sum(w.n) as n,
                sum(w.billed) as billed,
                sum(w."Total") as "Total",
                sum(w.pieces) as pieces,
                sum(w.weight) as weight,
                (array_agg(w."least" order by w."least" asc) filter (where w."least" is not null))[1] as "least",
                (array_agg(w.most order by w.most desc) filter (where w.most is not null))[1] as most
            from unnest(here.work) w
            where w.pgscore_binding = 2 and w.id is not null
            group by w.id
        ) w2 on w2.id = pgscore_row.id
        left join lateral (
            select r.* from "Shop"."_pgscore_Order Lines_recount"(pgscore_row.id, here.every_2 or w2.pgscore_absolute) r
            where here.every_2 or w2.pgscore_absolute is not null
            offset 0
        ) r2 on true
        where pg_typeof('"Shop"."Customer"'::regclass) is not null
    loop
        one := item.profile;
        one.n := item.moved_2_1;
        one.billed := item.moved_2_2;
        one."Total" := item.moved_2_3;
        one.pieces := item.moved_2_4;
        one.weight := item.moved_2_5;
        one."least" := item.moved_2_6;
        one.most := item.moved_2_7;
        one.latest := item.moved_2_8;
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
        where t.tgrelid = any (E'{"\\"Shop\\".\\"Customer\\""}'::regclass[]) and t.tgtype & 19 = 19 and t.tgenabled <> 'D' and t.tgname <> '~pgscore_score'
    ) then
        -- The trigger that scores changed rows has the engine for one row, and sees what other triggers make of it.
        update "Shop"."Customer" p set "Total" = (m.row)."Total", billed = (m.row).billed, latest = (m.row).latest, "least" = (m.row)."least", most = (m.row).most, n = (m.row).n, pieces = (m.row).pieces, weight = (m.row).weight
        from (select unnest(here.moved) as row) m
        where p.id = (m.row).id;
    else
        first := 1;
        while first <= cardinality(moved) loop
            size := least(1000, cardinality(moved) - first + 1);
            failure := null;
            explanations := null;
            begin
                select s.scores, s.version, s.reasons into answer from pgscore_models."shop rows"(here.moved[here.first : here.first + here.size - 1]) s;
                select array_agg(case when u.score is not null then pgscore._strongest('shop', answer.version, u.row, 3) end) into explanations
                from (
                    select unnest(here.moved[here.first : here.first + here.size - 1]) as row, unnest(answer.scores) as score offset 0
                ) u;
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
            explanations_2 := explanations_2 || coalesce(explanations, array_fill(null::jsonb, array[size]));
            first := first + size;
        end loop;
        names_2 := array(select m.id::text from unnest(here.moved) m where pg_typeof('"Shop"."Customer"'::regclass) is not null);
        if num_nonnulls(variadic reasons_2) > 0 then
            insert into pgscore.stale_row as s (binding, key, reason)
            select 2, a.key, a.reason from unnest(here.names_2, here.reasons_2) as a (key, reason)
            where a.reason is not null and exists (select from pgscore.binding b where b.number = 2 and b.profile = '"Shop"."Customer"'::regclass)
            on conflict on constraint stale_row_pkey do update set reason = excluded.reason;
        end if;
        delete from pgscore.stale_row s
        using unnest(here.names_2, here.reasons_2, here.versions_2) as a (key, reason, version)
        where s.binding = 2 and s.cause = 'score' and s.key = a.key and a.reason is null and a.version is not null;
        insert into pgscore.prediction_log (model, version, binding, key, score)
        select b.model, a.version, b.name, a.key, a.score
        from pgscore.binding b,
            unnest(here.names_2, here.scores_2, here.versions_2, here.reasons_2) as a (key, score, version, reason)
        where b.number = 2 and b.profile = '"Shop"."Customer"'::regclass and a.reason is null and a.version is not null;
        -- Tells the trigger that scores rows to leave these alone. Anybody may set it, and only the owner can queue what it names.
        insert into "Shop"."_pgscore_Customer_queue" (pgscore_binding, pgscore_task) values (0, 'scored') returning pgscore_id into mark;
        perform set_config('pgscore.scored', format('%s/%s', pg_trigger_depth() + 1, mark), true);
        update "Shop"."Customer" p set "Total" = (m.row)."Total", billed = (m.row).billed, latest = (m.row).latest, "least" = (m.row)."least", most = (m.row).most, n = (m.row).n, pieces = (m.row).pieces, weight = (m.row).weight,
            "Score" = case when m.version_2 is null or m.reason_2 is not null then p."Score" else m.score_2 end,
            "Version" = case when m.version_2 is null or m.reason_2 is not null then p."Version" else m.version_2 end,
            why = case when m.version_2 is null or m.reason_2 is not null then p.why else m.explanation_2 end
        from (select unnest(here.moved) as row, unnest(here.changed) as changed,
            unnest(here.scores_2) as score_2, unnest(here.versions_2) as version_2, unnest(here.reasons_2) as reason_2, unnest(here.explanations_2) as explanation_2) m
        where p.id = (m.row).id and (m.changed or (m.version_2 is not null and m.reason_2 is null));
        perform set_config('pgscore.scored', '', true);
        delete from "Shop"."_pgscore_Customer_queue" q where q.pgscore_transaction = pg_current_xact_id() and q.pgscore_id = here.mark;
    end if;
end
$function$;
alter function "Shop"."_pgscore_Customer_apply"("Shop"."_pgscore_Customer_queue"[]) owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Customer_apply"("Shop"."_pgscore_Customer_queue"[]) is 'pgscore: moves counters of "Shop"."Customer" and stores scores, in one UPDATE (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Customer_arrive"()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- New rows of "Shop"."Customer" are counted: their events may have come before them. Generated; change it with pgscore.attach.
begin
    begin
        perform n.id = null::bigint, q.id from pgscore_new n, "Shop"."_pgscore_Customer_queue" q limit 0;
    exception when others then
        perform pgscore._fail_unfit(2, '"Shop"."Order Lines"', sqlstate, sqlerrm);
    end;
    insert into "Shop"."_pgscore_Customer_queue" (pgscore_binding, pgscore_task, pgscore_runs, id)
    select 2, 'arrive', case when row_number() over () = 1 then 'commit' end, n.id
    from pgscore_new n
    where n.id is not null;
    return null;
end
$function$;
alter function "Shop"."_pgscore_Customer_arrive"() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Customer_arrive"() is 'pgscore: has new rows of "Shop"."Customer" counted (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Customer_commit"()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Does what this transaction queued for "Shop"."Customer". Generated; change it with pgscore.attach.
<<here>>
declare
    one "Shop"."_pgscore_Customer_queue";
    rest "Shop"."_pgscore_Customer_queue"[];
    detail text;
    hint text;
begin
    if new.pgscore_task = 'rekey' and pg_trigger_depth() > 1 then
        return null;
    end if;
    -- Each statement left a row that calls this, and the first call leaves nothing to the others.
    delete from "Shop"."_pgscore_Customer_queue" q
    where q.pgscore_transaction = new.pgscore_transaction and q.pgscore_id = new.pgscore_id
    returning q.* into one;
    if not found then
        return null;
    end if;
    -- Nothing was queued later, as the sequence tells in most transactions, or it is taken along.
    if new.pgscore_id < pg_sequence_last_value('"Shop"."_pgscore_Customer_queue_pgscore_id_seq"'::regclass) or new.pgscore_task = 'rekeyed' then
        if exists (
            select from "Shop"."_pgscore_Customer_queue" q
            where q.pgscore_transaction = new.pgscore_transaction and q.pgscore_id > case new.pgscore_task when 'rekeyed' then 0 else new.pgscore_id end
        ) then
            with taken as (
                delete from "Shop"."_pgscore_Customer_queue" pgscore_row
                where pgscore_row.pgscore_transaction = new.pgscore_transaction and pgscore_row.pgscore_id > case new.pgscore_task when 'rekeyed' then 0 else new.pgscore_id end
                returning pgscore_row as work
            )
            select array_agg(t.work) into rest from taken t;
        end if;
    end if;
    begin
        perform "Shop"."_pgscore_Customer_apply"(one || rest);
    exception when others then
        get stacked diagnostics detail = pg_exception_detail, hint = pg_exception_hint;
        perform pgscore._fail(2, '"Shop"."Order Lines"', sqlstate, sqlerrm, detail, hint);
    end;
    return null;
end
$function$;
alter function "Shop"."_pgscore_Customer_commit"() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Customer_commit"() is 'pgscore: does at commit what is queued for "Shop"."Customer" (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Customer_forget"()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Rows that left "Shop"."Customer" leave the list of stale rows. Generated; change it with pgscore.attach.
begin
    begin
        perform p.id::text from "Shop"."Customer" p limit 0;
    exception when others then
        perform pgscore._fail_unfit(2, '"Shop"."Order Lines"', sqlstate, sqlerrm);
    end;
    if tg_op = 'TRUNCATE' then
        delete from pgscore.stale_row s
        where s.binding = 2 and not exists (select from "Shop"."Customer" p where p.id::text = s.key);
    else
        delete from pgscore.stale_row s using pgscore_old o where s.binding = 2 and s.key = o.id::text;
    end if;
    return null;
end
$function$;
alter function "Shop"."_pgscore_Customer_forget"() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Customer_forget"() is 'pgscore: takes deleted rows of "Shop"."Customer" from the list of stale rows (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Customer_has_mark"()
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Whether the setting names a mark in the queue of "Shop"."Customer". Generated; change it with pgscore.attach.
begin
    -- Anybody may set it, and only the owner can queue what it names. It says at which depth of triggers rows are stored
    -- with their scores: not what a trigger changes because of that.
    if current_setting('pgscore.scored', true) ~ ('^' || pg_trigger_depth() + 1 || '/[0-9]{1,18}$') then
        return exists (
            select from "Shop"."_pgscore_Customer_queue" q
            where q.pgscore_transaction = pg_current_xact_id_if_assigned() and q.pgscore_task = 'scored'
                and q.pgscore_id = split_part(current_setting('pgscore.scored', true), '/', 2)::bigint
        );
    end if;
    return false;
end
$function$;
alter function "Shop"."_pgscore_Customer_has_mark"() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner,=X/shop_owner}
comment on function "Shop"."_pgscore_Customer_has_mark"() is 'pgscore: whether a setting names a mark in the queue of "Shop"."Customer" (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Customer_is_marked"()
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
-- Whether a statement stores rows of "Shop"."Customer" together with their scores: then the trigger that scores them stands
-- aside. Generated; change it with pgscore.attach.
begin
    -- The condition of that trigger, and of no use elsewhere. It says that it is immutable, so PostgreSQL evaluates it when it
    -- prepares the condition: once for each execution of a statement and each table, and not for each row. No plan keeps a
    -- trigger's condition, while one that called this would keep the answer; hence what is called here is not immutable.
    -- Whoever writes to the table runs it for each statement: without settings, so with the schema of each name.
    if pg_catalog.current_setting('pgscore.scored', true) operator(pg_catalog.<>) '' then
        return "Shop"."_pgscore_Customer_has_mark"();
    end if;
    return false;
end
$function$;
alter function "Shop"."_pgscore_Customer_is_marked"() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner,=X/shop_owner}
comment on function "Shop"."_pgscore_Customer_is_marked"() is 'pgscore: whether a statement stores rows of "Shop"."Customer" together with their scores (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Customer_rekey"()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Rows of "Shop"."Customer" that have got another key are counted now that they are stored. Generated; change it with pgscore.attach.
-- The trigger that scores a row notes its new key before the row has it, and, on the way to another partition, as the
-- only one. Where constraints are immediate that is too early to count.
begin
    perform set_config('pgscore.rekeyed', '', true);
    insert into "Shop"."_pgscore_Customer_queue" (pgscore_binding, pgscore_task, pgscore_runs) select 0, 'rekeyed', 'commit'
    where exists (select from "Shop"."_pgscore_Customer_queue" q where q.pgscore_transaction = pg_current_xact_id() and q.pgscore_task = 'rekey');
    return null;
end
$function$;
alter function "Shop"."_pgscore_Customer_rekey"() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Customer_rekey"() is 'pgscore: has rows of "Shop"."Customer" counted whose key has changed (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Customer_rescore"(binding integer, what text, which text, version integer, first_key text[], last_key text[], some_keys text[], rows integer, OUT page_first text[], OUT page_last text[], OUT checked bigint, OUT changed bigint, OUT refused bigint, OUT skipped text[])
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET jit TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_sort TO 'on'
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Brings scores of "Shop"."Customer" up to the version that serves, for pgscore.rescore: counts the rows to look at, hands out
-- the next of them, or scores those that were handed out. Generated; change it with pgscore.attach.
#variable_conflict use_column
<<here>>
declare
    task text := $2;
    whole boolean := $3 = 'whole';
    outdated boolean := $3 = 'outdated';
    serving integer := $4;
    first text[] := $5;
    last text[] := $6;
    among text[] := $7;
    many integer := $8;
    listed boolean;
    keys_1 bigint[];
    explanations jsonb[];
    names text[];
    scores double precision[];
    reasons text[];
    given "Shop"."Customer"[];
    answer record;
    mark bigint;
    start integer;
    detail text;
    hint text;
begin
    if $1 = 2 then
        begin
            -- The list is empty but for bad days.
            listed := exists (select from pgscore.stale_row s where s.binding = 2 and s.cause = 'score');
            if task = 'count' then
                select count(*) into checked from "Shop"."Customer" pgscore_row where pgscore_row.id is not null and (here.whole
                or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                or here.outdated and (pgscore_row."Score" is null or (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score'))));
                return;
            elsif task = 'page' then
                -- The first, and the last of so many. A plan for any number would sort the whole table each time.
                perform set_config('enable_sort', 'off', true);
                if first is null then
                    select array[pgscore_row.id::text] into page_first from "Shop"."Customer" pgscore_row
                    where pgscore_row.id is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))) order by pgscore_row.id limit 1;
                else
                    select array[pgscore_row.id::text] into page_first from "Shop"."Customer" pgscore_row
                    where (pgscore_row.id) > (here.first[1]::bigint) and pgscore_row.id is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))) order by pgscore_row.id limit 1;
                end if;
                select count(*), array[(array_agg(u.key_1))[count(*)]::text] into checked, page_last
                from (
                    select pgscore_row.id as key_1
                    from "Shop"."Customer" pgscore_row
                    where (pgscore_row.id) >= (page_first[1]::bigint) and pgscore_row.id is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score'))))
                    order by pgscore_row.id limit here.many
                ) u;
                return;
            end if;
            changed := 0;
            -- Tells the trigger that scores rows to leave these alone, unless another trigger, or another model, may have to be heard.
            if not exists (
                select from pg_catalog.pg_trigger t
                where t.tgrelid = any (E'{"\\"Shop\\".\\"Customer\\""}'::regclass[]) and t.tgtype & 19 = 19 and t.tgenabled <> 'D' and t.tgname <> '~pgscore_score'
            ) then
                insert into "Shop"."_pgscore_Customer_queue" (pgscore_binding, pgscore_task) values (0, 'scored') returning pgscore_id into mark;
                perform set_config('pgscore.scored', format('%s/%s', pg_trigger_depth() + 1, mark), true);
            end if;
            -- In the one order, and without waiting for anybody. Who is locked is read as it stands then.
            if exists (select from pgscore.model m where m.name = 'shop' and m.many_engine in ('estimator', 'onnx')) then
                select count(*), array_agg(u.key_1), array_agg(u.name), array_agg(u.pgscore_row) into checked, here.keys_1, names, given
                from (
                    select pgscore_row.id as key_1, pgscore_row.id::text as name, pgscore_row
                    from "Shop"."Customer" pgscore_row
                    where (pgscore_row.id) >= (here.first[1]::bigint)
                        and (pgscore_row.id) <= (here.last[1]::bigint)
                        and case when here.among is null then true else pgscore_row.id::text = any (here.among) end and pgscore_row.id is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score'))))
                    order by pgscore_row.id for no key update skip locked
                ) u;
                if whole or checked < many then
                    select array_agg(pgscore_row.id::text) into skipped
                    from "Shop"."Customer" pgscore_row
                    where (pgscore_row.id) >= (here.first[1]::bigint)
                        and (pgscore_row.id) <= (here.last[1]::bigint)
                        and case when here.among is null then true else pgscore_row.id::text = any (here.among) end and pgscore_row.id is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score'))))
                        and pgscore_row.id::text not in (select u.key_1::text from unnest(here.keys_1) as u (key_1));
                end if;
            else
                -- One statement, and each row is touched once. Of those that have no score the keys are left.
                with locked as materialized (
                    select pgscore_row.id as key_1, pgscore_row."Score" as former, pgscore_row."Version" as former_version, pgscore_row.why as former_reasons, case when here.listed then pgscore_row.id::text end as name,
                        pgscore.score('shop'::text, pgscore_row) as score, pgscore_row as given
                    from "Shop"."Customer" pgscore_row
                    where (pgscore_row.id) >= (here.first[1]::bigint)
                        and (pgscore_row.id) <= (here.last[1]::bigint)
                        and case when here.among is null then true else pgscore_row.id::text = any (here.among) end and pgscore_row.id is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score'))))
                    order by pgscore_row.id for no key update skip locked
                ), written as (
                    update "Shop"."Customer" p set "Score" = u.score, "Version" = here.serving, why = u.explanation
                    from (
                            select l.*, case when l.score is not null then pgscore._strongest('shop', here.serving, l.given, 3) end as explanation from locked l offset 0
                        ) u
                    where p.id = u.key_1 and (p.id) >= (here.first[1]::bigint)
                        and (p.id) <= (here.last[1]::bigint) and u.score is not null and (u.former is distinct from u.score or u.former_version is distinct from here.serving or u.former_reasons is distinct from u.explanation)
                    returning p.id::text as key, u.score
                ), logged as (
                    insert into pgscore.prediction_log (model, version, binding, key, score)
                    select b.model, here.serving, b.name, w.key, w.score
                    from pgscore.binding b, written w
                    where b.number = 2 and b.profile = '"Shop"."Customer"'::regclass
                ), unlisted as (
                    delete from pgscore.stale_row s
                    using locked u
                    where here.listed and s.binding = 2 and s.cause = 'score' and s.key = u.name and u.score is not null
                )
                select
                    count(*), (select count(*) from written), array_agg(u.key_1) filter (where u.score is null), (
                        -- What was handed out and could not be had: others have locked it, or have scored it meanwhile.
                        select array_agg(pgscore_row.id::text)
                        from "Shop"."Customer" pgscore_row
                        where (here.whole or (select count(*) from locked) < here.many)
                            and (pgscore_row.id) >= (here.first[1]::bigint)
                                and (pgscore_row.id) <= (here.last[1]::bigint)
                                and case when here.among is null then true else pgscore_row.id::text = any (here.among) end and pgscore_row.id is not null and (here.whole
                            or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                            or here.outdated and (pgscore_row."Score" is null or (here.listed and pgscore_row.id::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))) and not exists (select from locked u where pgscore_row.id = u.key_1)
                    )
                into checked, changed, here.keys_1, skipped
                from locked u;
                if keys_1 is not null then
                    -- Refused, perhaps: the function for rows says why.
                    select array_agg(u.key_1), array_agg(pgscore_row.id::text), array_agg(pgscore_row) into here.keys_1, names, given
                    from unnest(here.keys_1) as u (key_1) join "Shop"."Customer" pgscore_row on pgscore_row.id = u.key_1;
                end if;
            end if;
            if names is not null then
                start := 1;
                while start <= cardinality(given) loop
                    select s.scores, s.version, s.reasons into answer
                    from pgscore._score_rows('shop', here.given[here.start : here.start + 999]) s;
                    if answer.version is distinct from serving then
                        raise exception 'another version of model "%" was promoted meanwhile', 'shop' using errcode = 'serialization_failure';
                    end if;
                    scores := scores || answer.scores;
                    reasons := reasons || coalesce(answer.reasons, array_fill(null::text, array[cardinality(answer.scores)]));
                    explanations := explanations || (
                        select array_agg(case when u.score is not null then pgscore._strongest('shop', here.serving, u.row, 3) end)
                        from (select unnest(here.given[here.start : here.start + 999]) as row, unnest(answer.scores) as score offset 0) u
                    );
                    start := start + 1000;
                end loop;
                refused := num_nonnulls(variadic reasons);
                if listed or refused > 0 then
                    insert into pgscore.stale_row as s (binding, key, reason)
                    select 2, a.key, a.reason from unnest(here.names, here.reasons) as a (key, reason)
                    where a.reason is not null and a.key is not null and exists (select from pgscore.binding b where b.number = 2 and b.profile = '"Shop"."Customer"'::regclass)
                    on conflict on constraint stale_row_pkey do update set reason = excluded.reason where s.reason <> excluded.reason;
                    delete from pgscore.stale_row s
                    using unnest(here.names, here.reasons) as a (key, reason)
                    where s.binding = 2 and s.cause = 'score' and s.key = a.key and a.reason is null;
                end if;
                with written as (
                    update "Shop"."Customer" p set "Score" = u.score, "Version" = here.serving, why = u.explanation
                    from unnest(here.keys_1, here.scores, here.reasons, here.explanations) as u (key_1, score, reason, explanation)
                    where p.id = u.key_1 and u.reason is null and (p."Score" is distinct from u.score or p."Version" is distinct from here.serving or p.why is distinct from u.explanation)
                    returning p.id::text as key, u.score
                ), logged as (
                    insert into pgscore.prediction_log (model, version, binding, key, score)
                    select b.model, here.serving, b.name, w.key, w.score
                    from pgscore.binding b, written w
                    where b.number = 2 and b.profile = '"Shop"."Customer"'::regclass
                )
                select changed + count(*) into changed from written;
            end if;
            if mark is not null then
                perform set_config('pgscore.scored', '', true);
                delete from "Shop"."_pgscore_Customer_queue" q where q.pgscore_transaction = pg_current_xact_id() and q.pgscore_id = here.mark;
            end if;
        exception when others then
            get stacked diagnostics detail = pg_exception_detail, hint = pg_exception_hint;
            perform pgscore._fail(2, '"Shop"."Order Lines"', sqlstate, sqlerrm, detail, hint);
        end;
    end if;
    -- Deferred triggers of the tables fire here, with the owner's rights, and not with those of a member who called.
    set constraints all immediate;
end
$function$;
alter function "Shop"."_pgscore_Customer_rescore"(integer,text,text,integer,text[],text[],text[],integer) owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Customer_rescore"(integer,text,text,integer,text[],text[],text[],integer) is 'pgscore: brings scores of "Shop"."Customer" up to the version that serves (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Customer_score"()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Scores a row of "Shop"."Customer" if what a model reads has changed, whoever changed it. Generated; change it with pgscore.attach.
#variable_conflict use_column
declare
    rekeys boolean;
begin
    begin
        -- What is wrong with the columns is found here, and said in one sentence.
        rekeys := case when pg_typeof('"Shop"."Customer"'::regclass) is not null then old.id is distinct from new.id or num_nulls(new."Score", new."Version", new.why) < 0 end;
    exception when others then
        perform pgscore._fail_unfit(2, '"Shop"."Order Lines"', sqlstate, sqlerrm);
    end;
    if rekeys then
        -- Recounted when it is stored, and at commit, when its events have followed. What is listed for it follows at once.
        with former as (delete from pgscore.stale_row s where s.binding = 2 and s.key = old.id::text returning s.*)
        insert into pgscore.stale_row (binding, key, cause, reason, since)
        select f.binding, new.id::text, f.cause, f.reason, f.since from former f where new.id is not null
        on conflict do nothing;
        insert into "Shop"."_pgscore_Customer_queue" (pgscore_binding, pgscore_task, pgscore_runs, id, pgscore_former_1)
        select 2, 'rekey', 'commit', new.id, old.id where new.id is not null;
        -- Has the trigger fire that looks after the row when it is stored.
        perform set_config('pgscore.rekeyed', 'yes', true);
    end if;
    <<scored>>
    declare
        answer double precision[];
        alone record;
        reason text;
        explanation jsonb;
    begin
        -- What can fail is apart from what writes: a block that only reads costs no transaction id. A conflict of
        -- transactions is no failure of the model.
        begin
            -- Where a counter has moved the model is asked, without the price of finding out what else has changed.
            if new."Score" is null or old."Total" is distinct from new."Total" or old.billed is distinct from new.billed or old.latest is distinct from new.latest or old."least" is distinct from new."least" or old.most is distinct from new.most or old.n is distinct from new.n or old.pieces is distinct from new.pieces or old.weight is distinct from new.weight then
                answer := case when pg_typeof('"Shop"."Customer"'::regclass) is not null then pgscore_models."shop rescore"(null::"Shop"."Customer", new, true) end;
            else
                answer := case when pg_typeof('"Shop"."Customer"'::regclass) is not null then pgscore_models."shop rescore"(old, new, false) end;
            end if;
            if answer is not null then
                if answer[1] is null then
                    -- Refused, or not known to this session yet.
                    select s.scores, s.version, s.reasons into alone from pgscore_models."shop rows"(array[new]) s;
                    answer := array[alone.scores[1], alone.version];
                    reason := alone.reasons[1];
                end if;
                if answer[1] is not null then
                    explanation := pgscore._strongest('shop', answer[2]::integer, new, 3);
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
            new."Score" := answer[1];
            new."Version" := answer[2];
            new.why := explanation;
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
alter function "Shop"."_pgscore_Customer_score"() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Customer_score"() is 'pgscore: scores rows of "Shop"."Customer" in which what a model reads has changed (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Order Lines_delete"()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding "Shop"."Order Lines": rows that go from "Shop"."Order Lines" move "Shop"."Customer". Generated; change it with pgscore.attach.
begin
    begin
        -- What is wrong with the columns is found here, and said in one sentence.
        perform e."Customer Id", e."Kind", e.amount, e.at, e.pieces, e.rush, e.weight,
            case when false then num_nulls(e."Customer Id" = null::bigint, array[e.amount] = null::numeric[], array[e.at] = null::integer[], e."Kind" = 'billing'::text and e.rush = 'true'::boolean, e."Kind" is null, e."Kind" ~~ '', e.amount % 1, e.pieces % 1, e.rush = 'false'::boolean) end,
            (select row(p.id, p.n, p.billed, p."Total", p.pieces, p.weight, p."least", p.most, p.latest, p."Score", p."Version", p.why, array[p."Total"] = null::numeric[], array[p."least"] = null::numeric[], array[p.weight] = null::double precision[], p.billed % 1, p.latest ~~ '', p.most # 1, p.n % 1, p.pieces % 1, q.id, q.n, q.billed, q."Total", q.pieces, q.weight, q."least", q.most) from "Shop"."Customer" p, "Shop"."_pgscore_Customer_queue" q where false)
        from pgscore_old e limit 0;
    exception when others then
        perform pgscore._fail_unfit(2, '"Shop"."Order Lines"', sqlstate, sqlerrm);
    end;
    insert into "Shop"."_pgscore_Customer_queue"
        (pgscore_binding, pgscore_task, pgscore_runs, id, n, billed, "Total", pieces, weight, "least", most)
    select
        2, case when f."Total" in ('NaN', 'Infinity', '-Infinity') then 'recount' else 'undo' end, case when row_number() over () = 1 then 'commit' end,
        f.id, f.n, f.billed, f."Total", f.pieces, f.weight, f."least", f.most
    from (
        select e."Customer Id" as id,
            sum(e.pgscore_sign) as n,
            sum(e.pgscore_sign) filter (where e."Kind" = 'billing'::text and e.rush = 'true'::boolean) as billed,
            sum(e.pgscore_sign * e.amount::numeric) as "Total",
            sum(e.pgscore_sign * e.pieces::numeric) filter (where e."Kind" is null) as pieces,
            null::double precision as weight,
            null::numeric as "least",
            null::integer as most
        from (
            select -1 as pgscore_sign, o."Customer Id", o."Kind", o.amount, o.at, o.pieces, o.rush, o.weight from pgscore_old o
        ) e
        where e."Customer Id" is not null
        group by e."Customer Id"
    ) f;
    return null;
end
$function$;
alter function "Shop"."_pgscore_Order Lines_delete"() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Order Lines_delete"() is 'pgscore: binding "Shop"."Order Lines", tells "Shop"."Customer" of delete (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Order Lines_insert"()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding "Shop"."Order Lines": rows that come into "Shop"."Order Lines" move "Shop"."Customer". Generated; change it with pgscore.attach.
<<here>>
declare
    many boolean := false;
    key_1 bigint;
    delta_1 bigint;
    delta_2 bigint;
    delta_3 numeric;
    delta_4 numeric;
    delta_5 double precision;
    delta_6 numeric;
    delta_7 integer;
begin
    begin
        -- One event is what most statements bring, and to group it costs more than all the rest. No other columns are read
        -- or written below, or at commit, so what is wrong with them is found here, and said in one sentence.
        select e."Customer Id"::bigint, 1::bigint,
            (case when e."Kind" = 'billing'::text and e.rush = 'true'::boolean then 1 end)::bigint,
            e.amount::numeric,
            (case when e."Kind" is null then e.pieces end)::numeric,
            e.weight::double precision,
            e.amount::numeric,
            case when e.rush = 'false'::boolean then e.at end
        into strict here.key_1, here.delta_1, here.delta_2, here.delta_3, here.delta_4, here.delta_5, here.delta_6, here.delta_7
        from pgscore_new e
        where case when false then row(
                e."Customer Id", e."Kind", e.amount, e.at, e.pieces, e.rush, e.weight,
                case when false then num_nulls(e."Customer Id" = null::bigint, array[e.amount] = null::numeric[], array[e.at] = null::integer[], e."Kind" = 'billing'::text and e.rush = 'true'::boolean, e."Kind" is null, e."Kind" ~~ '', e.amount % 1, e.pieces % 1, e.rush = 'false'::boolean) end
            ) is null else true end
            and (select 1 from "Shop"."Customer" p, "Shop"."_pgscore_Customer_queue" q where false and row(
                p.id, p.n, p.billed, p."Total", p.pieces, p.weight, p."least", p.most, p.latest, p."Score", p."Version", p.why, array[p."Total"] = null::numeric[], array[p."least"] = null::numeric[], array[p.weight] = null::double precision[], p.billed % 1, p.latest ~~ '', p.most # 1, p.n % 1, p.pieces % 1, q.id, q.n, q.billed, q."Total", q.pieces, q.weight, q."least", q.most
            ) is null) is null;
    exception
        when no_data_found then return null;
        when too_many_rows then many := true;
        when others then perform pgscore._fail_unfit(2, '"Shop"."Order Lines"', sqlstate, sqlerrm);
    end;
    if many then
        -- Folded by profile. The first row runs what is to be done with all of them.
        insert into "Shop"."_pgscore_Customer_queue"
            (pgscore_binding, pgscore_task, pgscore_runs, id, n, billed, "Total", pieces, weight, "least", most)
        select
            2, 'move', case when row_number() over () = 1 then 'commit' end,
            f.id, f.n, f.billed, f."Total", f.pieces, f.weight, f."least", f.most
        from (
            select e."Customer Id" as id,
                count(*) as n,
                count(*) filter (where e."Kind" = 'billing'::text and e.rush = 'true'::boolean) as billed,
                sum(e.amount) as "Total",
                sum(e.pieces) filter (where e."Kind" is null) as pieces,
                sum(e.weight) as weight,
                (array_agg(e.amount order by e.amount asc) filter (where e.amount is not null))[1] as "least",
                (array_agg(e.at order by e.at desc) filter (where e.at is not null and e.rush = 'false'::boolean))[1] as most
            from pgscore_new e
            where e."Customer Id" is not null
            group by e."Customer Id"
        ) f;
    else
        if here.key_1 is null then
            return null;
        end if;
        insert into "Shop"."_pgscore_Customer_queue"
            (pgscore_binding, pgscore_task, pgscore_runs, id, n, billed, "Total", pieces, weight, "least", most)
        values (2, 'move', 'commit', here.key_1, here.delta_1, here.delta_2, here.delta_3, here.delta_4, here.delta_5, here.delta_6, here.delta_7);
    end if;
    return null;
end
$function$;
alter function "Shop"."_pgscore_Order Lines_insert"() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Order Lines_insert"() is 'pgscore: binding "Shop"."Order Lines", tells "Shop"."Customer" of insert (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Order Lines_reconcile"(rows integer, repair boolean, OUT checked bigint, OUT differing bigint, OUT examples text[], OUT finished boolean)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET jit TO 'off'
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding "Shop"."Order Lines": compares the counters of the next rows of "Shop"."Customer" with the events of "Shop"."Order Lines".
-- Generated; change it with pgscore.attach.
<<here>>
declare
    page "Shop"."Customer"[];
    wrong "Shop"."Customer"[];
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
        from (select pgscore_row from "Shop"."Customer" pgscore_row where pgscore_row.id is not null order by pgscore_row.id limit $1) l;
    else
        select array_agg(l.pgscore_row order by (l.pgscore_row).id) into page
        from (
            select pgscore_row from "Shop"."Customer" pgscore_row
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
            case when pgscore_row.billed is distinct from r.value_2 then format('%s is %s and the events give %s', 'billed', coalesce(pgscore_row.billed::text, 'NULL'), coalesce(r.value_2::text, 'NULL')) end,
            case when pgscore_row."Total" is distinct from r.value_3 then format('%s is %s and the events give %s', 'Total', coalesce(pgscore_row."Total"::text, 'NULL'), coalesce(r.value_3::text, 'NULL')) end,
            case when pgscore_row.pieces is distinct from r.value_4 then format('%s is %s and the events give %s', 'pieces', coalesce(pgscore_row.pieces::text, 'NULL'), coalesce(r.value_4::text, 'NULL')) end,
            case when (pgscore_row.weight is null or (pgscore_row.weight is distinct from r.value_5 and not abs(pgscore_row.weight - r.value_5) <= 1e-9 * abs(r.value_5))) then format('%s is %s and the events give %s', 'weight', coalesce(pgscore_row.weight::text, 'NULL'), coalesce(r.value_5::text, 'NULL')) end,
            case when pgscore_row."least" is distinct from r.value_6 then format('%s is %s and the events give %s', 'least', coalesce(pgscore_row."least"::text, 'NULL'), coalesce(r.value_6::text, 'NULL')) end,
            case when pgscore_row.most is distinct from r.value_7 then format('%s is %s and the events give %s', 'most', coalesce(pgscore_row.most::text, 'NULL'), coalesce(r.value_7::text, 'NULL')) end,
            case when pgscore_row.latest is distinct from r.value_8 then format('%s is %s and the events give %s', 'latest', coalesce(pgscore_row.latest::text, 'NULL'), coalesce(r.value_8::text, 'NULL')) end) as shown
        from unnest(here.page) as u
        join "Shop"."Customer" pgscore_row on pgscore_row.id = u.id
        cross join lateral "Shop"."_pgscore_Order Lines_recount"(pgscore_row.id, true) r
        where pgscore_row.n is distinct from r.value_1
            or pgscore_row.billed is distinct from r.value_2
            or pgscore_row."Total" is distinct from r.value_3
            or pgscore_row.pieces is distinct from r.value_4
            or (pgscore_row.weight is null or (pgscore_row.weight is distinct from r.value_5 and not abs(pgscore_row.weight - r.value_5) <= 1e-9 * abs(r.value_5)))
            or pgscore_row."least" is distinct from r.value_6
            or pgscore_row.most is distinct from r.value_7
            or pgscore_row.latest is distinct from r.value_8
    ) d;
    finished := coalesce(cardinality(page), 0) < $1;
    if $2 then
        select array_agg(s.key) into missed
        from unnest(here.page) as pgscore_row join pgscore.stale_row s on s.binding = 2 and s.key = pgscore_row.id::text;
        insert into "Shop"."_pgscore_Customer_queue" (pgscore_binding, pgscore_task, id)
        select 2, 'recount', pgscore_row.id
        from unnest(here.page) as pgscore_row
        where pgscore_row.id::text = any (here.missed)
            or exists (select from unnest(here.wrong) as u where pgscore_row.id = u.id);
        if found then
            perform "Shop"."_pgscore_Customer_apply"(null);
        end if;
        delete from pgscore.stale_row s where s.binding = 2 and s.cause = 'backfill' and s.key = any (here.missed);
        -- No trigger sees a TRUNCATE of profiles, or a partition of them that goes.
        if finished then
            delete from pgscore.stale_row s
            where s.binding = 2 and not exists (select from "Shop"."Customer" pgscore_row where pgscore_row.id::text = s.key);
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
    perform pgscore._fail(2, '"Shop"."Order Lines"', sqlstate, sqlerrm);
end
$function$;
alter function "Shop"."_pgscore_Order Lines_reconcile"(integer,boolean) owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Order Lines_reconcile"(integer,boolean) is 'pgscore: binding "Shop"."Order Lines", compares counters of some rows of "Shop"."Customer" with their events, and mends them (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Order Lines_recount"(key_1 bigint, everything boolean, OUT any_event boolean, OUT value_1 bigint, OUT value_2 numeric, OUT value_3 numeric, OUT value_4 bigint, OUT value_5 double precision, OUT value_6 numeric, OUT value_7 integer, OUT value_8 text)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET row_security TO 'off'
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding "Shop"."Order Lines": what the events of a key give. Generated; change it with pgscore.attach.
-- Those that add up only if everything is asked for.
begin
    select
        exists (select from "Shop"."Order Lines" e where e."Customer Id" = $1),
        case when $2 then (select count(*) from "Shop"."Order Lines" e where e."Customer Id" = $1) end,
        case when $2 then (select count(*) from "Shop"."Order Lines" e where e."Customer Id" = $1 and e."Kind" = 'billing'::text and e.rush = 'true'::boolean) end,
        case when $2 then (select coalesce(sum(e.amount), 0) from "Shop"."Order Lines" e where e."Customer Id" = $1) end,
        case when $2 then (select coalesce(sum(e.pieces), 0) from "Shop"."Order Lines" e where e."Customer Id" = $1 and e."Kind" is null) end,
        (select coalesce(sum(e.weight), 0) from "Shop"."Order Lines" e where e."Customer Id" = $1),
        (select e.amount from "Shop"."Order Lines" e where e."Customer Id" = $1 and e.amount is not null order by e.amount asc limit 1),
        (select e.at from "Shop"."Order Lines" e where e."Customer Id" = $1 and e.rush = 'false'::boolean and e.at is not null order by e.at desc limit 1),
        (select e."Kind" from "Shop"."Order Lines" e where e."Customer Id" = $1 order by e.at desc nulls last, e.id desc limit 1)
    into any_event, value_1, value_2, value_3, value_4, value_5, value_6, value_7, value_8;
end
$function$;
alter function "Shop"."_pgscore_Order Lines_recount"(bigint,boolean) owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Order Lines_recount"(bigint,boolean) is 'pgscore: binding "Shop"."Order Lines", what the events of a key give (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Order Lines_truncate"()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding "Shop"."Order Lines": TRUNCATE of "Shop"."Order Lines" tells no rows, so all of "Shop"."Customer" is recounted. Generated; change it with pgscore.attach.
begin
    insert into "Shop"."_pgscore_Customer_queue" (pgscore_binding, pgscore_task, pgscore_runs)
    values (2, 'recount all', 'commit');
    return null;
end
$function$;
alter function "Shop"."_pgscore_Order Lines_truncate"() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Order Lines_truncate"() is 'pgscore: binding "Shop"."Order Lines", tells "Shop"."Customer" of truncate (<hash>)';

CREATE OR REPLACE FUNCTION "Shop"."_pgscore_Order Lines_update"()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
-- Binding "Shop"."Order Lines": rows that change in "Shop"."Order Lines" move "Shop"."Customer". Generated; change it with pgscore.attach.
begin
    begin
        -- What is wrong with the columns is found here, and said in one sentence.
        perform e."Customer Id", e."Kind", e.amount, e.at, e.pieces, e.rush, e.weight,
            case when false then num_nulls(e."Customer Id" = null::bigint, array[e.amount] = null::numeric[], array[e.at] = null::integer[], e."Kind" = 'billing'::text and e.rush = 'true'::boolean, e."Kind" is null, e."Kind" ~~ '', e.amount % 1, e.pieces % 1, e.rush = 'false'::boolean) end,
            (select row(p.id, p.n, p.billed, p."Total", p.pieces, p.weight, p."least", p.most, p.latest, p."Score", p."Version", p.why, array[p."Total"] = null::numeric[], array[p."least"] = null::numeric[], array[p.weight] = null::double precision[], p.billed % 1, p.latest ~~ '', p.most # 1, p.n % 1, p.pieces % 1, q.id, q.n, q.billed, q."Total", q.pieces, q.weight, q."least", q.most) from "Shop"."Customer" p, "Shop"."_pgscore_Customer_queue" q where false)
        from pgscore_new e limit 0;
    exception when others then
        perform pgscore._fail_unfit(2, '"Shop"."Order Lines"', sqlstate, sqlerrm);
    end;
    insert into "Shop"."_pgscore_Customer_queue"
        (pgscore_binding, pgscore_task, pgscore_runs, id, n, billed, "Total", pieces, weight, "least", most)
    select
        2, case when f."Total" in ('NaN', 'Infinity', '-Infinity') then 'recount' else 'undo' end, case when row_number() over () = 1 then 'commit' end,
        f.id, f.n, f.billed, f."Total", f.pieces, f.weight, f."least", f.most
    from (
        select e."Customer Id" as id,
            sum(e.pgscore_sign) as n,
            sum(e.pgscore_sign) filter (where e."Kind" = 'billing'::text and e.rush = 'true'::boolean) as billed,
            sum(e.pgscore_sign * e.amount::numeric) as "Total",
            sum(e.pgscore_sign * e.pieces::numeric) filter (where e."Kind" is null) as pieces,
            null::double precision as weight,
            null::numeric as "least",
            null::integer as most
        from (
            select 1 as pgscore_sign, pgscore._state_text(row(n."Customer Id", n."Kind", n.amount, n.at, n.id, n.pieces, n.rush, n.weight)) collate "C" as pgscore_state, n."Customer Id", n."Kind", n.amount, n.at, n.pieces, n.rush, n.weight from pgscore_new n
            union all
            select -1 as pgscore_sign, pgscore._state_text(row(o."Customer Id", o."Kind", o.amount, o.at, o.id, o.pieces, o.rush, o.weight)) collate "C" as pgscore_state, o."Customer Id", o."Kind", o.amount, o.at, o.pieces, o.rush, o.weight from pgscore_old o
        ) e
        where e."Customer Id" is not null
        group by e."Customer Id"
        having array_agg(e.pgscore_state order by e.pgscore_state) filter (where e.pgscore_sign = 1)
            is distinct from array_agg(e.pgscore_state order by e.pgscore_state) filter (where e.pgscore_sign = -1)
    ) f;
    return null;
end
$function$;
alter function "Shop"."_pgscore_Order Lines_update"() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"."_pgscore_Order Lines_update"() is 'pgscore: binding "Shop"."Order Lines", tells "Shop"."Customer" of update (<hash>)';

CREATE OR REPLACE FUNCTION pgscore._rescore(model text, former "Shop"."Customer", present "Shop"."Customer", forced boolean)
 RETURNS double precision[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select pgscore._late_rescore($1, $3)$function$;
alter function pgscore._rescore(text,"Shop"."Customer","Shop"."Customer",boolean) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore._rescore(text,"Shop"."Customer","Shop"."Customer",boolean) is 'Score and version of a row of "Shop"."Customer"; NULL if what the model reads has not changed, or no version is promoted';

CREATE OR REPLACE FUNCTION pgscore._score_rows(model text, profiles "Shop"."Customer"[])
 RETURNS pgscore.scored
 LANGUAGE sql
 STABLE PARALLEL RESTRICTED
AS $function$select pgscore._late_rows($1, $2)$function$;
alter function pgscore._score_rows(text,"Shop"."Customer"[]) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore._score_rows(text,"Shop"."Customer"[]) is 'Scores of rows of "Shop"."Customer" and the version that gave them; NULL where no version is promoted';

CREATE OR REPLACE FUNCTION pgscore.score(model text, profile "Shop"."Customer")
 RETURNS double precision
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select pgscore._late_score($1, $2)$function$;
alter function pgscore.score(text,"Shop"."Customer") owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore.score(text,"Shop"."Customer") is 'The score that a model''s serving version gives for a row of "Shop"."Customer"';

CREATE OR REPLACE FUNCTION pgscore_models."shop rescore"(former "Shop"."Customer", present "Shop"."Customer", forced boolean)
 RETURNS double precision[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select pgscore._late_rescore('shop', $2)$function$;
alter function pgscore_models."shop rescore"("Shop"."Customer","Shop"."Customer",boolean) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore_models."shop rescore"("Shop"."Customer","Shop"."Customer",boolean) is 'Model "shop", without a version that answers: score and version of a row of "Shop"."Customer", if what the model reads has changed; without a score, ask for an array of one row';

CREATE OR REPLACE FUNCTION pgscore_models."shop rows"(profiles "Shop"."Customer"[])
 RETURNS pgscore.scored
 LANGUAGE plpgsql
 STABLE PARALLEL RESTRICTED
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin
    return pgscore._late_rows('shop', $1);
end$function$;
alter function pgscore_models."shop rows"("Shop"."Customer"[]) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore_models."shop rows"("Shop"."Customer"[]) is 'Model "shop", without a version that answers: rows of "Shop"."Customer", with the version and the reasons of refusals';

CREATE TRIGGER pgscore_arrive AFTER INSERT ON "Shop"."Customer" REFERENCING NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION "Shop"."_pgscore_Customer_arrive"();
comment on trigger pgscore_arrive on "Shop"."Customer" is 'pgscore: keeps counters and scores of "Shop"."Customer" right when its rows themselves change (<hash>)';

CREATE TRIGGER pgscore_forget AFTER DELETE ON "Shop"."Customer" REFERENCING OLD TABLE AS pgscore_old FOR EACH STATEMENT EXECUTE FUNCTION "Shop"."_pgscore_Customer_forget"();
comment on trigger pgscore_forget on "Shop"."Customer" is 'pgscore: keeps counters and scores of "Shop"."Customer" right when its rows themselves change (<hash>)';

CREATE TRIGGER pgscore_forget_all AFTER TRUNCATE ON "Shop"."Customer" FOR EACH STATEMENT EXECUTE FUNCTION "Shop"."_pgscore_Customer_forget"();
comment on trigger pgscore_forget_all on "Shop"."Customer" is 'pgscore: keeps counters and scores of "Shop"."Customer" right when its rows themselves change (<hash>)';

CREATE TRIGGER pgscore_rekey AFTER UPDATE ON "Shop"."Customer" FOR EACH STATEMENT WHEN ((current_setting('pgscore.rekeyed'::text, true) = 'yes'::text)) EXECUTE FUNCTION "Shop"."_pgscore_Customer_rekey"();
comment on trigger pgscore_rekey on "Shop"."Customer" is 'pgscore: keeps counters and scores of "Shop"."Customer" right when its rows themselves change (<hash>)';

CREATE TRIGGER "~pgscore_score" BEFORE UPDATE ON "Shop"."Customer" FOR EACH ROW WHEN ((NOT "Shop"."_pgscore_Customer_is_marked"())) EXECUTE FUNCTION "Shop"."_pgscore_Customer_score"();
comment on trigger "~pgscore_score" on "Shop"."Customer" is 'pgscore: keeps counters and scores of "Shop"."Customer" right when its rows themselves change (<hash>)';

CREATE TRIGGER "pgscore_Order Lines_delete" AFTER DELETE ON "Shop"."Order Lines" REFERENCING OLD TABLE AS pgscore_old FOR EACH STATEMENT EXECUTE FUNCTION "Shop"."_pgscore_Order Lines_delete"();
comment on trigger "pgscore_Order Lines_delete" on "Shop"."Order Lines" is 'pgscore: moves counters of "Shop"."Customer" and scores of model shop (<hash>)';

CREATE TRIGGER "pgscore_Order Lines_insert" AFTER INSERT ON "Shop"."Order Lines" REFERENCING NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION "Shop"."_pgscore_Order Lines_insert"();
comment on trigger "pgscore_Order Lines_insert" on "Shop"."Order Lines" is 'pgscore: moves counters of "Shop"."Customer" and scores of model shop (<hash>)';

CREATE TRIGGER "pgscore_Order Lines_truncate" AFTER TRUNCATE ON "Shop"."Order Lines" FOR EACH STATEMENT EXECUTE FUNCTION "Shop"."_pgscore_Order Lines_truncate"();
comment on trigger "pgscore_Order Lines_truncate" on "Shop"."Order Lines" is 'pgscore: moves counters of "Shop"."Customer" and scores of model shop (<hash>)';

CREATE TRIGGER "pgscore_Order Lines_update" AFTER UPDATE ON "Shop"."Order Lines" REFERENCING OLD TABLE AS pgscore_old NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION "Shop"."_pgscore_Order Lines_update"();
comment on trigger "pgscore_Order Lines_update" on "Shop"."Order Lines" is 'pgscore: moves counters of "Shop"."Customer" and scores of model shop (<hash>)';

CREATE CONSTRAINT TRIGGER pgscore_commit AFTER INSERT ON "Shop"."_pgscore_Customer_queue" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.pgscore_runs = 'commit'::text)) EXECUTE FUNCTION "Shop"."_pgscore_Customer_commit"();
comment on trigger pgscore_commit on "Shop"."_pgscore_Customer_queue" is 'pgscore: runs when the transaction commits, or at SET CONSTRAINTS ALL IMMEDIATE (<hash>)';

CREATE TRIGGER pgscore_statement AFTER INSERT ON "Shop"."_pgscore_Customer_queue" FOR EACH ROW WHEN ((new.pgscore_runs = 'statement'::text)) EXECUTE FUNCTION "Shop"."_pgscore_Customer_commit"();
comment on trigger pgscore_statement on "Shop"."_pgscore_Customer_queue" is 'pgscore: runs at the end of the statement (<hash>)';
