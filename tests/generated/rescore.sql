-- What rescoring makes for tables with a key of two columns.

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
    keys_1 text[];
    keys_2 bigint[];
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
                select count(*) into checked from "Shop"."Customer" pgscore_row where pgscore_row.id is not null and pgscore_row.part is not null and (here.whole
                or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                or here.outdated and (pgscore_row."Score" is null or (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score'))));
                return;
            elsif task = 'page' then
                -- The first, and the last of so many. A plan for any number would sort the whole table each time.
                perform set_config('enable_sort', 'off', true);
                if first is null then
                    select array[pgscore_row.id::text, pgscore_row.part::text] into page_first from "Shop"."Customer" pgscore_row
                    where pgscore_row.id is not null and pgscore_row.part is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))) order by pgscore_row.id, pgscore_row.part limit 1;
                else
                    select array[pgscore_row.id::text, pgscore_row.part::text] into page_first from "Shop"."Customer" pgscore_row
                    where (pgscore_row.id, pgscore_row.part) > (here.first[1]::text, here.first[2]::bigint) and pgscore_row.id is not null and pgscore_row.part is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))) order by pgscore_row.id, pgscore_row.part limit 1;
                end if;
                select count(*), array[(array_agg(u.key_1))[count(*)]::text, (array_agg(u.key_2))[count(*)]::text] into checked, page_last
                from (
                    select pgscore_row.id as key_1, pgscore_row.part as key_2
                    from "Shop"."Customer" pgscore_row
                    where (pgscore_row.id, pgscore_row.part) >= (page_first[1]::text, page_first[2]::bigint) and pgscore_row.id is not null and pgscore_row.part is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score'))))
                    order by pgscore_row.id, pgscore_row.part limit here.many
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
                select count(*), array_agg(u.key_1), array_agg(u.key_2), array_agg(u.name), array_agg(u.pgscore_row) into checked, here.keys_1, here.keys_2, names, given
                from (
                    select pgscore_row.id as key_1, pgscore_row.part as key_2, array[pgscore_row.id::text, pgscore_row.part::text]::text as name, pgscore_row
                    from "Shop"."Customer" pgscore_row
                    where (pgscore_row.id, pgscore_row.part) >= (here.first[1]::text, here.first[2]::bigint)
                        and (pgscore_row.id, pgscore_row.part) <= (here.last[1]::text, here.last[2]::bigint)
                        and case when here.among is null then true else array[pgscore_row.id::text, pgscore_row.part::text]::text = any (here.among) end and pgscore_row.id is not null and pgscore_row.part is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score'))))
                    order by pgscore_row.id collate "C", pgscore_row.part for no key update skip locked
                ) u;
                if whole or checked < many then
                    select array_agg(array[pgscore_row.id::text, pgscore_row.part::text]::text) into skipped
                    from "Shop"."Customer" pgscore_row
                    where (pgscore_row.id, pgscore_row.part) >= (here.first[1]::text, here.first[2]::bigint)
                        and (pgscore_row.id, pgscore_row.part) <= (here.last[1]::text, here.last[2]::bigint)
                        and case when here.among is null then true else array[pgscore_row.id::text, pgscore_row.part::text]::text = any (here.among) end and pgscore_row.id is not null and pgscore_row.part is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score'))))
                        and array[pgscore_row.id::text, pgscore_row.part::text]::text not in (select array[u.key_1::text, u.key_2::text]::text from unnest(here.keys_1, here.keys_2) as u (key_1, key_2));
                end if;
            else
                -- One statement, and each row is touched once. Of those that have no score the keys are left.
                with locked as materialized (
                    select pgscore_row.id as key_1, pgscore_row.part as key_2, pgscore_row."Score" as former, pgscore_row."Version" as former_version, case when here.listed then array[pgscore_row.id::text, pgscore_row.part::text]::text end as name,
                        pgscore.score('shop'::text, pgscore_row) as score
                    from "Shop"."Customer" pgscore_row
                    where (pgscore_row.id, pgscore_row.part) >= (here.first[1]::text, here.first[2]::bigint)
                        and (pgscore_row.id, pgscore_row.part) <= (here.last[1]::text, here.last[2]::bigint)
                        and case when here.among is null then true else array[pgscore_row.id::text, pgscore_row.part::text]::text = any (here.among) end and pgscore_row.id is not null and pgscore_row.part is not null and (here.whole
                    or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                    or here.outdated and (pgscore_row."Score" is null or (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score'))))
                    order by pgscore_row.id collate "C", pgscore_row.part for no key update skip locked
                ), written as (
                    update "Shop"."Customer" p set "Score" = u.score, "Version" = here.serving
                    from locked u
                    where p.id = u.key_1 and p.part = u.key_2 and (p.id, p.part) >= (here.first[1]::text, here.first[2]::bigint)
                        and (p.id, p.part) <= (here.last[1]::text, here.last[2]::bigint) and u.score is not null and (u.former is distinct from u.score or u.former_version is distinct from here.serving)
                    returning array[p.id::text, p.part::text]::text as key, u.score
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
                    count(*), (select count(*) from written), array_agg(u.key_1) filter (where u.score is null), array_agg(u.key_2) filter (where u.score is null), (
                        -- What was handed out and could not be had: others have locked it, or have scored it meanwhile.
                        select array_agg(array[pgscore_row.id::text, pgscore_row.part::text]::text)
                        from "Shop"."Customer" pgscore_row
                        where (here.whole or (select count(*) from locked) < here.many)
                            and (pgscore_row.id, pgscore_row.part) >= (here.first[1]::text, here.first[2]::bigint)
                                and (pgscore_row.id, pgscore_row.part) <= (here.last[1]::text, here.last[2]::bigint)
                                and case when here.among is null then true else array[pgscore_row.id::text, pgscore_row.part::text]::text = any (here.among) end and pgscore_row.id is not null and pgscore_row.part is not null and (here.whole
                            or pgscore_row."Version" is distinct from here.serving and (here.outdated or not (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))
                            or here.outdated and (pgscore_row."Score" is null or (here.listed and array[pgscore_row.id::text, pgscore_row.part::text]::text in (select s.key from pgscore.stale_row s where s.binding = 2 and s.cause = 'score')))) and not exists (select from locked u where pgscore_row.id = u.key_1 and pgscore_row.part = u.key_2)
                    )
                into checked, changed, here.keys_1, here.keys_2, skipped
                from locked u;
                if keys_1 is not null then
                    -- Refused, perhaps: the function for rows says why.
                    select array_agg(u.key_1), array_agg(u.key_2), array_agg(array[pgscore_row.id::text, pgscore_row.part::text]::text), array_agg(pgscore_row) into here.keys_1, here.keys_2, names, given
                    from unnest(here.keys_1, here.keys_2) as u (key_1, key_2) join "Shop"."Customer" pgscore_row on pgscore_row.id = u.key_1 and pgscore_row.part = u.key_2;
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
                    update "Shop"."Customer" p set "Score" = u.score, "Version" = here.serving
                    from unnest(here.keys_1, here.keys_2, here.scores, here.reasons) as u (key_1, key_2, score, reason)
                    where p.id = u.key_1 and p.part = u.key_2 and u.reason is null and (p."Score" is distinct from u.score or p."Version" is distinct from here.serving)
                    returning array[p.id::text, p.part::text]::text as key, u.score
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
