-- A binding that counts, and does nothing else.

create table pgscore.arrival_2 (
    slot integer not null,
    transaction xid8,
    constraint arrival_2_pkey PRIMARY KEY (slot)
) with (fillfactor=50);
comment on column pgscore.arrival_2.slot is 'What keys hash to';
comment on column pgscore.arrival_2.transaction is 'The transaction that changed the row last';
alter table pgscore.arrival_2 owner to pgscore_owner;
-- rights: {pgscore_owner=arwdDxt/pgscore_owner,shop_owner=rw/pgscore_owner}
comment on table pgscore.arrival_2 is 'New profiles, and events that find no profile, change the row that their key hashes to: of two at the same time the later one waits, and then sees the other';

create unlogged table pgscore.queue_2 (
    transaction xid8 default pg_current_xact_id() not null,
    binding integer not null,
    task text not null,
    keys text[] not null,
    deltas text[] not null
) with (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_insert_threshold=-1, vacuum_truncate=false);
CREATE INDEX queue_2_transaction_idx ON pgscore.queue_2 USING btree (transaction);
comment on column pgscore.queue_2.transaction is 'The transaction';
comment on column pgscore.queue_2.binding is 'The number of the binding; 0 for the apply function''s own mark';
comment on column pgscore.queue_2.task is 'move: add the deltas; undo: those that can be taken away, and recount the rest; recount, settle: recount all; recount all: of every profile; arrive, rekey: a profile is new or has a new key; rekeyed: it is stored with it; scored: rows are being stored with their scores';
comment on column pgscore.queue_2.keys is 'Keys of profiles';
comment on column pgscore.queue_2.deltas is 'For each key, what the events add: a text array with an element for each reducer; for rekey, the former key';
alter table pgscore.queue_2 owner to pgscore_owner;
-- rights: {pgscore_owner=arwdDxt/pgscore_owner,pgscore_applier=r/pgscore_owner,shop_owner=ard/pgscore_owner}
comment on table pgscore.queue_2 is 'Work of transactions in flight: written by triggers, taken back at commit, never seen by another transaction';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_binding_2_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin insert into pgscore.queue_2 (binding, task, keys, deltas) select 2, 'move', array_agg(f.key), array_agg(f.delta) from (select e."Customer Id"::text as key, array[(sum(-1))::text, (sum(-1) filter (where e."Kind" = 'billing'::text and e.rush = 'true'::boolean))::text]::text[]::text as delta from pgscore_old e where e."Customer Id" is not null group by e."Customer Id" having coalesce(sum(-1), 0) <> 0 or coalesce(sum(-1) filter (where e."Kind" = 'billing'::text and e.rush = 'true'::boolean), 0) <> 0) f having count(*) > 0; return null; end$function$;
alter function "Shop"._pgscore_binding_2_delete() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"._pgscore_binding_2_delete() is 'Tells profiles of "Shop"."Customer" what a statement did to "Shop"."Order Lines": delete';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_binding_2_insert()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin perform from pgscore_new offset 1; if not found then insert into pgscore.queue_2 (binding, task, keys, deltas) select 2, 'move', array[e."Customer Id"::text], array[array[(1)::text, (case when e."Kind" = 'billing'::text and e.rush = 'true'::boolean then 1 end)::text]::text[]::text] from pgscore_new e where e."Customer Id" is not null; return null; end if; insert into pgscore.queue_2 (binding, task, keys, deltas) select 2, 'move', array_agg(f.key), array_agg(f.delta) from (select e."Customer Id"::text as key, array[(count(*))::text, (count(*) filter (where e."Kind" = 'billing'::text and e.rush = 'true'::boolean))::text]::text[]::text as delta from pgscore_new e where e."Customer Id" is not null group by e."Customer Id") f having count(*) > 0; return null; end$function$;
alter function "Shop"._pgscore_binding_2_insert() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"._pgscore_binding_2_insert() is 'Tells profiles of "Shop"."Customer" what a statement did to "Shop"."Order Lines": insert';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_binding_2_reconcile(rows integer, repair boolean, OUT checked bigint, OUT differing bigint, OUT examples text[], OUT finished boolean)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$<<here>>
            declare
                keys text[]; wrong text[]; missed text[]; after text;
            begin
                insert into pgscore.reconciliation as s (binding, repair) values (2, $2)
                on conflict on constraint reconciliation_pkey do update
                set repair = excluded.repair, last_key = null, checked = 0, differing = 0, started = now(), finished = null
                where s.finished is not null or s.repair <> excluded.repair;
                select s.last_key into here.after from pgscore.reconciliation s where s.binding = 2 for update;
                if here.after is null then
                    here.keys := array(select p.id::text from "Shop"."Customer" p where p.id is not null order by p.id limit $1);
                else
                    here.keys := array(select p.id::text from "Shop"."Customer" p where p.id is not null and (p.id) > ((here.after)::bigint) order by p.id limit $1);
                end if;
                -- One statement and one snapshot: what commits meanwhile is not taken for a difference.
                select array_agg(d.key), (array_agg(d.key || ': ' || d.shown))[1:10]
                into here.wrong, examples
                from (
                    select u.key, concat_ws('; ', null, case when p.n is distinct from r.v1 then format('%s is %s and the events give %s', 'n', coalesce(p.n::text, 'NULL'), coalesce(r.v1::text, 'NULL')) end, case when p.billed is distinct from r.v2 then format('%s is %s and the events give %s', 'billed', coalesce(p.billed::text, 'NULL'), coalesce(r.v2::text, 'NULL')) end) as shown
                    from unnest(here.keys) as u (key) join "Shop"."Customer" p on p.id = (u.key)::bigint cross join lateral "Shop"._pgscore_binding_2_recount(u.key, true) r
                    where p.n is distinct from r.v1 or p.billed is distinct from r.v2
                ) d;
                finished := cardinality(here.keys) < $1;
                if $2 then
                    here.missed := array(
                        select u.key from unnest(here.keys) as u (key)
                        where exists (select from pgscore.stale_row s where s.binding = 2 and s.key = u.key)
                    );
                    perform "Shop"._pgscore_profile_2_apply(array[row(2, 'settle', array(select unnest(here.wrong) union select unnest(here.missed)), '{}')::pgscore.work])
                    where here.wrong is not null or cardinality(here.missed) > 0;
                    delete from pgscore.stale_row s where s.binding = 2 and s.cause = 'backfill' and s.key = any (here.missed);
                    -- No trigger sees a TRUNCATE of profiles, or a partition of them that goes.
                    delete from pgscore.stale_row s
                    where finished and s.binding = 2 and not exists (select from "Shop"."Customer" p where p.id = (s.key)::bigint);
                end if;
                update pgscore.reconciliation s
                set last_key = coalesce(here.keys[cardinality(here.keys)], s.last_key), checked = s.checked + cardinality(here.keys),
                    differing = s.differing + coalesce(cardinality(here.wrong), 0),
                    finished = case when cardinality(here.keys) < $1 then clock_timestamp() end
                where s.binding = 2
                returning s.checked, s.differing into checked, differing;
            end$function$;
alter function "Shop"._pgscore_binding_2_reconcile(integer,boolean) owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"._pgscore_binding_2_reconcile(integer,boolean) is 'Compares counters of some rows of "Shop"."Customer" with the events of "Shop"."Order Lines", and mends them';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_binding_2_recount(key text, everything boolean, OUT any_event boolean, OUT v1 bigint, OUT v2 numeric)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin select exists (select from "Shop"."Order Lines" e where e."Customer Id" = ($1)::bigint), case when $2 then (select count(*) from "Shop"."Order Lines" e where e."Customer Id" = ($1)::bigint) end, case when $2 then (select count(*) from "Shop"."Order Lines" e where e."Customer Id" = ($1)::bigint and e."Kind" = 'billing'::text and e.rush = 'true'::boolean) end into any_event, v1, v2; end$function$;
alter function "Shop"._pgscore_binding_2_recount(text,boolean) owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"._pgscore_binding_2_recount(text,boolean) is 'What the reducers give on the events of "Shop"."Order Lines" for a key; those that add up only if everything is asked for';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_binding_2_rekey()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin
                insert into pgscore.queue_2 (binding, task, keys, deltas) select 2, 'rekeyed', '{}', '{}';
                return null;
            end$function$;
alter function "Shop"._pgscore_binding_2_rekey() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"._pgscore_binding_2_rekey() is 'Has rows of "Shop"."Customer" counted whose key has changed';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_binding_2_truncate()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin insert into pgscore.queue_2 (binding, task, keys, deltas) select 2, 'recount all', '{}'::text[], '{}'::text[] ; return null; end$function$;
alter function "Shop"._pgscore_binding_2_truncate() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"._pgscore_binding_2_truncate() is 'Tells profiles of "Shop"."Customer" what a statement did to "Shop"."Order Lines": truncate';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_binding_2_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin insert into pgscore.queue_2 (binding, task, keys, deltas) select 2, 'move', array_agg(f.key), array_agg(f.delta) from (select e."Customer Id"::text as key, array[(sum(e.pgscore_sign))::text, (sum(e.pgscore_sign) filter (where e."Kind" = 'billing'::text and e.rush = 'true'::boolean))::text]::text[]::text as delta from (select 1 as pgscore_sign, n.* from pgscore_new n union all select -1, o.* from pgscore_old o) e where e."Customer Id" is not null group by e."Customer Id" having coalesce(sum(e.pgscore_sign), 0) <> 0 or coalesce(sum(e.pgscore_sign) filter (where e."Kind" = 'billing'::text and e.rush = 'true'::boolean), 0) <> 0) f having count(*) > 0; return null; end$function$;
alter function "Shop"._pgscore_binding_2_update() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"._pgscore_binding_2_update() is 'Tells profiles of "Shop"."Customer" what a statement did to "Shop"."Order Lines": update';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_profile_2_apply(work pgscore.work[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$#variable_conflict use_column
        <<here>>
        declare
            work pgscore.work[] := $1; taken pgscore.work; slots integer[]; made text[]; missing text;
            locked "Shop"."Customer"[]; moved "Shop"."Customer"[]; item record; one "Shop"."Customer"; touched boolean; changed boolean[]; serving boolean;
            began timestamptz; size integer; answer pgscore.scored; failure text; every_2 boolean; counted_2 text[]; names_2 text[]; scores_2 double precision[]; versions_2 integer[]; reasons_2 text[]; 
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
        end if;  
            -- Who deleted a profile that was locked may have made it anew: then it is another row, which no snapshot of here
            -- has seen, or one that is yet to come.
            loop
                 here.slots := array(
            select s.slot from (select hashtext(u.key) & 63 as slot from unnest(here.work) w, unnest(w.keys) as u (key)
                    where w.binding = 2 and (w.task in ('arrive', 'rekey') or not exists (select from "Shop"."Customer" p where p.id = (u.key)::bigint))) s union
            select generate_series(0, 63) where exists (select from unnest(here.work) w where w.task = 'recount all')
        );
        if cardinality(here.slots) > 0 then
            perform from pgscore.arrival_2 a where a.slot = any (here.slots) order by a.slot for update;
            update pgscore.arrival_2 a set transaction = pg_current_xact_id()
            where a.slot = any (here.slots) and a.transaction is distinct from pg_current_xact_id();
        end if; if exists (select from unnest(here.work) w where w.task = 'recount all') then
            select array_agg(l.pgscore_row) into here.locked
            from (select pgscore_row from "Shop"."Customer" pgscore_row order by pgscore_row.id for no key update) l;
        else
            select array_agg(l.pgscore_row) into here.locked
            from (select pgscore_row from "Shop"."Customer" pgscore_row where (pgscore_row.id) = any (array(select (u.key)::bigint from unnest(here.work) w, unnest(w.keys) as u (key) where w.binding = any ('{2}'))) order by pgscore_row.id for no key update) l;
        end if;
                exit when not (exists (
                select from unnest(here.work) w, unnest(w.keys) as u (key)
                where w.binding = 2 and hashtext(u.key) & 63 <> all (here.slots) and pg_typeof('"Shop"."Customer"'::regclass) is not null
                    and not exists (select from unnest(here.locked) as p where p.id::text = u.key)
            ));
            end loop;
            here.every_2 := exists (select from unnest(here.work) w where w.binding = 2 and w.task = 'recount all');
        here.serving := exists (select from pgscore.model m where m.name = any ('{shop}') and m.serving is not null);
        for here.item in
            select pgscore_row as profile, false as forced, here.serving and (here.every_2 or coalesce(w2.absolute, false)) and (pgscore_row."Score" is null) as unscored, case when here.every_2 or w2.absolute then r2.v1 when w2.key is null then pgscore_row.n else coalesce(pgscore_row.n, 0) + coalesce(w2.d1, 0) end as c2_1, case when here.every_2 or w2.absolute then r2.v2 when w2.key is null then pgscore_row.billed else coalesce(pgscore_row.billed, 0) + coalesce(w2.d2, 0) end as c2_2 from unnest(here.locked) as pgscore_row left join (
            select u.key, bool_or(u.task = 'arrive') as arrived, bool_or(u.task = 'undo') as undone,
                bool_or(u.task in ('recount', 'arrive', 'rekey', 'settle')) as absolute, sum(u.delta[1]::numeric) as d1, sum(u.delta[2]::numeric) as d2
            from (
                select w.task, k.key, case when w.task in ('move', 'undo', 'recount') then k.delta::text[] end as delta
                from unnest(here.work) w, unnest(w.keys, w.deltas) as k (key, delta)
                where w.binding = 2
            ) u 
            group by u.key
        ) w2 on w2.key = pgscore_row.id::text
        left join lateral (
            select r.* from "Shop"._pgscore_binding_2_recount(pgscore_row.id::text, here.every_2 or w2.absolute) r where here.every_2 or w2.absolute offset 0
        ) r2 on true where pg_typeof('"Shop"."Customer"'::regclass) is not null
        loop
            here.one := here.item.profile; here.one.n := here.item.c2_1; here.one.billed := here.item.c2_2;  
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
            where t.tgrelid = any (E'{"\\"Shop\\".\\"Customer\\""}'::regclass[]) and t.tgtype & 19 = 19 and t.tgenabled <> 'D' and t.tgname <> '~pgscore_2_score'
        ) then
            -- The trigger that scores changed rows has the engine for one row, and sees what other triggers make of it.
            update "Shop"."Customer" p set billed = (m.row).billed, n = (m.row).n from (select unnest(here.moved) as row) m where p.id = (m.row).id;
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
                    here.answer := pgscore._score_rows('shop', here.moved[start : start + here.size - 1]);
                exception
                    when transaction_rollback then raise;
                    when others then here.failure := sqlerrm;
                end;
            end if;
            here.scores_2 := here.scores_2 || coalesce((here.answer).scores, array_fill(null::double precision, array[here.size]));
            here.versions_2 := here.versions_2 || array_fill((here.answer).version, array[here.size]);
            here.reasons_2 := here.reasons_2 || coalesce((here.answer).reasons, array_fill(here.failure, array[here.size]));
        end loop;
        here.names_2 := array(select m.id::text from unnest(here.moved) m where pg_typeof('"Shop"."Customer"'::regclass) is not null);
        if num_nonnulls(variadic here.reasons_2) > 0 then
            if (select b.on_error from pgscore.binding b where b.number = 2) = 'abort' then
                raise exception 'model "%" could not score % of % rows for %: %', 'shop',
                    num_nonnulls(variadic here.reasons_2), cardinality(here.moved), '"Shop"."Order Lines"',
                    (select min(r) from unnest(here.reasons_2) r)
                    using errcode = 'data_exception', hint = 'The binding''s on_error is abort; with keep the row would be stored and listed stale.';
            end if;
            insert into pgscore.stale_row as s (binding, key, reason)
            select 2, a.key, a.reason from unnest(here.names_2, here.reasons_2) as a (key, reason)
            where a.reason is not null
            on conflict on constraint stale_row_pkey do update set reason = excluded.reason;
        end if;
        delete from pgscore.stale_row s
        using unnest(here.names_2, here.reasons_2, here.versions_2) as a (key, reason, version)
        where s.binding = 2 and s.cause = 'score' and s.key = a.key and a.reason is null and a.version is not null;
        insert into pgscore.prediction_log (model, version, binding, key, score)
            select b.model, a.version, b.name, a.key, a.score
            from pgscore.binding b,
                unnest(here.names_2, here.scores_2, here.versions_2, here.reasons_2) as a (key, score, version, reason)
            where b.number = 2 and b.log and a.reason is null and a.version is not null; 
            insert into pgscore.queue_2 (binding, task, keys, deltas) values (0, 'scored', '{}', '{}');
            perform set_config('pgscore.scored', (pg_trigger_depth() + 1)::text, true);
            update "Shop"."Customer" p set billed = (m.row).billed, n = (m.row).n, "Score" = case when m.version_2 is null or m.reason_2 is not null then p."Score" else m.score_2 end, "Version" = case when m.version_2 is null or m.reason_2 is not null then p."Version" else m.version_2 end from (select unnest(here.moved) as row, unnest(here.changed) as changed, unnest(here.scores_2) as score_2, unnest(here.versions_2) as version_2, unnest(here.reasons_2) as reason_2) m
            where p.id = (m.row).id and (m.changed or (m.version_2 is not null and m.reason_2 is null));
            perform set_config('pgscore.scored', '', true);
            delete from pgscore.queue_2 q where q.transaction = pg_current_xact_id() and q.task = 'scored';
        end if;
        end$function$;
alter function "Shop"._pgscore_profile_2_apply(pgscore.work[]) owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"._pgscore_profile_2_apply(pgscore.work[]) is 'Moves counters of "Shop"."Customer" and stores scores, in one UPDATE';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_profile_2_arrive()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin insert into pgscore.queue_2 (binding, task, keys, deltas) select 2, 'arrive', array_agg(n.id::text), '{}'::text[] from pgscore_new n where n.id is not null having count(*) > 0; return null; end$function$;
alter function "Shop"._pgscore_profile_2_arrive() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"._pgscore_profile_2_arrive() is 'Has new rows of "Shop"."Customer" counted';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_profile_2_drain()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$<<here>>
        declare
            taken record; first record; rows integer := 0; work pgscore.work[]; delta text[];
        begin
            for here.taken in
                delete from pgscore.queue_2 q where q.transaction = pg_current_xact_id() returning q.binding, q.task, q.keys, q.deltas
            loop
                here.rows := here.rows + 1;
                if here.rows = 1 then
                    here.first := here.taken;
                elsif here.taken.binding = 2 and here.first.binding = 2 and here.taken.task = 'move' and here.first.task = 'move'
            and cardinality(here.taken.keys) = 1 and here.taken.keys = here.first.keys
        then
            here.first.deltas := array[array[(coalesce((here.first.deltas[1]::text[])[1]::numeric + (here.taken.deltas[1]::text[])[1]::numeric, (here.first.deltas[1]::text[])[1]::numeric, (here.taken.deltas[1]::text[])[1]::numeric))::text, (coalesce((here.first.deltas[1]::text[])[2]::numeric + (here.taken.deltas[1]::text[])[2]::numeric, (here.first.deltas[1]::text[])[2]::numeric, (here.taken.deltas[1]::text[])[2]::numeric))::text]::text[]::text]; else
                    here.work := here.work || row(here.taken.binding, here.taken.task, here.taken.keys, here.taken.deltas)::pgscore.work;
                end if;
            end loop;
            if here.rows = 0 then
                return;
            end if;
            -- Events of one profile are what most transactions bring; queries over arrays cost more than the update.
            if here.work is null and here.first.task = 'move' and cardinality(here.first.keys) = 1 then
                here.delta := here.first.deltas[1];
                if here.first.binding = 2 then if here.rows > 1 and coalesce(here.delta[1]::numeric, 0) = 0 and coalesce(here.delta[2]::numeric, 0) = 0 then return; end if; update "Shop"."Customer" p set n = coalesce(p.n, 0) + coalesce(here.delta[1]::bigint, 0), billed = coalesce(p.billed, 0) + coalesce(here.delta[2]::numeric, 0) where p.id = (here.first.keys[1])::bigint and not (coalesce(nullif(current_setting('pgscore.recounted', true), '') = extract(epoch from statement_timestamp())::text, false)); if found then return; end if; end if;
            end if;
            perform "Shop"._pgscore_profile_2_apply(row(here.first.binding, here.first.task, here.first.keys, here.first.deltas)::pgscore.work || here.work);
        end$function$;
alter function "Shop"._pgscore_profile_2_drain() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner,pgscore_applier=X/shop_owner}
comment on function "Shop"._pgscore_profile_2_drain() is 'Does what a transaction queued for "Shop"."Customer"';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_profile_2_forget()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$begin if tg_op = 'TRUNCATE' then
                delete from pgscore.stale_row s where s.binding = 2 and not exists (select from "Shop"."Customer" p where p.id = (s.key)::bigint);
            else
                delete from pgscore.stale_row s using pgscore_old o where s.binding = 2 and s.key = o.id::text;
            end if; return null; end$function$;
alter function "Shop"._pgscore_profile_2_forget() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"._pgscore_profile_2_forget() is 'Takes deleted rows of "Shop"."Customer" from the list of stale rows';

CREATE OR REPLACE FUNCTION "Shop"._pgscore_profile_2_score()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$#variable_conflict use_column
        begin
            -- What pgscore wrote together with the score, and nothing that a trigger changes because of it.
            if pg_trigger_depth()::text = current_setting('pgscore.scored', true) then
                if exists (select from pgscore.queue_2 q where q.transaction = pg_current_xact_id() and q.task = 'scored') then
                    return new;
                end if;
            end if;
            if old.id is distinct from new.id then
            -- What is listed for the row is listed under its new key.
            with former as (delete from pgscore.stale_row s where s.binding = 2 and s.key = old.id::text returning s.*)
            insert into pgscore.stale_row (binding, key, cause, reason, since)
            select f.binding, new.id::text, f.cause, f.reason, f.since from former f where new.id is not null
            on conflict do nothing;
            insert into pgscore.queue_2 (binding, task, keys, deltas) select 2, 'rekey', array[new.id::text], array[old.id::text] where new.id is not null;
        end if; <<scored>>
        declare
            present "Shop"."Customer"; answer double precision[]; alone pgscore.scored; reason text;
        begin
            -- What can fail is apart from what writes: a block that only reads costs no transaction id. A conflict of
            -- transactions is no failure of the model.
            begin
                
                -- Where a counter has moved the model is asked, without the price of finding out what else has changed.
                if new."Score" is null or old.billed is distinct from new.billed or old.n is distinct from new.n then
                    scored.answer := case when pg_typeof('"Shop"."Customer"'::regclass) is not null then pgscore._rescore('shop', null::"Shop"."Customer", new, true) end;
                else
                    scored.answer := case when pg_typeof('"Shop"."Customer"'::regclass) is not null then pgscore._rescore('shop', old, new, false) end;
                end if;
                if scored.answer is not null then
                    if scored.answer[1] is null then
                        -- Refused, or not known to this session yet.
                        scored.alone := pgscore._score_rows('shop', array[new]);
                        scored.answer := array[(scored.alone).scores[1], (scored.alone).version];
                        scored.reason := (scored.alone).reasons[1];
                    end if;
                end if;
            exception
                when transaction_rollback then raise;
                when others then scored.reason := sqlerrm;
            end;
            if scored.reason is not null then
                if (select b.on_error from pgscore.binding b where b.number = 2) = 'abort' then
            raise exception 'model "%" could not score 1 of 1 rows for %: %', 'shop', '"Shop"."Order Lines"', scored.reason
                using errcode = 'data_exception', hint = 'The binding''s on_error is abort; with keep the row would be stored and listed stale.';
        end if;
        insert into pgscore.stale_row as s (binding, key, reason) values (2, new.id::text, scored.reason)
        on conflict on constraint stale_row_pkey do update set reason = excluded.reason;
            elsif scored.answer is not null then
                new."Score" := scored.answer[1]; new."Version" := scored.answer[2]; 
                if pg_relation_size('pgscore.stale_row') > 0 then
            delete from pgscore.stale_row s where s.binding = 2 and s.key = new.id::text and s.cause = 'score';
        end if; insert into pgscore.prediction_log (model, version, binding, key, score)
        select b.model, scored.answer[2], b.name, new.id::text, scored.answer[1] from pgscore.binding b where b.number = 2 and b.log;
            end if;
        end; return new;
        end$function$;
alter function "Shop"._pgscore_profile_2_score() owner to shop_owner;
-- rights: {shop_owner=X/shop_owner}
comment on function "Shop"._pgscore_profile_2_score() is 'Scores rows of "Shop"."Customer" in which what a model reads has changed';

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
                if exists (select from pgscore.queue_1 q where q.transaction = pg_current_xact_id()) then if churn._pgscore_profile_1_drain() is not null then null; end if; end if; if exists (select from pgscore.queue_2 q where q.transaction = pg_current_xact_id()) then if "Shop"._pgscore_profile_2_drain() is not null then null; end if; end if; return null;
            end$function$;
alter function pgscore._apply_queue() owner to pgscore_applier;
-- rights: {pgscore_applier=X/pgscore_applier}
comment on function pgscore._apply_queue() is 'At commit: has the owners of profile tables do the work that the transaction queued. It calls what they may replace, so its own owner may do nothing';

CREATE OR REPLACE FUNCTION pgscore._rescore(model text, former "Shop"."Customer", present "Shop"."Customer", forced boolean)
 RETURNS double precision[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select case $1 when null then null::double precision[] end$function$;
alter function pgscore._rescore(text,"Shop"."Customer","Shop"."Customer",boolean) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore._rescore(text,"Shop"."Customer","Shop"."Customer",boolean) is 'Score and version of a row of "Shop"."Customer"; NULL if what the model reads has not changed, or no version is promoted';

CREATE OR REPLACE FUNCTION pgscore._score_row(model text, profile "Shop"."Customer")
 RETURNS double precision
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select case $1 when null then null else pgscore._no_answer($1) end$function$;
alter function pgscore._score_row(text,"Shop"."Customer") owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore._score_row(text,"Shop"."Customer") is 'The same as pgscore.score for "Shop"."Customer", with the engine for one row';

CREATE OR REPLACE FUNCTION pgscore._score_rows(model text, profiles "Shop"."Customer"[])
 RETURNS pgscore.scored
 LANGUAGE sql
 STABLE PARALLEL RESTRICTED
AS $function$select case $1 when null then null::pgscore.scored end$function$;
alter function pgscore._score_rows(text,"Shop"."Customer"[]) owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore._score_rows(text,"Shop"."Customer"[]) is 'Scores of rows of "Shop"."Customer" and the version that gave them; NULL where no version is promoted';

CREATE OR REPLACE FUNCTION pgscore.score(model text, profile "Shop"."Customer")
 RETURNS double precision
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$select case $1 when null then null else pgscore._no_answer($1) end$function$;
alter function pgscore.score(text,"Shop"."Customer") owner to pgscore_owner;
-- rights: {pgscore_owner=X/pgscore_owner,pgscore_reader=X/pgscore_owner}
comment on function pgscore.score(text,"Shop"."Customer") is 'The score that a model''s serving version gives for a row of "Shop"."Customer"';

CREATE TRIGGER pgscore_2_arrive AFTER INSERT ON "Shop"."Customer" REFERENCING NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION "Shop"._pgscore_profile_2_arrive();
comment on trigger pgscore_2_arrive on "Shop"."Customer" is 'Keeps counters and scores right when profiles themselves change';

CREATE TRIGGER pgscore_2_forget AFTER DELETE ON "Shop"."Customer" REFERENCING OLD TABLE AS pgscore_old FOR EACH STATEMENT EXECUTE FUNCTION "Shop"._pgscore_profile_2_forget();
comment on trigger pgscore_2_forget on "Shop"."Customer" is 'Keeps counters and scores right when profiles themselves change';

CREATE TRIGGER pgscore_2_forget_all AFTER TRUNCATE ON "Shop"."Customer" FOR EACH STATEMENT EXECUTE FUNCTION "Shop"._pgscore_profile_2_forget();
comment on trigger pgscore_2_forget_all on "Shop"."Customer" is 'Keeps counters and scores right when profiles themselves change';

CREATE TRIGGER pgscore_2_rekey AFTER UPDATE OF id ON "Shop"."Customer" FOR EACH ROW WHEN ((old.id IS DISTINCT FROM new.id)) EXECUTE FUNCTION "Shop"._pgscore_binding_2_rekey();
comment on trigger pgscore_2_rekey on "Shop"."Customer" is 'Keeps counters right when keys of profiles change';

CREATE TRIGGER "~pgscore_2_score" BEFORE UPDATE ON "Shop"."Customer" FOR EACH ROW EXECUTE FUNCTION "Shop"._pgscore_profile_2_score();
comment on trigger "~pgscore_2_score" on "Shop"."Customer" is 'Keeps counters and scores right when profiles themselves change';

CREATE TRIGGER pgscore_2_delete AFTER DELETE ON "Shop"."Order Lines" REFERENCING OLD TABLE AS pgscore_old FOR EACH STATEMENT EXECUTE FUNCTION "Shop"._pgscore_binding_2_delete();
comment on trigger pgscore_2_delete on "Shop"."Order Lines" is 'Moves counters of "Shop"."Customer" and scores of model shop';

CREATE TRIGGER pgscore_2_insert AFTER INSERT ON "Shop"."Order Lines" REFERENCING NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION "Shop"._pgscore_binding_2_insert();
comment on trigger pgscore_2_insert on "Shop"."Order Lines" is 'Moves counters of "Shop"."Customer" and scores of model shop';

CREATE TRIGGER pgscore_2_truncate AFTER TRUNCATE ON "Shop"."Order Lines" FOR EACH STATEMENT EXECUTE FUNCTION "Shop"._pgscore_binding_2_truncate();
comment on trigger pgscore_2_truncate on "Shop"."Order Lines" is 'Moves counters of "Shop"."Customer" and scores of model shop';

CREATE TRIGGER pgscore_2_update AFTER UPDATE ON "Shop"."Order Lines" REFERENCING OLD TABLE AS pgscore_old NEW TABLE AS pgscore_new FOR EACH STATEMENT EXECUTE FUNCTION "Shop"._pgscore_binding_2_update();
comment on trigger pgscore_2_update on "Shop"."Order Lines" is 'Moves counters of "Shop"."Customer" and scores of model shop';

CREATE CONSTRAINT TRIGGER apply AFTER INSERT ON pgscore.queue_2 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pgscore._apply_queue();
comment on trigger apply on pgscore.queue_2 is 'Runs when the transaction commits, or at SET CONSTRAINTS ALL IMMEDIATE';
