-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

-- core/tables/job.sql
create table pgscore.job (
    id bigint generated always as identity primary key,
    owner regrole not null,
    model text not null,
    profile regclass not null,
    binding integer references pgscore.binding (number) on delete cascade,
    target regclass,
    whole boolean not null,
    version integer not null,
    batch integer not null,
    total bigint not null,
    pass integer not null default 1,
    last_key text[],
    handed_out boolean not null default false,
    done bigint not null default 0,
    changed bigint not null default 0,
    refused bigint not null default 0,
    left_out bigint not null default 0,
    started timestamptz not null default now(),
    finished timestamptz,
    constraint batch_is_positive check (batch > 0),
    constraint goes_to_one_place check (binding is null or target is null)
);

-- Who calls again joins the job, or goes on with it.
create unique index job_unfinished on pgscore.job (owner, model, profile, coalesce(target::oid, 0::oid), whole) where finished is null;

create index job_binding on pgscore.job (binding);

comment on table pgscore.job is 'Rescoring: how far it has come; what was interrupted goes on from there, and several sessions share it';

comment on column pgscore.job.id is 'Counts up';

comment on column pgscore.job.owner is 'Who owns what is written: the profile table, or the table that scores go to';

comment on column pgscore.job.model is 'The model';

comment on column pgscore.job.profile is 'The profile table';

comment on column pgscore.job.binding is 'The binding that says where the score goes; NULL where it goes to another table';

comment on column pgscore.job.target is 'The table that scores are written to instead of the profile table';

comment on column pgscore.job.whole is 'Whether every row is scored, and not only those that are outdated, stale or without a score';

comment on column pgscore.job.version is 'The version that served when it began; where another one serves it begins anew';

comment on column pgscore.job.batch is 'How many rows a transaction takes';

comment on column pgscore.job.total is 'How many rows there were to look at when it began; of a large table PostgreSQL''s estimate';

comment on column pgscore.job.pass is 'Counts the times that it went through the table: it looks for what has come meanwhile';

comment on column pgscore.job.last_key is 'The key up to which rows are handed out in this pass, a text for each column';

comment on column pgscore.job.handed_out is 'Whether all rows of this pass are handed out; what is not done of them stands in pgscore.job_part';

comment on column pgscore.job.done is 'How many rows were looked at';

comment on column pgscore.job.changed is 'How many rows were written';

comment on column pgscore.job.refused is 'How many rows the model has refused; those of a binding are listed in pgscore.stale';

comment on column pgscore.job.left_out is 'How many rows were left as they were, because others held them all the time';

comment on column pgscore.job.started is 'When it began';

comment on column pgscore.job.finished is 'When it was through; NULL: it is not, and what it wrote is not all';

create table pgscore.job_part (
    id bigint generated always as identity primary key,
    job bigint not null references pgscore.job (id) on delete cascade,
    first_key text[] not null,
    last_key text[] not null,
    keys text[],
    rows bigint not null,
    round integer not null default 0,
    due timestamptz not null default now()
);

create index job_part_next on pgscore.job_part (job, due, id);

comment on table pgscore.job_part is 'Ranges of keys that are handed out and not done yet: who works on one has it locked, and one whose worker died is taken by the next';

comment on column pgscore.job_part.id is 'Counts up';

comment on column pgscore.job_part.job is 'The job';

comment on column pgscore.job_part.first_key is 'The first key, a text for each column';

comment on column pgscore.job_part.last_key is 'The last key';

comment on column pgscore.job_part.keys is 'Of the range only these rows, which others had locked; NULL: all';

comment on column pgscore.job_part.rows is 'How many rows it had when it was handed out';

comment on column pgscore.job_part.round is 'How often these rows were found locked';

comment on column pgscore.job_part.due is 'When to try it';

-- Rescoring runs with its caller's rights, and keeps here what is about the caller's own tables.
grant select, insert, update, delete on pgscore.job, pgscore.job_part to pgscore_reader;

alter table pgscore.job enable row level security;

alter table pgscore.job_part enable row level security;

create policy own_jobs on pgscore.job
    using (pg_has_role(current_user, owner::oid, 'usage'))
    with check (
        pg_has_role(current_user, owner::oid, 'usage')
        and exists (select from pg_catalog.pg_class c where c.oid = coalesce(target, profile) and c.relowner = job.owner)
    );

create policy operators_read_jobs on pgscore.job for select to pgscore_operator using (true);

create policy own_parts on pgscore.job_part
    using (exists (select from pgscore.job j where j.id = job_part.job and pg_has_role(current_user, j.owner::oid, 'usage')));

create policy operators_read_parts on pgscore.job_part for select to pgscore_operator using (true);

comment on policy own_jobs on pgscore.job is 'The owner of what is written, and members, keep the state of their own jobs';

comment on policy operators_read_jobs on pgscore.job is 'Operators see how far each has come';

comment on policy own_parts on pgscore.job_part is 'They keep what is not done of their own jobs';

comment on policy operators_read_parts on pgscore.job_part is 'Operators see it';

-- core/binding/templates/rescore.sql
create function pgscore._rescore_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Brings scores of {{profile}} up to the version that serves, for pgscore.rescore: counts the rows to look at, hands out
-- the next of them, or scores those that were handed out. Generated; change it with pgscore.attach.
#variable_conflict use_column
<<here>>
declare
    task text := $2;
    wanted text := $3;
    serving integer := $4;
    first text[] := $5;
    last text[] := $6;
    among text[] := $7;
    listed boolean;
    {{declared}}
    names text[];
    scores double precision[];
    reasons text[];
    given {{profile}}[];
    places bigint[];
    answer record;
    mark bigint;
    start integer;
    detail text;
    hint text;
begin
    {{targets}}
    -- Deferred triggers of the tables fire here, with the owner's rights, and not with those of a member who called.
    set constraints all immediate;
end
$template$ $function$;

comment on function pgscore._rescore_template() is
    'Template: the function that brings scores of a profile table up to the version that serves';

grant execute on function pgscore._rescore_template() to pgscore_reader;

create function pgscore._rescore_target_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if $1 = {{number}} then
    begin
        -- The list is empty but for bad days.
        listed := exists (select from pgscore.stale_row s where s.binding = {{number}} and s.cause = 'score');
        if task = 'count' then
            select count(*) into checked from {{profile}} pgscore_row where {{present}} and ({{wanted}});
            return;
        elsif task = 'page' then
            -- The first, and the last of so many. A plan for any number would sort the whole table each time.
            perform set_config('enable_sort', 'off', true);
            if first is null then
                select {{place}} into page_first from {{profile}} pgscore_row
                where {{present}} and ({{wanted}}) order by {{keys}} limit 1;
            else
                select {{place}} into page_first from {{profile}} pgscore_row
                where ({{keys}}) > ({{first}}) and {{present}} and ({{wanted}}) order by {{keys}} limit 1;
            end if;
            select l.n, {{last_place}} into checked, page_last
            from (
                select {{aliased}}, row_number() over (order by {{keys}}) as n
                from {{profile}} pgscore_row
                where ({{keys}}) >= ({{page_first}}) and {{present}} and ({{wanted}})
                order by {{keys}} limit $8
            ) l
            order by l.n desc limit 1;
            checked := coalesce(checked, 0);
            return;
        end if;
        {{work}}
    exception when others then
        get stacked diagnostics detail = pg_exception_detail, hint = pg_exception_hint;
        {{fail}}
    end;
end if;
$template$ $function$;

comment on function pgscore._rescore_target_template() is
    'Template: what the function that rescores does for one model';

grant execute on function pgscore._rescore_target_template() to pgscore_reader;

create function pgscore._rescore_work_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- In the one order, and without waiting for anybody. Who is locked is read as it stands then.
if exists (select from pgscore.model m where m.name = {{model}} and m.many_engine = 'estimator') then
    select {{collected}}, array_agg(l.name), array_agg(l.pgscore_row) into {{collectors}}, names, given
    from (
        select {{aliased}}, {{key_text}} as name, pgscore_row
        from {{profile}} pgscore_row
        where {{range}} and {{present}} and ({{wanted}})
        order by {{order}} for no key update skip locked
    ) l;
    {{ask_all}}
else
    select {{collected}}, array_agg(l.name), array_agg(l.score) into {{collectors}}, names, scores
    from (
        select {{aliased}}, {{key_text}} as name, pgscore.score({{model}}::text, pgscore_row) as score
        from {{profile}} pgscore_row
        where {{range}} and {{present}} and ({{wanted}})
        order by {{order}} for no key update skip locked
    ) l;
    -- What has no score was refused, perhaps, and the function for rows says why.
    select array_agg(pgscore_row order by u.place), array_agg(u.place order by u.place) into given, places
    from unnest({{arrays}}, here.scores) with ordinality as u ({{key_names}}, score, place)
    join {{profile}} pgscore_row on {{unnested_match}}
    where u.score is null;
    {{ask_some}}
end if;
select count(*) into checked from {{profile}} pgscore_row where {{range}} and {{present}} and ({{wanted}});
if checked > coalesce(cardinality(names), 0) then
    -- Others have locked them.
    select array_agg({{row_text}}) into skipped
    from {{profile}} pgscore_row
    where {{range}} and {{present}} and ({{wanted}})
        and {{row_text}} not in (select {{unnested_text}} from unnest({{arrays}}) as u ({{key_names}}));
end if;
checked := coalesce(cardinality(names), 0);
refused := coalesce(num_nonnulls(variadic reasons), 0);
if names is null then
    return;
end if;
if listed or refused > 0 then
    insert into pgscore.stale_row as s (binding, key, reason)
    select {{number}}, a.key, a.reason from unnest(here.names, here.reasons) as a (key, reason)
    where a.reason is not null and a.key is not null and {{known}}
    on conflict on constraint stale_row_pkey do update set reason = excluded.reason where s.reason <> excluded.reason;
    delete from pgscore.stale_row s
    using unnest(here.names, here.reasons) as a (key, reason)
    where s.binding = {{number}} and s.cause = 'score' and s.key = a.key and a.reason is null;
end if;
-- Tells the trigger that scores rows to leave these alone, unless another trigger, or another model, may have to be heard.
if not exists (
    select from pg_catalog.pg_trigger t
    where t.tgrelid = any ({{relations}}::regclass[]) and t.tgtype & 19 = 19 and t.tgenabled <> 'D' and t.tgname <> '~pgscore_score'
){{alone}} then
    insert into {{queue}} (pgscore_binding, pgscore_task) values (0, 'scored') returning pgscore_id into mark;
    perform set_config('pgscore.scored', format('%s/%s', pg_trigger_depth() + 1, mark), true);
end if;
{{write}}
if mark is not null then
    perform set_config('pgscore.scored', '', true);
    delete from {{queue}} q where q.pgscore_transaction = pg_current_xact_id() and q.pgscore_id = here.mark;
end if;
$template$ $function$;

comment on function pgscore._rescore_work_template() is
    'Template: what scores the rows that were handed out, and writes what has changed';

grant execute on function pgscore._rescore_work_template() to pgscore_reader;

create function pgscore._rescore_ask_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
reasons := array_fill(null::text, array[coalesce(cardinality(here.names), 0)]);
start := 1;
while start <= coalesce(cardinality(given), 0) loop
    select s.scores, s.version, s.reasons into answer
    from pgscore._score_rows({{model}}, here.given[here.start : here.start + 999]) s;
    if answer.version is distinct from serving then
        raise exception 'another version of model "%" was promoted meanwhile', {{model}} using errcode = 'serialization_failure';
    end if;
    {{taken}}
    start := start + 1000;
end loop;
$template$ $function$;

comment on function pgscore._rescore_ask_template() is
    'Template: what asks a model for scores or reasons of rows, a thousand at a time';

grant execute on function pgscore._rescore_ask_template() to pgscore_reader;

create function pgscore._rescore_write_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
update {{profile}} p set {{score}} = u.score{{columns}}
from unnest({{arrays}}, here.scores, here.reasons) as u ({{key_names}}, score, reason)
where {{match}} and u.reason is null and ({{differs}})
$template$ $function$;

comment on function pgscore._rescore_write_template() is
    'Template: the one UPDATE that writes scores which differ';

grant execute on function pgscore._rescore_write_template() to pgscore_reader;

create function pgscore._rescore_log_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
with written as (
    {{write}}
    returning {{key_text}} as key, u.score
), logged as (
    insert into pgscore.prediction_log (model, version, binding, key, score)
    select b.model, here.serving, b.name, w.key, w.score
    from pgscore.binding b, written w
    where b.number = {{number}} and b.profile = {{profile}}::regclass
)
select count(*) into changed from written;
$template$ $function$;

comment on function pgscore._rescore_log_template() is
    'Template: what writes scores to the profile table and to the prediction log';

grant execute on function pgscore._rescore_log_template() to pgscore_reader;

-- core/binding/generating/rescore.sql
create function pgscore._has_rescore(b pgscore.binding) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Made when it is first called, and dropped where attach makes the others anew.
    select exists (
        select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where n.nspname = b.profile_schema and p.proname = b.profile_prefix || '_rescore' and p.proowner = b.owner
    )
$$;

comment on function pgscore._has_rescore(pgscore.binding) is 'Whether the function is there that rescores a profile table';

grant execute on function pgscore._has_rescore(pgscore.binding) to pgscore_reader;

create function pgscore._page_key(profile regclass) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The primary key, which no row lacks, where its types have one text; or a binding's key, which is of such types.
    select coalesce(
        (
            select k.key from (select pgscore._primary_key(_page_key.profile) as key) k
            where array_position(pgscore._key_types(_page_key.profile, k.key), null) is null and k.key is not null
        ),
        (select b.profile_key from pgscore._bindings_of(_page_key.profile) b order by b.number limit 1)
    )
$$;

comment on function pgscore._page_key(regclass) is 'The columns by which rows of a table are handed out to be rescored; NULL where it has no key for that';

grant execute on function pgscore._page_key(regclass) to pgscore_reader;

create function pgscore._bound_keys_sql(key name[], types text[], variable text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('%s[%s]::%s', variable, k.ordinal, k.type), ', ' order by k.ordinal)
    from unnest(types) with ordinality as k (type, ordinal)
$$;

comment on function pgscore._bound_keys_sql(name[], text[], text) is 'SQL for a key whose parts are texts in an array';

grant execute on function pgscore._bound_keys_sql(name[], text[], text) to pgscore_reader;

create function pgscore._places_sql(key name[], source text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select format('array[%s]', string_agg(format('%s.%I::text', source, k.name), ', ' order by k.ordinal))
    from unnest(key) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._places_sql(name[], text) is 'SQL for the parts of a key as an array of texts';

grant execute on function pgscore._places_sql(name[], text) to pgscore_reader;

create function pgscore._wanted_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Without the version beside the score nothing tells which rows are outdated.
    select case when b.version is null then 'true' else format(
        e'here.wanted = ''whole''\nor pgscore_row.%1$I is distinct from here.serving and (here.wanted = ''outdated'' or not %2$s)\n'
            'or here.wanted = ''outdated'' and (pgscore_row.%3$I is null or %2$s)',
        b.version,
        format(
            '(here.listed and %s in (select s.key from pgscore.stale_row s where s.binding = %s and s.cause = ''score''))',
            pgscore._key_text_sql(b.profile_key, 'pgscore_row'), b.number
        ),
        b.score
    ) end
$$;

comment on function pgscore._wanted_sql(pgscore.binding) is
    'SQL that says whether a row is to be rescored: any (whole), what is outdated, stale or has no score (outdated), or what is outdated and not listed stale (missed)';

grant execute on function pgscore._wanted_sql(pgscore.binding) to pgscore_reader;

create function pgscore._rescore_write_sql(b pgscore.binding, parts jsonb) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case when b.log then pgscore._fill(pgscore._rescore_log_template(), jsonb_build_object(
            'write', w.write, 'key_text', pgscore._key_text_sql(b.profile_key, 'p'), 'number', b.number, 'profile', quote_literal(b.profile)
        )) else w.write || e';\nget diagnostics changed = row_count;' end
    from (
        select pgscore._fill(pgscore._rescore_write_template(), parts || jsonb_build_object(
            'score', quote_ident(b.score),
            'columns', concat(
                case when b.version is not null then format(', %I = here.serving', b.version) end,
                case when b.scored_at is not null then format(', %I = now()', b.scored_at) end
            ),
            'differs', format('p.%I is distinct from u.score', b.score)
                || case when b.version is null then '' else format(' or p.%I is distinct from here.serving', b.version) end
        )) as write
    ) w
$$;

comment on function pgscore._rescore_write_sql(pgscore.binding, jsonb) is 'What writes the scores that differ, and logs them';

grant execute on function pgscore._rescore_write_sql(pgscore.binding, jsonb) to pgscore_reader;

create function pgscore._rescore_target_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    key constant name[] := pgscore._page_key(b.profile);
    types constant text[] := pgscore._key_types(b.profile, key);
    arrays constant text := (select string_agg('here.keys_' || o, ', ' order by o) from generate_subscripts(key, 1) o);
    others constant text[] := array(select t.model from pgscore._targets_of(b.profile) t where t.model <> b.model order by 1);
    written constant name[] := array_remove(array[b.score, b.version, b.scored_at], null);
    parts jsonb := jsonb_build_object(
        'number', b.number, 'model', quote_literal(b.model), 'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'),
        'keys', pgscore._columns_sql(key, 'pgscore_row'), 'present', pgscore._present_sql(key, 'pgscore_row'),
        'first', pgscore._bound_keys_sql(key, types, 'here.first'), 'wanted', pgscore._wanted_sql(b),
        'place', pgscore._places_sql(key, 'pgscore_row'), 'last_place', (
            select format('array[%s]', string_agg(format('l.key_%s::text', o), ', ' order by o)) from generate_subscripts(key, 1) o
        ),
        'page_first', pgscore._bound_keys_sql(key, types, 'page_first'),
        'range', format(
            e'(%1$s) >= (%2$s)\n    and (%1$s) <= (%3$s) and (here.among is null or %4$s = any (here.among))', pgscore._columns_sql(key, 'pgscore_row'),
            pgscore._bound_keys_sql(key, types, 'here.first'), pgscore._bound_keys_sql(key, types, 'here.last'),
            pgscore._key_text_sql(key, 'pgscore_row')
        ),
        'key_text', pgscore._key_text_sql(b.profile_key, 'pgscore_row'), 'row_text', pgscore._key_text_sql(key, 'pgscore_row'),
        'unnested_text', pgscore._key_text_sql(array(select ('key_' || o)::name from generate_subscripts(key, 1) o), 'u'),
        'order', pgscore._row_order_sql(b.profile, 'pgscore_row'), 'known', pgscore._known_sql(b),
        'arrays', arrays, 'collectors', arrays,
        'key_names', (select string_agg('key_' || o, ', ' order by o) from generate_subscripts(key, 1) o),
        'collected', (select string_agg(format('array_agg(l.key_%s)', o), ', ' order by o) from generate_subscripts(key, 1) o),
        'aliased', (select string_agg(format('pgscore_row.%I as key_%s', k, o), ', ' order by o) from unnest(key) with ordinality u (k, o)),
        'unnested_match', (select string_agg(format('pgscore_row.%I = u.key_%s', k, o), ' and ' order by o) from unnest(key) with ordinality u (k, o)),
        'match', (select string_agg(format('p.%I = u.key_%s', k, o), ' and ' order by o) from unnest(key) with ordinality u (k, o)),
        'relations', format('%L', array(select r from pgscore._partitions(b.profile) r order by r::text)),
        'fail', format('perform pgscore._fail(%s, %L, sqlstate, sqlerrm, detail, hint);', b.number, b.events)
    );
begin
    -- A model may read the score of another one.
    parts := parts || jsonb_build_object(
        'alone', case when cardinality(others) > 0 then format(
            e' and not exists (\n    select from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving,\n'
                '        jsonb_array_elements(v.contract -> ''inputs'') i\n    where m.name = any (%L::text[]) and i ->> ''name'' = any (%L::text[])\n)',
            others, written
        ) end,
        'ask_all', pgscore._fill(pgscore._rescore_ask_template(), jsonb_build_object('model', quote_literal(b.model), 'taken',
            e'scores := scores || answer.scores;\nreasons[start : start + cardinality(answer.scores) - 1] := answer.reasons;'
        )),
        'ask_some', pgscore._fill(pgscore._rescore_ask_template(), jsonb_build_object('model', quote_literal(b.model), 'taken',
            e'for nth in 1 .. cardinality(answer.scores) loop\n    reasons[places[start + nth - 1]] := answer.reasons[nth];\nend loop;'
        )),
        'write', pgscore._rescore_write_sql(b, parts)
    );
    return pgscore._fill(
        pgscore._rescore_target_template(), parts || jsonb_build_object('work', pgscore._fill(pgscore._rescore_work_template(), parts))
    );
end
$$;

comment on function pgscore._rescore_target_sql(pgscore.binding) is 'What the function that rescores does for the model of a binding';

grant execute on function pgscore._rescore_target_sql(pgscore.binding) to pgscore_reader;

create function pgscore._rescore_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from pgscore._function_sql(
        format(
            '%s(binding integer, what text, which text, version integer, first_key text[], last_key text[], some_keys text[], rows integer, '
            'out page_first text[], out page_last text[], out checked bigint, out changed bigint, out refused bigint, out skipped text[])',
            pgscore._profile_object(b, 'rescore')
        ),
        -- The ranges of all batches are alike: one plan in a session.
        null, 'plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan set enable_sort = on',
        pgscore._fill(pgscore._rescore_template(), jsonb_build_object(
            'profile', b.profile,
            'declared', (
                select string_agg(format('keys_%s %s[];', k.ordinal, k.type), e'\n' order by k.ordinal)
                from unnest(pgscore._key_types(b.profile, pgscore._page_key(b.profile))) with ordinality as k (type, ordinal)
            ),
            'targets', (select string_agg(pgscore._rescore_target_sql(t), e'\n' order by t.number) from pgscore._targets_of(b.profile) t)
        )),
        format('brings scores of %s up to the version that serves', b.profile), b.owner
    ) s
$$;

comment on function pgscore._rescore_sql(pgscore.binding) is 'What makes the function that brings scores of a profile table up to the version that serves';

grant execute on function pgscore._rescore_sql(pgscore.binding) to pgscore_reader;

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
        or (n.nspname = b.profile_schema and p.proname in (select b.profile_prefix || '_' || w from unnest(array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey', 'rescore']) w))
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
        or (n.nspname = b.profile_schema and p.proname in (b.profile_prefix || '_apply', b.profile_prefix || '_rescore'))
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
        union all select s from pgscore._rescore_sql(b) s where pgscore._has_rescore(b)
    ),
    wanted as (
        select n.schema, n.name, c.s as makes, substring(m.s from '[(]([0-9a-f]{32})[)]''$') as hash, split_part(c.s, e'\n', 2) as posture
        from (
            select b.event_schema as schema, b.event_prefix || '_' || w as name
            from unnest(case when pgscore._is_partitioned(b.events) then array['row'] else array['insert', 'update', 'delete'] end
                || array['truncate', 'recount', 'reconcile']) w
            union all
            select b.profile_schema, b.profile_prefix || '_' || w from unnest(array['apply', 'commit', 'score', 'arrive', 'forget', 'rekey', 'rescore']) w
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

create or replace function pgscore._drop_profile_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._drop_functions_sql(
        b.profile_schema, b.profile_prefix, array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey', 'rescore'], b.owner
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
                select b.profile_prefix || '_' || e from unnest(array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey', 'rescore']) e
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

-- core/batch/into.sql
create function pgscore._into_problem(profile regclass, target regclass, out problem text, out hint text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    key constant name[] := pgscore._page_key(profile);
    -- Who calls makes the one that is not there yet.
    target_owner constant regrole := case when target is null then to_regrole(quote_ident(current_user)) else (
        select c.relowner from pg_catalog.pg_class c where c.oid = target and c.relkind in ('r', 'p')
    ) end;
    wanted record;
begin
    if not exists (select from pg_catalog.pg_class c where c.oid = profile and c.relkind in ('r', 'p')) then
        problem := format('%s is no table, or was dropped', profile);
    elsif key is null then
        problem := format('table %s has no primary key of integers, texts and uuids, by which its rows could be taken in turn', profile);
        hint := format('alter table %s add primary key (...)', profile);
    elsif target_owner is null then
        problem := format('%s is no table, or was dropped', target);
    elsif target = profile then
        problem := format('table %s would be read and written at once', profile);
        hint := 'Without a target the scores of a profile table that is attached go to its own columns.';
    -- Defaults, checks and triggers of the target run as whoever writes to it: that is to be the one who made them.
    elsif target_owner <> to_regrole(quote_ident(current_user)) then
        problem := format('%s owns table %s, and only its owner has scores written there', target_owner, target);
        hint := format('Connect as %s, or name a table of your own.', target_owner);
    elsif (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user)
        and (select c.relowner from pg_catalog.pg_class c where c.oid = profile) <> target_owner
    then
        problem := format(
            '%s is a superuser and table %s belongs to %s, whose code would run with a superuser''s rights', current_user, profile,
            (select c.relowner::regrole from pg_catalog.pg_class c where c.oid = profile)
        );
        hint := 'Connect as a role that may read it.';
    elsif not has_table_privilege(profile, 'select') then
        problem := format('%s may not read table %s', current_user, profile);
        hint := format('grant select on %s to %s', profile, quote_ident(current_user));
    elsif row_security_active(profile) then
        problem := format('row-level security of table %s may hide rows from %s, and what is left out would not show', profile, current_user);
        hint := 'Connect as its owner, or as a role that sees all rows.';
    end if;
    if problem is not null or target is null then
        return;
    end if;
    for wanted in
        select k.name, format_type((pgscore._column(_into_problem.profile, k.name)).atttypid, null) as type
        from unnest(key) as k (name)
        union all
        select * from (values ('score', 'double precision'), ('version', 'integer'), ('at', 'timestamp with time zone')) as c (name, type)
    loop
        if wanted.name in ('score', 'version', 'at') and wanted.name = any (key) then
            problem := format('the key of table %s has a column "%s", which is what the target calls something else', profile, wanted.name);
        elsif (pgscore._column(target, wanted.name)).attname is null then
            problem := format('table %s has no column "%s"', target, wanted.name);
        elsif format_type((pgscore._column(target, wanted.name)).atttypid, null) <> wanted.type then
            problem := format(
                'column "%s" of table %s is of type %s, and not %s', wanted.name, target,
                format_type((pgscore._column(target, wanted.name)).atttypid, null), wanted.type
            );
        end if;
        exit when problem is not null;
    end loop;
    if problem is null and not exists (
        select from pg_catalog.pg_index i
        where i.indrelid = target and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and i.indexprs is null
            and array(
                select a.attname from pg_catalog.pg_attribute a
                where a.attrelid = target and a.attnum = any (i.indkey[0 : i.indnkeyatts - 1]) order by 1
            ) = array(select k from unnest(key) k order by 1)
    ) then
        problem := format('table %s has no unique index on (%s)', target, pgscore._columns_sql(key));
    end if;
    if problem is not null then
        hint := format('create table ... (%s)', pgscore._into_columns_sql(profile));
    end if;
end
$$;

comment on function pgscore._into_problem(regclass, regclass) is
    'Why the caller cannot have scores of a table''s rows written to another one, or to one that they would make (NULL), in a sentence, and what to do; NULL where nothing is in the way';

grant execute on function pgscore._into_problem(regclass, regclass) to pgscore_reader;

create function pgscore._into_columns_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        '%s, score double precision, version integer not null, "at" timestamp with time zone not null, primary key (%s)',
        string_agg(format('%I %s', k.name, pgscore._column_type(pgscore._column(_into_columns_sql.profile, k.name))), ', ' order by k.ordinal),
        pgscore._columns_sql(pgscore._page_key(_into_columns_sql.profile))
    )
    from unnest(pgscore._page_key(profile)) with ordinality as k (name, ordinal)
    having count(*) > 0
$$;

comment on function pgscore._into_columns_sql(regclass) is 'The columns of a table that takes the scores of a profile table''s rows; NULL where it has no key for that';

grant execute on function pgscore._into_columns_sql(regclass) to pgscore_reader;

create function pgscore._check_into(profile regclass, target regclass) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    found_problem constant record := pgscore._into_problem(profile, target);
begin
    if found_problem.problem is not null then
        raise exception '%', found_problem.problem using hint = coalesce(found_problem.hint, ''), errcode = case
            when found_problem.problem ~ ' (owns table|may not read table|is a superuser) ' then 'insufficient_privilege'
            when found_problem.problem ~ ' dropped$' then 'undefined_table' else 'invalid_parameter_value' end;
    end if;
end
$$;

comment on function pgscore._check_into(regclass, regclass) is 'Refuses a target to which the caller cannot have scores written';

grant execute on function pgscore._check_into(regclass, regclass) to pgscore_reader;

create function pgscore._into_page(j pgscore.job, out page_first text[], out page_last text[], out checked bigint)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    key constant name[] := pgscore._page_key(j.profile);
    types constant text[] := pgscore._key_types(j.profile, key);
    keys constant text := pgscore._columns_sql(key, 'p');
begin
    execute format(
        'select %s from %s p%s order by %s limit 1', pgscore._places_sql(key, 'p'), j.profile,
        case when j.last_key is not null then format(' where (%s) > (%s)', keys, pgscore._bound_keys_sql(key, types, '$1')) end, keys
    ) into page_first using j.last_key;
    if page_first is null then
        checked := 0;
        return;
    end if;
    execute format(
        'select count(*) from (select from %1$s p where (%2$s) >= (%3$s) order by %2$s limit $2) l', j.profile, keys,
        pgscore._bound_keys_sql(key, types, '$1')
    ) into checked using page_first, j.batch;
    execute format(
        'select %1$s from %2$s p where (%3$s) >= (%4$s) order by %3$s offset $2 - 1 limit 1',
        pgscore._places_sql(key, 'p'), j.profile, keys, pgscore._bound_keys_sql(key, types, '$1')
    ) into page_last using page_first, checked;
end
$$;

comment on function pgscore._into_page(pgscore.job) is 'The keys between which the next rows of a table stand';

grant execute on function pgscore._into_page(pgscore.job) to pgscore_reader;

create function pgscore._into_work(j pgscore.job, part pgscore.job_part, out changed bigint, out refused bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    key constant name[] := pgscore._page_key(j.profile);
    types constant text[] := pgscore._key_types(j.profile, key);
    range constant text := format(
        'from %1$s p where (%2$s) >= (%3$s) and (%2$s) <= (%4$s)', j.profile, pgscore._columns_sql(key, 'p'),
        pgscore._bound_keys_sql(key, types, '$1'), pgscore._bound_keys_sql(key, types, '$2')
    );
    keys constant text := pgscore._columns_sql(key);
    scored text;
    stands boolean;
begin
    if exists (select from pgscore.model m where m.name = j.model and m.many_engine = 'estimator')
        and to_regprocedure(format('pgscore._score_rows(text, %s[])', j.profile)) is not null
    then
        -- Whole arrays, a thousand rows at a time.
        scored := format(
            'select u.* from (
                select a.*, pgscore._score_rows(%1$L, a.rows) as answer from (
                    select array_agg(n.p) as rows, %2$s from (select p, row_number() over () as number %3$s) n group by n.number / 1000 offset 0
                ) a offset 0
            ) s, unnest(%4$s, (s.answer).scores) as u (%5$s, score)',
            j.model, (select string_agg(format('array_agg((n.p).%I) as pgscore_%s', k, o), ', ' order by o) from unnest(key) with ordinality u (k, o)),
            range, (select string_agg('s.pgscore_' || o, ', ' order by o) from generate_subscripts(key, 1) o), keys
        );
    else
        scored := format('select %s, pgscore.score(%L::text, p) as score %s', pgscore._columns_sql(key, 'p'), j.model, range);
    end if;
    -- To look for rows that stand there already costs half of the time, so once for all.
    execute format(
        'select (%2$s) <= (%4$s) from %1$s t where (%2$s) >= (%3$s) order by %2$s limit 1', j.target, pgscore._columns_sql(key, 't'),
        pgscore._bound_keys_sql(key, types, '$1'), pgscore._bound_keys_sql(key, types, '$2')
    ) into stands using part.first_key, part.last_key;
    execute format(
        'with written as (
            insert into %1$s as t (%2$s, score, version, "at") select %3$s, s.score, %4$s, now() from (%5$s) s %6$s
            returning t.score
        )
        select count(*), count(*) - count(w.score) from written w',
        j.target, keys, pgscore._columns_sql(key, 's'), j.version, scored, case when stands then format(
            'on conflict (%s) do update set score = excluded.score, version = excluded.version, "at" = excluded."at"
            where (t.score, t.version) is distinct from (excluded.score, excluded.version)', keys
        ) end
    ) into changed, refused using part.first_key, part.last_key;
end
$$;

comment on function pgscore._into_work(pgscore.job, pgscore.job_part) is
    'Writes keys and scores of the rows of a part to another table: as the caller, who owns that and may read these';

grant execute on function pgscore._into_work(pgscore.job, pgscore.job_part) to pgscore_reader;

create function pgscore._fill_new(model text, profile regclass, schema_name name, table_name name) returns pgscore.job
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    key constant name[] := pgscore._page_key(profile);
    promotions constant bigint := pgscore._promotions(model);
    serving constant integer := pgscore._serving_version(model);
    target constant text := format('%I.%I', schema_name, table_name);
    many bigint;
    many_refused bigint;
    j pgscore.job;
begin
    perform pgscore._check_into(profile, null);
    -- One statement, that may run in parallel, and an index that is built at once: a fraction of what single rows cost.
    execute format(
        'create table %s as select %s, pgscore.score(%L::text, p) as score, %s::integer as version, now() as "at" from %s p',
        target, pgscore._columns_sql(key, 'p'), model, serving, profile
    );
    get diagnostics many = row_count;
    if promotions <> pgscore._promotions(model) then
        raise exception 'another version of model "%" was promoted meanwhile, and nothing was written', model
            using errcode = 'serialization_failure', hint = 'Run it again.';
    end if;
    execute format(
        'alter table %s alter version set not null, alter "at" set not null, add primary key (%s)', target, pgscore._columns_sql(key)
    );
    -- What is refused where the same columns are given.
    perform pgscore._check_into(profile, target::regclass);
    execute format('select count(*) from %s where score is null', target) into many_refused;
    insert into pgscore.job (owner, model, profile, target, whole, version, batch, total, handed_out, done, changed, refused, finished)
    values (
        (select c.relowner from pg_catalog.pg_class c where c.oid = target::regclass), _fill_new.model, _fill_new.profile, target::regclass,
        true, serving, greatest(many, 1), many, true, many, many, many_refused, clock_timestamp()
    )
    returning * into j;
    return j;
end
$$;

comment on function pgscore._fill_new(text, regclass, name, name) is
    'Makes a table of the scores of a table''s rows, at once: where it does not come to its end there is none';

grant execute on function pgscore._fill_new(text, regclass, name, name) to pgscore_reader;

-- core/batch/jobs.sql
create function pgscore._serving_version(model text) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving constant integer := (select m.serving from pgscore.model m where m.name = _serving_version.model);
begin
    if serving is null then
        perform pgscore._no_answer(model);
    end if;
    return serving;
end
$$;

comment on function pgscore._serving_version(text) is 'The version that answers for a model; fails where none does';

grant execute on function pgscore._serving_version(text) to pgscore_reader;

create function pgscore._promotions(model text) returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A version may have gone and come back. Who rolls back writes to a row that is there.
    select count(*) + count(p.rolled_back_at) from pgscore.promotion p where p.model = _promotions.model
$$;

comment on function pgscore._promotions(text) is 'How many promotions and rollbacks a model has had: the same number twice, and the same version served all the time';

grant execute on function pgscore._promotions(text) to pgscore_reader;

create function pgscore._rescored_binding(model text, profile regclass) returns pgscore.binding
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
declare
    b pgscore.binding;
    problem record;
begin
    if not exists (select from pg_catalog.pg_class c where c.oid = profile) then
        raise exception 'there is no table of the number %: it was dropped', profile::oid using errcode = 'undefined_table';
    end if;
    perform pgscore._check_owner(profile, profile);
    select t.* into b from pgscore._targets_of(_rescored_binding.profile) t where t.model = _rescored_binding.model;
    if not found then
        raise exception 'table % is not attached for model "%", so it has no column for the score', profile, model
            using errcode = 'undefined_object', hint = format(
                'Attach an event table to it, or have the scores written to a table of their own: '
                'call pgscore.rescore(%L, %L, target => ''TABLE'').', model, profile
            );
    end if;
    -- Not while the tables are attached or detached; of several sessions one makes the function.
    select o.* into b from pgscore.binding o where o.number = b.number for update;
    if not found then
        raise exception 'the tables were detached meanwhile' using errcode = 'undefined_object';
    end if;
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._taken_problem(b));
    select p.* into problem
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving,
        lateral pgscore._profile_problem(b.profile, v.contract -> 'inputs') p
    where m.name = b.model;
    if problem.message is not null then
        raise exception '%', problem.message using errcode = problem.sqlstate, hint = coalesce(problem.hint, '');
    end if;
    perform pgscore._make_rescore(b);
    return b;
end
$$;

comment on function pgscore._rescored_binding(text, regclass) is
    'The binding that says where a model''s scores of a profile table go, with the function that writes them; refuses whoever is not the owner';

grant execute on function pgscore._rescored_binding(text, regclass) to pgscore_reader;

create function pgscore._make_rescore(b pgscore.binding) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    statements constant text[] := array(select pgscore._rescore_sql(b));
begin
    if pg_get_userbyid(b.owner) = current_user and exists (
        select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where n.nspname = b.profile_schema and p.proname = b.profile_prefix || '_rescore' and p.proowner = b.owner and p.prosecdef
            and position(md5(p.prosrc) in statements[2]) > 0
    ) then
        return;
    end if;
    -- The first call makes it. And a member of the owner runs nothing that another one has put in its
    -- place: it is made anew in the transaction that calls it, works with the owner's rights, and so does all that it calls.
    perform pgscore._run_all(statements);
end
$$;

comment on function pgscore._make_rescore(pgscore.binding) is
    'Makes the function that rescores, where it does not stand as it is to be, or where the caller is only a member of its owner';

grant execute on function pgscore._make_rescore(pgscore.binding) to pgscore_reader;

create function pgscore._start_job(
    model text, profile regclass, whole boolean default false, target regclass default null, batch integer default null
) returns pgscore.job
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    wanted pgscore.job;
    j pgscore.job;
    b pgscore.binding;
begin
    if num_nulls(model, profile, whole) > 0 or batch not between 1 and 100000 then
        raise exception 'rescore wants a model, a table, whether it is the whole table, and batches of 1 to 100000 rows'
            using errcode = 'invalid_parameter_value';
    end if;
    wanted.model := model;
    wanted.profile := profile;
    wanted.target := target;
    wanted.version := pgscore._serving_version(model);
    -- Rows of an attached table are locked while their batch is written, and events of theirs wait.
    wanted.batch := coalesce(batch, case when target is null then 5000 else 20000 end);
    if target is null then
        b := pgscore._rescored_binding(model, profile);
        wanted.owner := b.owner;
        wanted.binding := b.number;
        wanted.whole := whole or b.version is null;
    else
        perform pgscore._check_into(profile, target);
        wanted.owner := (select c.relowner from pg_catalog.pg_class c where c.oid = target);
        wanted.whole := true;
    end if;
    for attempt in 1 .. 10 loop
        select o.* into j from pgscore.job o
        where (o.owner, o.model, o.profile, o.whole) = (wanted.owner, wanted.model, wanted.profile, wanted.whole)
            and o.target is not distinct from wanted.target and o.finished is null
        for update;
        if j.version = wanted.version and j.binding is not distinct from wanted.binding then
            update pgscore.job o set batch = coalesce(_start_job.batch, o.batch) where o.id = j.id returning o.* into j;
            return j;
        end if;
        -- Another version serves: what is done of it is to be done again.
        delete from pgscore.job o where o.id = j.id;
        wanted.total := pgscore._rows_to_rescore(wanted);
        insert into pgscore.job (owner, model, profile, binding, target, whole, version, batch, total)
        values (
            wanted.owner, wanted.model, wanted.profile, wanted.binding, wanted.target, wanted.whole, wanted.version, wanted.batch, wanted.total
        )
        on conflict do nothing
        returning * into j;
        if j.id is not null then
            return j;
        end if;
    end loop;
    raise exception 'others begin and end rescoring table % all the time', profile using errcode = 'lock_not_available';
end
$$;

comment on function pgscore._start_job(text, regclass, boolean, regclass, integer) is
    'The unfinished job that rescores a table, if the version that it began with still serves, or a new one';

grant execute on function pgscore._start_job(text, regclass, boolean, regclass, integer) to pgscore_reader;

create function pgscore._rows_to_rescore(j pgscore.job) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    many bigint;
begin
    -- The pages of an empty table are few; a large one is not read for the sake of a number.
    if j.whole then
        many := (
            select sum(c.reltuples)::bigint
            from pgscore._partitions(j.profile) r join pg_catalog.pg_class c on c.oid = r and c.relkind = 'r' and c.reltuples >= 100000
        );
        if many is not null then
            return many;
        end if;
        execute format('select count(*) from %s', j.profile) into many;
        return many;
    end if;
    return (pgscore._run_rescore(j, 'count', null)).checked;
end
$$;

comment on function pgscore._rows_to_rescore(pgscore.job) is 'How many rows a job has to look at';

grant execute on function pgscore._rows_to_rescore(pgscore.job) to pgscore_reader;

create function pgscore._run_rescore(
    j pgscore.job, task text, part pgscore.job_part,
    out page_first text[], out page_last text[], out checked bigint, out changed bigint, out refused bigint, out skipped text[]
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if j.target is null then
        execute format('select f.* from %s($1, $2, $3, $4, $5, $6, $7, $8) f', (
            select pgscore._profile_object(b, 'rescore') from pgscore.binding b where b.number = j.binding
        ))
        into page_first, page_last, checked, changed, refused, skipped
        using j.binding, task, case when j.pass > 1 then 'missed' when j.whole then 'whole' else 'outdated' end, j.version,
            case task when 'page' then j.last_key else part.first_key end, part.last_key, part.keys, j.batch;
    elsif task = 'page' then
        select p.* into page_first, page_last, checked from pgscore._into_page(j) p;
    else
        select w.* into changed, refused from pgscore._into_work(j, part) w;
    end if;
end
$$;

comment on function pgscore._run_rescore(pgscore.job, text, pgscore.job_part) is
    'Has the owner''s function, or what writes to another table, count rows, hand out the next ones, or do a part of a job';

grant execute on function pgscore._run_rescore(pgscore.job, text, pgscore.job_part) to pgscore_reader;

create function pgscore._hand_out(job pgscore.job) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    j pgscore.job;
    page record;
begin
    -- Locked for no longer than it takes to find the keys: other workers wait here. It is still about what was checked.
    select o.* into j from pgscore.job o
    where o.id = job.id and (o.profile, o.binding, o.target, o.owner) is not distinct from (job.profile, job.binding, job.target, job.owner)
    for update;
    if j.handed_out or j.id is null then
        return false;
    end if;
    select p.* into page from pgscore._run_rescore(j, 'page', null) p;
    if page.checked > 0 then
        insert into pgscore.job_part (job, first_key, last_key, rows) values (j.id, page.page_first, page.page_last, page.checked);
    end if;
    update pgscore.job o
    set last_key = case when page.checked > 0 then page.page_last else o.last_key end, handed_out = page.checked < o.batch
    where o.id = j.id;
    return page.checked > 0;
end
$$;

comment on function pgscore._hand_out(pgscore.job) is 'Makes a part of the next rows of a job; false where there are none';

grant execute on function pgscore._hand_out(pgscore.job) to pgscore_reader;

-- core/batch/rescore.sql
create function pgscore._end_pass(job pgscore.job, out ends text, out waits double precision)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    j pgscore.job;
    due timestamptz;
begin
    select o.* into j from pgscore.job o where o.id = job.id for update;
    waits := 0;
    if j.id is null then
        ends := 'anew';
    elsif j.finished is not null then
        ends := 'finished';
    elsif not j.handed_out then
        ends := 'working';
    else
        select min(p.due) into due from pgscore.job_part p where p.job = j.id;
        if due is not null then
            -- Others are at work, or rows that were locked are to be tried again later.
            ends := 'working';
            waits := least(greatest(extract(epoch from due - clock_timestamp()), 0.02), 1);
        elsif j.target is null and j.pass < 3 and exists (select from pgscore.binding b where b.number = j.binding and b.version is not null) then
            -- A row may have got another key meanwhile, or a commit may have begun before the promotion.
            update pgscore.job o
            set pass = o.pass + 1, last_key = null, handed_out = false, left_out = case when o.whole then o.left_out else 0 end
            where o.id = j.id;
            if not pgscore._hand_out(job) then
                update pgscore.job o set finished = clock_timestamp() where o.id = j.id;
            end if;
            ends := 'working';
        else
            update pgscore.job o set finished = clock_timestamp() where o.id = j.id;
            ends := 'finished';
        end if;
    end if;
end
$$;

comment on function pgscore._end_pass(pgscore.job) is
    'What there is to do for a worker that found no part: to wait, to look for rows that came meanwhile, or nothing';

grant execute on function pgscore._end_pass(pgscore.job) to pgscore_reader;

create function pgscore._do_part(j pgscore.job, part pgscore.job_part) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    promotions constant bigint := pgscore._promotions(j.model);
    found_rows record;
    many_left bigint := 0;
begin
    if j.version is distinct from (select m.serving from pgscore.model m where m.name = j.model) then
        return false;
    end if;
    begin
        select r.* into found_rows from pgscore._run_rescore(j, 'work', part) r;
        -- Score and version are of one promotion, or nothing of this is kept.
        if promotions <> pgscore._promotions(j.model) then
            raise exception 'another version was promoted meanwhile' using errcode = 'serialization_failure';
        end if;
    exception when serialization_failure then
        return false;
    end;
    if cardinality(found_rows.skipped) > 0 and part.round < (case j.pass when 1 then 3 else 1 end) then
        insert into pgscore.job_part (job, first_key, last_key, keys, rows, round, due)
        values (
            j.id, part.first_key, part.last_key, found_rows.skipped, cardinality(found_rows.skipped), part.round + 1,
            clock_timestamp() + 0.05 * 4 ^ part.round * interval '1 second'
        );
    else
        many_left := case when j.whole and j.pass > 1 then 0 else coalesce(cardinality(found_rows.skipped), 0) end;
    end if;
    delete from pgscore.job_part p where p.id = part.id;
    update pgscore.job o
    -- A later pass finds again what was left.
    set done = o.done + case when j.pass > 1 then coalesce(found_rows.changed, 0) when part.round = 0 then part.rows else 0 end,
        changed = o.changed + coalesce(found_rows.changed, 0),
        refused = o.refused + coalesce(found_rows.refused, 0), left_out = o.left_out + many_left
    where o.id = j.id;
    return true;
end
$$;

comment on function pgscore._do_part(pgscore.job, pgscore.job_part) is
    'Scores the rows of a part, and takes it away; false, and nothing is done, where another version was promoted meanwhile';

grant execute on function pgscore._do_part(pgscore.job, pgscore.job_part) to pgscore_reader;

create function pgscore._rescore_step(
    job bigint,
    out state text, out waits double precision, out total bigint, out done bigint, out changed bigint, out refused bigint, out left_out bigint
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    j pgscore.job;
    b pgscore.binding;
    part pgscore.job_part;
begin
    select o.* into j from pgscore.job o where o.id = job;
    state := 'working';
    if not found then
        state := 'anew';
        return;
    elsif j.finished is not null then
        state := 'finished';
    elsif j.target is null then
        -- Nobody detaches the tables, or attaches them again, while a batch is worked on.
        select o.* into b from pgscore.binding o where o.number = j.binding and o.profile = j.profile and o.owner = j.owner for share;
        if not found then
            raise exception 'the tables were detached meanwhile' using errcode = 'undefined_object';
        end if;
        perform pgscore._check_owner(b.events, b.profile);
        if pg_get_userbyid(b.owner) <> current_user or not pgscore._has_rescore(b) then
            perform from pgscore.binding o where o.number = b.number for update;
            perform pgscore._make_rescore(b);
        end if;
    else
        perform pgscore._check_into(j.profile, j.target);
    end if;
    if state = 'working' then
        select p.* into part from pgscore.job_part p
        where p.job = j.id and p.due <= clock_timestamp() order by p.due, p.id limit 1 for update skip locked;
        if part.id is not null then
            if pgscore._do_part(j, part) then
                -- In the same transaction, so that a part is ready for each worker.
                perform pgscore._hand_out(j);
            else
                state := 'anew';
            end if;
        elsif not pgscore._hand_out(j) then
            select e.ends, e.waits into state, waits from pgscore._end_pass(j) e;
        end if;
    end if;
    waits := coalesce(waits, 0);
    select o.total, o.done, o.changed, o.refused, o.left_out into total, done, changed, refused, left_out from pgscore.job o where o.id = j.id;
end
$$;

comment on function pgscore._rescore_step(bigint) is
    'Rescores the next rows of a job, whoever else works on it; what it did stands when the caller commits. state: working, finished, or anew, where another version serves; waits: seconds after which to call it again';

grant execute on function pgscore._rescore_step(bigint) to pgscore_reader;

create function pgscore._report_rescore(job bigint) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    j constant pgscore.job := (select o from pgscore.job o where o.id = job);
begin
    raise info '%: version % of model "%": % rows looked at, % written%', coalesce(j.target, j.profile), j.version, j.model, j.done, j.changed,
        case when j.refused > 0 then format(', %s refused by the model', j.refused) || case when j.target is null then ' (pgscore.stale lists them)' else '' end else '' end;
    if j.left_out > 0 then
        raise notice '% rows of % were locked by others all the time and stand as they were: call it again when these have committed',
            j.left_out, j.profile;
    end if;
end
$$;

comment on function pgscore._report_rescore(bigint) is 'Tells the caller of rescore what came of it';

grant execute on function pgscore._report_rescore(bigint) to pgscore_reader;

create procedure pgscore.rescore(
    model text, profile regclass, whole boolean default false, target regclass default null, batch integer default null
)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, every name here is
    -- qualified, and all that is called is pinned itself.
    pinned pg_catalog.text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    job pg_catalog.int8;
    step pg_catalog.record;
begin
    -- The call has read something, and the level is chosen before.
    commit;
    loop
        set transaction isolation level read committed;
        pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        if job is null then
            select s.id into job from pgscore._start_job(model, profile, whole, target, batch) s;
            commit;
            continue;
        end if;
        select s.* into step from pgscore._rescore_step(job) s;
        commit;
        pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        exit when step.state operator(pg_catalog.=) 'finished';
        if step.state operator(pg_catalog.=) 'anew' then
            job := null;
        elsif step.waits operator(pg_catalog.>) 0 then
            perform pg_catalog.pg_sleep(step.waits);
        end if;
        commit;
    end loop;
    perform pgscore._report_rescore(job);
end
$$;

comment on procedure pgscore.rescore(text, regclass, boolean, regclass, integer) is
    'Brings the scores of a profile table up to the version that serves, in batches that commit: of rows that are outdated, stale or without a score, or of all (whole); or writes key, score, version and time of all to another table (target). After an interruption it goes on where it was; several sessions that call it share the work';

grant execute on procedure pgscore.rescore(text, regclass, boolean, regclass, integer) to pgscore_reader;

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
            from unnest(array['apply', 'commit', 'score', 'arrive', 'forget', 'rekey', 'rescore']) e
            where b.number = (
                select min(f.number) from pgscore.binding f join pg_catalog.pg_class x on x.oid = f.events where f.profile = b.profile
            )
        ) w
    left join pg_catalog.pg_namespace n on n.nspname = w.schema
    left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = w.prefix || '_' || w.what
    -- Made when it is first called.
    where p.oid is not null or w.what <> 'rescore'
$$;

create or replace function pgscore._doctor_made(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A generator says the hash of a function's text in its comment.
    select substring(s from E'\\(([0-9a-f]{32})\\)''$')
    from (
        select s from pgscore._event_functions_sql(b) s
        union all
        select s from pgscore._reconcile_sql(b) s
        union all
        -- No binding stands in what all of them share, so one is as good as another.
        select s from pgscore._profile_functions_sql(b) s
        where b.number = (select min(f.number) from pgscore._bindings_of(b.profile) f)
        union all
        select s from pgscore._rescore_sql(b) s
        where pgscore._has_rescore(b) and b.number = (select min(f.number) from pgscore._bindings_of(b.profile) f)
    ) g
    where s like 'comment on function %'
$$;

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- core/become_oneself.sql
reset search_path;

reset role;
