-- The reference application.

create table pgscore.arrival_1 (
    slot integer not null,
    transaction xid8,
    constraint arrival_1_pkey PRIMARY KEY (slot)
) with (fillfactor=50);
comment on column pgscore.arrival_1.slot is 'What keys hash to';
comment on column pgscore.arrival_1.transaction is 'The transaction that changed the row last';
alter table pgscore.arrival_1 owner to pgscore_owner;
-- rights: {pgscore_owner=arwdDxt/pgscore_owner,churn_owner=rw/pgscore_owner}
comment on table pgscore.arrival_1 is 'New profiles, and events that find no profile, change the row that their key hashes to: of two at the same time the later one waits, and then sees the other';

create unlogged table pgscore.queue_1 (
    transaction xid8 default pg_current_xact_id() not null,
    binding integer not null,
    task text not null,
    keys text[] not null,
    deltas text[] not null
) with (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_insert_threshold=-1, vacuum_truncate=false);
CREATE INDEX queue_1_transaction_idx ON pgscore.queue_1 USING btree (transaction);
comment on column pgscore.queue_1.transaction is 'The transaction';
comment on column pgscore.queue_1.binding is 'The number of the binding; 0 for the apply function''s own mark';
comment on column pgscore.queue_1.task is 'move: add the deltas; undo: those that can be taken away, and recount the rest; recount, settle: recount all; recount all: of every profile; arrive, rekey: a profile is new or has a new key; rekeyed: it is stored with it; scored: rows are being stored with their scores';
comment on column pgscore.queue_1.keys is 'Keys of profiles';
comment on column pgscore.queue_1.deltas is 'For each key, what the events add: a text array with an element for each reducer; for rekey, the former key';
alter table pgscore.queue_1 owner to pgscore_owner;
-- rights: {pgscore_owner=arwdDxt/pgscore_owner,pgscore_applier=r/pgscore_owner,churn_owner=ard/pgscore_owner}
comment on table pgscore.queue_1 is 'Work of transactions in flight: written by triggers, taken back at commit, never seen by another transaction';

CREATE OR REPLACE FUNCTION churn._pgscore_binding_1_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin insert into pgscore.queue_1 (binding, task, keys, deltas) select 1, 'move', array_agg(f.key), array_agg(f.delta) from (select e.customer_id::text as key, array[(null)::text]::text[]::text as delta from pgscore_old e where e.customer_id is not null group by e.customer_id having false) f having count(*) > 0; return null; end$function$;
alter function churn._pgscore_binding_1_delete() owner to churn_owner;
-- rights: {churn_owner=X/churn_owner}
comment on function churn._pgscore_binding_1_delete() is 'Tells profiles of churn.customer_profile what a statement did to churn.complaints: delete';

CREATE OR REPLACE FUNCTION churn._pgscore_binding_1_insert()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin perform from pgscore_new offset 1; if not found then insert into pgscore.queue_1 (binding, task, keys, deltas) select 1, 'move', array[e.customer_id::text], array[array[(1)::text]::text[]::text] from pgscore_new e where e.customer_id is not null; return null; end if; insert into pgscore.queue_1 (binding, task, keys, deltas) select 1, 'move', array_agg(f.key), array_agg(f.delta) from (select e.customer_id::text as key, array[(count(*))::text]::text[]::text as delta from pgscore_new e where e.customer_id is not null group by e.customer_id) f having count(*) > 0; return null; end$function$;
alter function churn._pgscore_binding_1_insert() owner to churn_owner;
-- rights: {churn_owner=X/churn_owner}
comment on function churn._pgscore_binding_1_insert() is 'Tells profiles of churn.customer_profile what a statement did to churn.complaints: insert';

CREATE OR REPLACE FUNCTION churn._pgscore_binding_1_reconcile(rows integer, repair boolean, OUT checked bigint, OUT differing bigint, OUT examples text[], OUT finished boolean)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$<<here>>
            declare
                keys text[]; wrong text[]; missed text[]; after text;
            begin
                insert into pgscore.reconciliation as s (binding, repair) values (1, $2)
                on conflict on constraint reconciliation_pkey do update
                set repair = excluded.repair, last_key = null, checked = 0, differing = 0, started = now(), finished = null
                where s.finished is not null or s.repair <> excluded.repair;
                select s.last_key into here.after from pgscore.reconciliation s where s.binding = 1 for update;
                if here.after is null then
                    here.keys := array(select p.customer_id::text from churn.customer_profile p where p.customer_id is not null order by p.customer_id limit $1);
                else
                    here.keys := array(select p.customer_id::text from churn.customer_profile p where p.customer_id is not null and (p.customer_id) > ((here.after)::bigint) order by p.customer_id limit $1);
                end if;
                -- One statement and one snapshot: what commits meanwhile is not taken for a difference.
                select array_agg(d.key), (array_agg(d.key || ': ' || d.shown))[1:10]
                into here.wrong, examples
                from (
                    select u.key, concat_ws('; ', null) as shown
                    from unnest(here.keys) as u (key) join churn.customer_profile p on p.customer_id = (u.key)::bigint cross join lateral churn._pgscore_binding_1_recount(u.key, true) r
                    where false
                ) d;
                finished := cardinality(here.keys) < $1;
                if $2 then
                    here.missed := array(
                        select u.key from unnest(here.keys) as u (key)
                        where exists (select from pgscore.stale_row s where s.binding = 1 and s.key = u.key)
                    );
                    perform churn._pgscore_profile_1_apply(array[row(1, 'settle', array(select unnest(here.wrong) union select unnest(here.missed)), '{}')::pgscore.work])
                    where here.wrong is not null or cardinality(here.missed) > 0;
                    delete from pgscore.stale_row s where s.binding = 1 and s.cause = 'backfill' and s.key = any (here.missed);
                    -- No trigger sees a TRUNCATE of profiles, or a partition of them that goes.
                    delete from pgscore.stale_row s
                    where finished and s.binding = 1 and not exists (select from churn.customer_profile p where p.customer_id = (s.key)::bigint);
                end if;
                update pgscore.reconciliation s
                set last_key = coalesce(here.keys[cardinality(here.keys)], s.last_key), checked = s.checked + cardinality(here.keys),
                    differing = s.differing + coalesce(cardinality(here.wrong), 0),
                    finished = case when cardinality(here.keys) < $1 then clock_timestamp() end
                where s.binding = 1
                returning s.checked, s.differing into checked, differing;
            end$function$;
alter function churn._pgscore_binding_1_reconcile(integer,boolean) owner to churn_owner;
-- rights: {churn_owner=X/churn_owner}
comment on function churn._pgscore_binding_1_reconcile(integer,boolean) is 'Compares counters of some rows of churn.customer_profile with the events of churn.complaints, and mends them';

CREATE OR REPLACE FUNCTION churn._pgscore_binding_1_recount(key text, everything boolean, OUT any_event boolean, OUT v1 bigint)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin select exists (select from churn.complaints e where e.customer_id = ($1)::bigint), case when $2 then (select count(*) from churn.complaints e where e.customer_id = ($1)::bigint) end into any_event, v1; end$function$;
alter function churn._pgscore_binding_1_recount(text,boolean) owner to churn_owner;
-- rights: {churn_owner=X/churn_owner}
comment on function churn._pgscore_binding_1_recount(text,boolean) is 'What the reducers give on the events of churn.complaints for a key; those that add up only if everything is asked for';

CREATE OR REPLACE FUNCTION churn._pgscore_binding_1_rekey()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin
                insert into pgscore.queue_1 (binding, task, keys, deltas) select 1, 'rekeyed', '{}', '{}';
                return null;
            end$function$;
alter function churn._pgscore_binding_1_rekey() owner to churn_owner;
-- rights: {churn_owner=X/churn_owner}
comment on function churn._pgscore_binding_1_rekey() is 'Has rows of churn.customer_profile counted whose key has changed';

CREATE OR REPLACE FUNCTION churn._pgscore_binding_1_truncate()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin  return null; end$function$;
alter function churn._pgscore_binding_1_truncate() owner to churn_owner;
-- rights: {churn_owner=X/churn_owner}
comment on function churn._pgscore_binding_1_truncate() is 'Tells profiles of churn.customer_profile what a statement did to churn.complaints: truncate';

CREATE OR REPLACE FUNCTION churn._pgscore_binding_1_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin insert into pgscore.queue_1 (binding, task, keys, deltas) select 1, 'move', array_agg(f.key), array_agg(f.delta) from (select e.customer_id::text as key, array[(sum(e.pgscore_sign))::text]::text[]::text as delta from (select 1 as pgscore_sign, n.* from pgscore_new n union all select -1, o.* from pgscore_old o) e where e.customer_id is not null group by e.customer_id having coalesce(sum(e.pgscore_sign), 0) <> 0) f having count(*) > 0; return null; end$function$;
alter function churn._pgscore_binding_1_update() owner to churn_owner;
-- rights: {churn_owner=X/churn_owner}
comment on function churn._pgscore_binding_1_update() is 'Tells profiles of churn.customer_profile what a statement did to churn.complaints: update';

CREATE OR REPLACE FUNCTION churn._pgscore_profile_1_apply(work pgscore.work[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$#variable_conflict use_column
        <<here>>
        declare
            work pgscore.work[] := $1; taken pgscore.work; slots integer[]; made text[]; missing text;
            locked churn.customer_profile[]; moved churn.customer_profile[]; item record; one churn.customer_profile; touched boolean; changed boolean[]; serving boolean;
            began timestamptz; size integer; answer pgscore.scored; failure text; every_1 boolean; counted_1 text[]; names_1 text[]; scores_1 double precision[]; versions_1 integer[]; reasons_1 text[]; 
        begin
            if coalesce(nullif(current_setting('pgscore.recounted', true), '') = extract(epoch from statement_timestamp())::text, false) then
            here.work := array(
                select row(
                    w.binding, case when w.task in ('move', 'undo') then 'recount' else w.task end, w.keys, w.deltas
                )::pgscore.work
                from unnest(here.work) w
            );
        elsif exists (select from unnest(here.work) w where w.task <> 'move') then
            perform set_config('pgscore.recounted', extract(epoch from statement_timestamp())::text, true);
        end if; if exists (select from unnest(here.work) w where w.task = 'rekey') then
        here.work := array(
            select row(
                w.binding, w.task,
                case when w.task in ('rekey', 'arrive') then w.keys
                else array(
                    select coalesce(
                        (
                            select k.present
                            from unnest(here.work) r, unnest(r.keys, r.deltas) as k (present, former)
                            where r.binding = w.binding and r.task = 'rekey' and k.former = u.key limit 1
                        ), u.key
                    )
                    from unnest(w.keys) with ordinality as u (key, ordinal) order by u.ordinal
                ) end,
                w.deltas
            )::pgscore.work
            from unnest(here.work) w
        );
    end if; 
            -- Who deleted a profile that was locked may have made it anew: then it is another row, which no snapshot of here
            -- has seen, or one that is yet to come.
            loop
                 here.slots := array(
            select s.slot from (select hashtext(u.key) & 63 as slot from unnest(here.work) w, unnest(w.keys) as u (key)
                    where w.binding = 1 and (w.task in ('arrive', 'rekey') or not exists (select from churn.customer_profile p where p.customer_id = (u.key)::bigint))) s union
            select generate_series(0, 63) where exists (select from unnest(here.work) w where w.task = 'recount all')
        );
        if cardinality(here.slots) > 0 then
            perform from pgscore.arrival_1 a where a.slot = any (here.slots) order by a.slot for update;
            update pgscore.arrival_1 a set transaction = pg_current_xact_id()
            where a.slot = any (here.slots) and a.transaction is distinct from pg_current_xact_id();
        end if; if exists (select from unnest(here.work) w where w.task = 'recount all') then
            select array_agg(l.pgscore_row) into here.locked
            from (select pgscore_row from churn.customer_profile pgscore_row order by pgscore_row.customer_id for no key update) l;
        else
            select array_agg(l.pgscore_row) into here.locked
            from (select pgscore_row from churn.customer_profile pgscore_row where (pgscore_row.customer_id) = any (array(select (u.key)::bigint from unnest(here.work) w, unnest(w.keys) as u (key) where w.binding = any ('{1}'))) order by pgscore_row.customer_id for no key update) l;
        end if;
                exit when not (exists (
                select from unnest(here.work) w, unnest(w.keys) as u (key)
                where w.binding = 1 and hashtext(u.key) & 63 <> all (here.slots) and pg_typeof('churn.customer_profile'::regclass) is not null
                    and not exists (select from unnest(here.locked) as p where p.customer_id::text = u.key)
            ));
            end loop;
            here.every_1 := exists (select from unnest(here.work) w where w.binding = 1 and w.task = 'recount all');
        here.serving := exists (select from pgscore.model m where m.name = any ('{churn}') and m.serving is not null);
        for here.item in
            select pgscore_row as profile, false as forced, here.serving and (here.every_1 or coalesce(w1.absolute, false)) and (pgscore_row.churn_score is null) as unscored, case when w1.key is null then pgscore_row.number_customer_service_calls when w1.arrived then coalesce(pgscore_row.number_customer_service_calls, 0) + r1.v1 else coalesce(pgscore_row.number_customer_service_calls, 0) + coalesce(w1.d1, 0) end as c1_1 from unnest(here.locked) as pgscore_row left join (
            select u.key, bool_or(u.task = 'arrive') as arrived, bool_or(u.task = 'undo') as undone,
                bool_or(u.task in ('recount', 'arrive', 'rekey', 'settle')) as absolute, sum(u.delta[1]::numeric) as d1
            from (
                select w.task, k.key, case when w.task in ('move', 'undo', 'recount') then k.delta::text[] end as delta
                from unnest(here.work) w, unnest(w.keys, w.deltas) as k (key, delta)
                where w.binding = 1
            ) u 
            group by u.key
        ) w1 on w1.key = pgscore_row.customer_id::text
        left join lateral (
            select r.* from churn._pgscore_binding_1_recount(pgscore_row.customer_id::text, here.every_1 or w1.absolute) r where here.every_1 or w1.absolute offset 0
        ) r1 on true where pg_typeof('churn.customer_profile'::regclass) is not null
        loop
            here.one := here.item.profile; here.one.number_customer_service_calls := here.item.c1_1;  
            here.touched := here.item.forced or here.one operator(pg_catalog.*<>) here.item.profile;
            if here.touched or here.item.unscored then
                here.moved := here.moved || here.one;
                here.changed := here.changed || here.touched;
            end if;
        end loop;
            if here.moved is null then
                return;
            end if;
            if cardinality(here.moved) = 1 or exists (
            select from pg_catalog.pg_trigger t
            where t.tgrelid = any ('{churn.customer_profile}'::regclass[]) and t.tgtype & 19 = 19 and t.tgenabled <> 'D' and t.tgname <> '~pgscore_1_score'
        ) then
            -- The trigger that scores changed rows has the engine for one row, and sees what other triggers make of it.
            update churn.customer_profile p set number_customer_service_calls = (m.row).number_customer_service_calls from (select unnest(here.moved) as row) m where p.customer_id = (m.row).customer_id;
        else
            here.began := clock_timestamp();
        for start in 1 .. cardinality(here.moved) by 1000 loop
            here.size := least(1000, cardinality(here.moved) - start + 1);
            here.answer := null;
            here.failure := null;
            if false then
                here.failure := 'scoring took longer than the binding''s max_scoring_ms, ';
            else
                begin
                    here.answer := pgscore._score_rows('churn', here.moved[start : start + here.size - 1]);
                exception
                    when transaction_rollback then raise;
                    when others then here.failure := sqlerrm;
                end;
            end if;
            here.scores_1 := here.scores_1 || coalesce((here.answer).scores, array_fill(null::double precision, array[here.size]));
            here.versions_1 := here.versions_1 || array_fill((here.answer).version, array[here.size]);
            here.reasons_1 := here.reasons_1 || coalesce((here.answer).reasons, array_fill(here.failure, array[here.size]));
        end loop;
        here.names_1 := array(select m.customer_id::text from unnest(here.moved) m where pg_typeof('churn.customer_profile'::regclass) is not null);
        if num_nonnulls(variadic here.reasons_1) > 0 then
            if (select b.on_error from pgscore.binding b where b.number = 1) = 'abort' then
                raise exception 'model "%" could not score % of % rows for %: %', 'churn',
                    num_nonnulls(variadic here.reasons_1), cardinality(here.moved), 'churn.complaints',
                    (select min(r) from unnest(here.reasons_1) r)
                    using errcode = 'data_exception', hint = 'The binding''s on_error is abort; with keep the row would be stored and listed stale.';
            end if;
            insert into pgscore.stale_row as s (binding, key, reason)
            select 1, a.key, a.reason from unnest(here.names_1, here.reasons_1) as a (key, reason)
            where a.reason is not null
            on conflict on constraint stale_row_pkey do update set reason = excluded.reason;
        end if;
        delete from pgscore.stale_row s
        using unnest(here.names_1, here.reasons_1, here.versions_1) as a (key, reason, version)
        where s.binding = 1 and s.cause = 'score' and s.key = a.key and a.reason is null and a.version is not null;
        insert into pgscore.prediction_log (model, version, binding, key, score)
            select b.model, a.version, b.name, a.key, a.score
            from pgscore.binding b,
                unnest(here.names_1, here.scores_1, here.versions_1, here.reasons_1) as a (key, score, version, reason)
            where b.number = 1 and b.log and a.reason is null and a.version is not null; 
            insert into pgscore.queue_1 (binding, task, keys, deltas) values (0, 'scored', '{}', '{}');
            perform set_config('pgscore.scored', (pg_trigger_depth() + 1)::text, true);
            update churn.customer_profile p set number_customer_service_calls = (m.row).number_customer_service_calls, churn_model_version = case when m.version_1 is null or m.reason_1 is not null then p.churn_model_version else m.version_1 end, churn_score = case when m.version_1 is null or m.reason_1 is not null then p.churn_score else m.score_1 end, churn_scored_at = case when m.version_1 is null or m.reason_1 is not null then p.churn_scored_at else now() end from (select unnest(here.moved) as row, unnest(here.changed) as changed, unnest(here.scores_1) as score_1, unnest(here.versions_1) as version_1, unnest(here.reasons_1) as reason_1) m
            where p.customer_id = (m.row).customer_id and (m.changed or (m.version_1 is not null and m.reason_1 is null));
            perform set_config('pgscore.scored', '', true);
            delete from pgscore.queue_1 q where q.transaction = pg_current_xact_id() and q.task = 'scored';
        end if;
        end$function$;
alter function churn._pgscore_profile_1_apply(pgscore.work[]) owner to churn_owner;
-- rights: {churn_owner=X/churn_owner}
comment on function churn._pgscore_profile_1_apply(pgscore.work[]) is 'Moves counters of churn.customer_profile and stores scores, in one UPDATE';

CREATE OR REPLACE FUNCTION churn._pgscore_profile_1_arrive()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin insert into pgscore.queue_1 (binding, task, keys, deltas) select 1, 'arrive', array_agg(n.customer_id::text), '{}'::text[] from pgscore_new n where n.customer_id is not null having count(*) > 0; return null; end$function$;
alter function churn._pgscore_profile_1_arrive() owner to churn_owner;
-- rights: {churn_owner=X/churn_owner}
comment on function churn._pgscore_profile_1_arrive() is 'Has new rows of churn.customer_profile counted';

CREATE OR REPLACE FUNCTION churn._pgscore_profile_1_drain()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$<<here>>
        declare
            taken record; first record; rows integer := 0; work pgscore.work[]; delta text[];
        begin
            for here.taken in
                delete from pgscore.queue_1 q where q.transaction = pg_current_xact_id() returning q.binding, q.task, q.keys, q.deltas
            loop
                here.rows := here.rows + 1;
                if here.rows = 1 then
                    here.first := here.taken;
                elsif here.taken.binding = 1 and here.first.binding = 1 and here.taken.task = 'move' and here.first.task = 'move'
            and cardinality(here.taken.keys) = 1 and here.taken.keys = here.first.keys
        then
            here.first.deltas := array[array[(coalesce((here.first.deltas[1]::text[])[1]::numeric + (here.taken.deltas[1]::text[])[1]::numeric, (here.first.deltas[1]::text[])[1]::numeric, (here.taken.deltas[1]::text[])[1]::numeric))::text]::text[]::text]; else
                    here.work := here.work || row(here.taken.binding, here.taken.task, here.taken.keys, here.taken.deltas)::pgscore.work;
                end if;
            end loop;
            if here.rows = 0 then
                return;
            end if;
            -- Events of one profile are what most transactions bring; queries over arrays cost more than the update.
            if here.work is null and here.first.task = 'move' and cardinality(here.first.keys) = 1 then
                here.delta := here.first.deltas[1];
                if here.first.binding = 1 then if here.rows > 1 and coalesce(here.delta[1]::numeric, 0) = 0 then return; end if; update churn.customer_profile p set number_customer_service_calls = coalesce(p.number_customer_service_calls, 0) + coalesce(here.delta[1]::bigint, 0) where p.customer_id = (here.first.keys[1])::bigint and not (coalesce(nullif(current_setting('pgscore.recounted', true), '') = extract(epoch from statement_timestamp())::text, false)); if found then return; end if; end if;
            end if;
            perform churn._pgscore_profile_1_apply(row(here.first.binding, here.first.task, here.first.keys, here.first.deltas)::pgscore.work || here.work);
        end$function$;
alter function churn._pgscore_profile_1_drain() owner to churn_owner;
-- rights: {churn_owner=X/churn_owner,pgscore_applier=X/churn_owner}
comment on function churn._pgscore_profile_1_drain() is 'Does what a transaction queued for churn.customer_profile';

CREATE OR REPLACE FUNCTION churn._pgscore_profile_1_forget()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin if tg_op = 'TRUNCATE' then
                delete from pgscore.stale_row s where s.binding = 1 and not exists (select from churn.customer_profile p where p.customer_id = (s.key)::bigint);
            else
                delete from pgscore.stale_row s using pgscore_old o where s.binding = 1 and s.key = o.customer_id::text;
            end if; return null; end$function$;
alter function churn._pgscore_profile_1_forget() owner to churn_owner;
-- rights: {churn_owner=X/churn_owner}
comment on function churn._pgscore_profile_1_forget() is 'Takes deleted rows of churn.customer_profile from the list of stale rows';

CREATE OR REPLACE FUNCTION churn._pgscore_profile_1_score()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$#variable_conflict use_column
        begin
            -- What pgscore wrote together with the score, and nothing that a trigger changes because of it.
            if pg_trigger_depth()::text = current_setting('pgscore.scored', true) then
                if exists (select from pgscore.queue_1 q where q.transaction = pg_current_xact_id() and q.task = 'scored') then
                    return new;
                end if;
            end if;
            if old.customer_id is distinct from new.customer_id then
            -- What is listed for the row is listed under its new key.
            with former as (delete from pgscore.stale_row s where s.binding = 1 and s.key = old.customer_id::text returning s.*)
            insert into pgscore.stale_row (binding, key, cause, reason, since)
            select f.binding, new.customer_id::text, f.cause, f.reason, f.since from former f where new.customer_id is not null
            on conflict do nothing;
            insert into pgscore.queue_1 (binding, task, keys, deltas) select 1, 'rekey', array[new.customer_id::text], array[old.customer_id::text] where new.customer_id is not null;
        end if; <<scored>>
        declare
            present churn.customer_profile; answer double precision[]; alone pgscore.scored; reason text;
        begin
            -- What can fail is apart from what writes: a block that only reads costs no transaction id. A conflict of
            -- transactions is no failure of the model.
            begin
                
                -- Where a counter has moved the model is asked, without the price of finding out what else has changed.
                if new.churn_score is null or old.number_customer_service_calls is distinct from new.number_customer_service_calls then
                    scored.answer := case when pg_typeof('churn.customer_profile'::regclass) is not null then pgscore._rescore('churn', null::churn.customer_profile, new, true) end;
                else
                    scored.answer := case when pg_typeof('churn.customer_profile'::regclass) is not null then pgscore._rescore('churn', old, new, false) end;
                end if;
                if scored.answer is not null then
                    if scored.answer[1] is null then
                        -- Refused, or not known to this session yet.
                        scored.alone := pgscore._score_rows('churn', array[new]);
                        scored.answer := array[(scored.alone).scores[1], (scored.alone).version];
                        scored.reason := (scored.alone).reasons[1];
                    end if;
                end if;
            exception
                when transaction_rollback then raise;
                when others then scored.reason := sqlerrm;
            end;
            if scored.reason is not null then
                if (select b.on_error from pgscore.binding b where b.number = 1) = 'abort' then
            raise exception 'model "%" could not score 1 of 1 rows for %: %', 'churn', 'churn.complaints', scored.reason
                using errcode = 'data_exception', hint = 'The binding''s on_error is abort; with keep the row would be stored and listed stale.';
        end if;
        insert into pgscore.stale_row as s (binding, key, reason) values (1, new.customer_id::text, scored.reason)
        on conflict on constraint stale_row_pkey do update set reason = excluded.reason;
            elsif scored.answer is not null then
                new.churn_score := scored.answer[1]; new.churn_model_version := scored.answer[2]; new.churn_scored_at := now();
                if pg_relation_size('pgscore.stale_row') > 0 then
            delete from pgscore.stale_row s where s.binding = 1 and s.key = new.customer_id::text and s.cause = 'score';
        end if; insert into pgscore.prediction_log (model, version, binding, key, score)
        select b.model, scored.answer[2], b.name, new.customer_id::text, scored.answer[1] from pgscore.binding b where b.number = 1 and b.log;
            end if;
        end; return new;
        end$function$;
alter function churn._pgscore_profile_1_score() owner to churn_owner;
-- rights: {churn_owner=X/churn_owner}
comment on function churn._pgscore_profile_1_score() is 'Scores rows of churn.customer_profile in which what a model reads has changed';

CREATE OR REPLACE FUNCTION pgscore._apply_queue()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin
                -- Notes about rows that are being changed wait for what follows them, even where constraints are immediate.
                if new.task = 'scored' or (new.task = 'rekey' and pg_trigger_depth() > 1) then
                    return null;
                end if;
                if exists (select from pgscore.queue_1 q where q.transaction = pg_current_xact_id()) then if churn._pgscore_profile_1_drain() is not null then null; end if; end if; return null;
            end$function$;
alter function pgscore._apply_queue() owner to pgscore_applier;
-- rights: {pgscore_applier=X/pgscore_applier}
comment on function pgscore._apply_queue() is 'At commit: has the owners of profile tables do the work that the transaction queued. It calls what they may replace, so its own owner may do nothing';

CREATE OR REPLACE FUNCTION pgscore._rescore(model text, former churn.customer_profile, present churn.customer_profile, forced boolean)
 RETURNS double precision[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select case $1 when null then null::double precision[] end$function$;
alter function pgscore._rescore(text,churn.customer_profile,churn.customer_profile,boolean) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore._rescore(text,churn.customer_profile,churn.customer_profile,boolean) is 'Score and version of a row of churn.customer_profile; NULL if what the model reads has not changed, or no version is promoted';

CREATE OR REPLACE FUNCTION pgscore._score_row(model text, profile churn.customer_profile)
 RETURNS double precision
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select case $1 when null then null else pgscore._no_answer($1) end$function$;
alter function pgscore._score_row(text,churn.customer_profile) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore._score_row(text,churn.customer_profile) is 'The same as pgscore.score for churn.customer_profile, with the engine for one row';

CREATE OR REPLACE FUNCTION pgscore._score_rows(model text, profiles churn.customer_profile[])
 RETURNS pgscore.scored
 LANGUAGE sql
 STABLE PARALLEL RESTRICTED
AS $function$select case $1 when null then null::pgscore.scored end$function$;
alter function pgscore._score_rows(text,churn.customer_profile[]) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore._score_rows(text,churn.customer_profile[]) is 'Scores of rows of churn.customer_profile and the version that gave them; NULL where no version is promoted';

CREATE OR REPLACE FUNCTION pgscore.score(model text, profile churn.customer_profile)
 RETURNS double precision
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select case $1 when null then null else pgscore._no_answer($1) end$function$;
alter function pgscore.score(text,churn.customer_profile) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore.score(text,churn.customer_profile) is 'The score that a model''s serving version gives for a row of churn.customer_profile';

CREATE TRIGGER pgscore_1_delete AFTER DELETE ON churn.complaints REFERENCING OLD TABLE AS pgscore_old FOR EACH STATEMENT EXECUTE FUNCTION churn._pgscore_binding_1_delete();
comment on trigger pgscore_1_delete on churn.complaints is 'Moves counters of churn.customer_profile and scores of model churn';

CREATE TRIGGER pgscore_1_insert AFTER INSERT ON churn.complaints REFERENCING NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION churn._pgscore_binding_1_insert();
comment on trigger pgscore_1_insert on churn.complaints is 'Moves counters of churn.customer_profile and scores of model churn';

CREATE TRIGGER pgscore_1_truncate AFTER TRUNCATE ON churn.complaints FOR EACH STATEMENT EXECUTE FUNCTION churn._pgscore_binding_1_truncate();
comment on trigger pgscore_1_truncate on churn.complaints is 'Moves counters of churn.customer_profile and scores of model churn';

CREATE TRIGGER pgscore_1_update AFTER UPDATE ON churn.complaints REFERENCING OLD TABLE AS pgscore_old NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION churn._pgscore_binding_1_update();
comment on trigger pgscore_1_update on churn.complaints is 'Moves counters of churn.customer_profile and scores of model churn';

CREATE TRIGGER pgscore_1_arrive AFTER INSERT ON churn.customer_profile REFERENCING NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION churn._pgscore_profile_1_arrive();
comment on trigger pgscore_1_arrive on churn.customer_profile is 'Keeps counters and scores right when profiles themselves change';

CREATE TRIGGER pgscore_1_forget AFTER DELETE ON churn.customer_profile REFERENCING OLD TABLE AS pgscore_old FOR EACH STATEMENT EXECUTE FUNCTION churn._pgscore_profile_1_forget();
comment on trigger pgscore_1_forget on churn.customer_profile is 'Keeps counters and scores right when profiles themselves change';

CREATE TRIGGER pgscore_1_forget_all AFTER TRUNCATE ON churn.customer_profile FOR EACH STATEMENT EXECUTE FUNCTION churn._pgscore_profile_1_forget();
comment on trigger pgscore_1_forget_all on churn.customer_profile is 'Keeps counters and scores right when profiles themselves change';

CREATE TRIGGER pgscore_1_rekey AFTER UPDATE OF customer_id ON churn.customer_profile FOR EACH ROW WHEN ((old.customer_id IS DISTINCT FROM new.customer_id)) EXECUTE FUNCTION churn._pgscore_binding_1_rekey();
comment on trigger pgscore_1_rekey on churn.customer_profile is 'Keeps counters right when keys of profiles change';

CREATE TRIGGER "~pgscore_1_score" BEFORE UPDATE ON churn.customer_profile FOR EACH ROW EXECUTE FUNCTION churn._pgscore_profile_1_score();
comment on trigger "~pgscore_1_score" on churn.customer_profile is 'Keeps counters and scores right when profiles themselves change';

CREATE CONSTRAINT TRIGGER apply AFTER INSERT ON pgscore.queue_1 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pgscore._apply_queue();
comment on trigger apply on pgscore.queue_1 is 'Runs when the transaction commits, or at SET CONSTRAINTS ALL IMMEDIATE';
