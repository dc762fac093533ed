-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

alter table pgscore.binding
    add column notify_above double precision,
    add column notify_below double precision,
    add column changes boolean not null default false;

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

-- core/tables/export.sql
create table pgscore.export (
    number integer generated always as identity primary key,
    exporter regrole not null default to_regrole(quote_ident(current_user)),
    binding integer not null references pgscore.binding (number) on delete cascade,
    target text not null,
    shape text,
    partitions oid[],
    snapshot pg_snapshot,
    server text,
    stamp uuid,
    versions jsonb,
    rows bigint,
    changed boolean,
    exported timestamptz,
    unique (exporter, binding, target),
    constraint all_is_known_of_what_was_exported check (
        num_nulls(exported, shape, partitions, snapshot, server, stamp, versions, rows, changed) in (0, 9)
    )
);

comment on table pgscore.export is 'What was exported last to each target: an export of changes goes on from there';

comment on column pgscore.export.number is 'What names it';

comment on column pgscore.export.exporter is 'The role that exports; it alone goes on from its own exports';

comment on column pgscore.export.binding is 'The binding whose profile table holds the scores';

comment on column pgscore.export.target is 'Where to, and how it is laid out there; without password';

comment on column pgscore.export.shape is 'The columns that were exported, by number, name and type: other ones are exported in full';

comment on column pgscore.export.partitions is 'The tables that held the rows: one that is attached later brings rows that nobody has written since';

comment on column pgscore.export.snapshot is 'The snapshot that was exported. A row may have changed since where its transaction is not before the oldest that was open then';

comment on column pgscore.export.server is 'Cluster, timeline and database whose transactions these are: after a restore or a failover numbers say nothing';

comment on column pgscore.export.stamp is 'What the target was marked with, so that one that was emptied or restored is noticed';

comment on column pgscore.export.versions is 'How many rows each version had scored; {} where the binding names no column for it';

comment on column pgscore.export.rows is 'How many rows were exported';

comment on column pgscore.export.changed is 'Whether these were changes since the export before, and not all rows';

comment on column pgscore.export.exported is 'When the last that succeeded took its snapshot; NULL: none has';

-- Whoever may read a profile table exports it, and keeps the account of it. The number is the database's to give.
grant select, delete on pgscore.export to pgscore_reader;

grant insert (binding, target) on pgscore.export to pgscore_reader;

grant update (shape, partitions, snapshot, server, stamp, versions, rows, changed, exported) on pgscore.export to pgscore_reader;

alter table pgscore.export enable row level security;

create policy own_exports on pgscore.export using (pg_get_userbyid(exporter) = current_user);

create policy operators_read_exports on pgscore.export for select to pgscore_operator using (true);

create policy owners_read_exports on pgscore.export for select
    using (
        exists (
            select from pgscore.binding b
            where b.number = export.binding and pg_has_role(current_user, b.owner::oid, 'usage')
        )
    );

comment on policy own_exports on pgscore.export is 'Who exports keeps the account of it';

comment on policy operators_read_exports on pgscore.export is 'Operators see where scores go';

comment on policy owners_read_exports on pgscore.export is 'The owner of a profile table sees where its scores go';

create function pgscore._column_expression(
    wanted text, type oid, modifier integer, reference text, out expression text, out compared text
)
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    base regtype := type;
    kind "char";
    category "char";
    is_domain boolean := false;
begin
    loop
        select t.typtype, t.typcategory into kind, category from pg_catalog.pg_type t where t.oid = base;
        exit when kind <> 'd';
        is_domain := true;
        select t.typbasetype, t.typtypmod into base, modifier from pg_catalog.pg_type t where t.oid = base;
    end loop;
    -- Of numeric: as PostgreSQL keeps precision and scale.
    modifier := modifier - 4;
    if wanted = 'text' and base = 'character'::regtype then
        -- Padded, as drivers hand it over; the cast would trim it.
        expression := format('pg_catalog.textin(pg_catalog.bpcharout(%s))', reference);
    elsif wanted = 'text' and category = 'E' and is_domain then
        expression := format('case when %1$s is not null then pg_catalog.concat(%1$s) end', reference);
    elsif wanted = 'text' and category = 'E' then
        -- Not by a cast: the type's owner may have made one.
        expression := format('pg_catalog.textin(pg_catalog.enum_out(%s))', reference);
    elsif wanted = 'text' and category = 'S' then
        expression := reference || '::pg_catalog.text';
    elsif wanted = 'boolean' and category = 'B' then
        expression := reference || '::pg_catalog.int4::pg_catalog.float8';
    elsif wanted = 'double precision' and base = 'real'::regtype then
        expression := format('pgscore._real(%s)', reference);
        compared := reference || '::pg_catalog.float8';
    elsif wanted = 'double precision' and base = 'numeric'::regtype and not (
        modifier >= 0
        -- Digits before the point, and behind it; the scale has a sign from PostgreSQL 15 on.
        and (modifier >> 16) - (((modifier & 2047) # 1024) - 1024) <= 308
        and (((modifier & 2047) # 1024) - 1024) <= 323
    ) then
        expression := format('pgscore._number(%s)', reference);
    elsif wanted = 'double precision' and base in (
        'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'double precision'::regtype
    ) then
        expression := reference || '::pg_catalog.float8';
    end if;
    -- Texts by their bytes: a model tells apart what a collation may hold for equal.
    compared := case wanted when 'text' then format('(%s) collate pg_catalog."C"', expression) else coalesce(compared, expression) end;
end
$$;

comment on function pgscore._column_expression(text, oid, integer, text) is
    'SQL for an input of that type of a contract, read from a column of a type and its modifier, and SQL to compare two of them by; NULL where the type cannot serve';

create or replace function pgscore._profile_column(
    profile regclass, input jsonb, source text,
    out expression text, out compared text, out sqlstate text, out message text, out hint text
)
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant text := input ->> 'type';
    found_column record;
begin
    select a.attname, a.atttypid, a.atttypmod into found_column
    from pg_catalog.pg_attribute a
    where a.attrelid = profile and a.attname = input ->> 'name' and a.attnum > 0 and not a.attisdropped;
    if not found then
        sqlstate := '42703';
        message := format('table %s has no column "%s", which the model reads', profile, input ->> 'name');
        return;
    end if;
    select e.* into expression, compared
    from pgscore._column_expression(
        wanted, found_column.atttypid, found_column.atttypmod, source || '.' || quote_ident(found_column.attname)
    ) e;
    if expression is null then
        sqlstate := '42804';
        message := format(
            'column "%s" of table %s is of type %s, which cannot serve as %s', input ->> 'name', profile,
            format_type(found_column.atttypid, found_column.atttypmod), wanted
        );
        hint := 'Fit the model on the column as it is, or name a view or table that has the type it wants.';
    end if;
end
$$;

grant execute on function
    pgscore._column_expression(text, oid, integer, text), pgscore._profile_column(regclass, jsonb, text),
    pgscore._profile_problem(regclass, jsonb)
    to pgscore_reader;

create or replace function pgscore._late_rows(model text, profiles anyarray) returns pgscore.scored
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
declare
    answer pgscore.scored;
begin
    if not exists (select from pgscore.model m where m.name = _late_rows.model and m.serving is not null) then
        -- Events come before a version is promoted too, and need not pay for it.
        return null;
    end if;
    perform pgscore._refuse_misfit(model, t.typelem) from pg_catalog.pg_type t where t.oid = pg_typeof(profiles);
    select max((s.given).version), array_agg((s.given).scores[1]), array_agg((s.given).reasons[1])
    into answer
    from (select pgscore._scored(model, to_jsonb(p)) as given from unnest(profiles) as p offset 0) s;
    return case when answer.version is not null then answer end;
end
$$;

create or replace function pgscore._has_walked(model text, version integer) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- By an index: to look at all functions would cost more with each version in the registry.
    select exists (
        select from pg_catalog.pg_proc p
        where p.pronamespace = 'pgscore_models'::regnamespace and p.proname = format('_%s %sw', model, version)::name
    )
$$;

create or replace function pgscore._drop_scorer(model text, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    doomed record;
begin
    -- The score calls the others.
    for doomed in
        select p.oid::regprocedure as function
        from unnest(array['', 'b', 'e', 'w', 'p']) with ordinality as s (suffix, ordinal)
        join pg_catalog.pg_proc p on p.proname = format('_%s %s%s', model, version, s.suffix)::name
        where p.pronamespace = 'pgscore_models'::regnamespace
        order by s.ordinal
    loop
        execute format('drop function %s', doomed.function);
    end loop;
    execute format('drop type if exists %s', pgscore._scorer_name(model, version, 'i'));
end
$$;

-- core/engine/_compile_program.sql
create or replace function pgscore._compile_program(model text, version integer) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._create_scorer(v.model, v.version, p.program, (v.contract #>> '{output,positive}')::integer)
    from pgscore.model_version v join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _compile_program.model and v.version = _compile_program.version
        and p.size <= pgscore._largest_sql_program()
        -- What was pruned and has come back may have kept its functions, because a view needs them.
        and not exists (
            select from pg_catalog.pg_proc f
            where f.pronamespace = 'pgscore_models'::regnamespace
                and f.proname = format('_%s %s', v.model, v.version)::name
        )
$$;

-- core/engine/_estimate.sql
-- Numbers of many rows travel as one value in binary, which PL/Python hands to numpy as it is. An array has each of them
-- made an object of Python's.
create function pgscore._ask_estimator(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    content bytea;
begin
    -- A plpython branch of an older release has no function that takes them so.
    if rows = 1 or to_regprocedure('pgscore_trusted._estimate_rows(text, integer, bytea, text[], boolean)') is null then
        select e.scores, e.reasons into scores, reasons
        from pgscore_trusted._estimate(digest, rows, numbers, texts, every) e;
        return;
    end if;
    content := array_send(numbers);
    if get_byte(content, 7) = 1 then
        -- NULL would take no room: NaN stands for it, as it does for PL/Python.
        content := array_send(array(
            select coalesce(n.number, 'NaN') from unnest(numbers) with ordinality as n (number, ordinal) order by n.ordinal
        ));
    end if;
    select e.scores, coalesce(e.reasons, array_fill(null::text, array[rows])) into scores, reasons
    from pgscore_trusted._estimate_rows(digest, rows, content, texts, every) e;
end
$$;

comment on function pgscore._ask_estimator(text, integer, double precision[], text[], boolean) is
    'Hands rows to PL/Python, to be scored with a version that this backend has loaded; NULL where it has not';

-- Parallel workers would each import scikit-learn for some seconds: restricted, although it would be safe.
create or replace function pgscore._estimate(
    model text, version integer, digest text, rows integer, numbers double precision[], texts text[],
    every boolean default false
) returns pgscore.scored
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    answer record;
begin
    if to_regnamespace('pgscore_trusted') is null then
        perform pgscore._load(model, version);  -- says what is missing
    end if;
    answer := pgscore._ask_estimator(digest, rows, numbers, texts, every);
    if answer.scores is null then
        perform pgscore._load(model, version);
        answer := pgscore._ask_estimator(digest, rows, numbers, texts, every);
        if answer.scores is null then
            raise exception 'model "%" version % cannot be loaded: it is not what its digest says', model, version
                using errcode = 'data_corrupted', hint = 'Publish the model again from its source.';
        end if;
    end if;
    return (version, answer.scores, answer.reasons)::pgscore.scored;
end
$$;

create function pgscore._estimate_row(
    model text, version integer, digest text, numbers double precision[], texts text[], every boolean default false
) returns pgscore.scored
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    answer constant pgscore.scored := pgscore._estimate(model, version, digest, 1, numbers, texts, every);
begin
    -- In a statement of its own: an older plpython branch does not have it.
    if to_regprocedure('pgscore_trusted._count_row(double precision)') is not null then
        if pgscore_trusted._count_row(extract(epoch from statement_timestamp())::double precision) then
            raise notice 'model "%" is no program: this query has it score one row after the other, which takes hundreds of times as long as many at once', model
                using hint = format('select * from pgscore.score_rows(%L, ''select ...'')', model);
        end if;
    end if;
    return answer;
end
$$;

comment on function pgscore._estimate_row(text, integer, text, double precision[], text[], boolean) is
    'The estimator engine for a row of a query; says once in a session how many rows are scored together';

grant execute on function pgscore._estimate_row(text, integer, text, double precision[], text[], boolean) to pgscore_reader;

create function pgscore._present_arguments(inputs jsonb, arguments text[]) returns text[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        case i.input ->> 'type' when 'text' then a.argument else format('coalesce(%s, ''NaN''::pg_catalog.float8)', a.argument) end
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    join unnest(arguments) with ordinality as a (argument, ordinal) using (ordinal)
$$;

comment on function pgscore._present_arguments(jsonb, text[]) is
    'SQL for each input of a contract, with NaN in the place of a number that is NULL: arrays without NULL travel faster';

create or replace function pgscore._engine_call(
    engine text, model text, version integer, arguments text[], every boolean default false,
    ordinary boolean[] default null, manner text default null
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    described record;
    split record;
    call text;
begin
    select
        v.digest, v.contract -> 'inputs' as inputs, v.contract #>> '{output,kind}' as kind,
        (v.contract #>> '{output,positive}')::integer as positive, p.program, p.digest as program_digest
    into strict described
    from pgscore.model_version v left join pgscore.program p on p.model = v.model and p.version = v.version
    where v.model = _engine_call.model and v.version = _engine_call.version;
    select * into split from pgscore._split_arguments(described.inputs, arguments);
    if engine = 'estimator' and manner in ('query', 'scan') then
        return format(
            '(pgscore._estimate_row(%L, %s, %L, %s, %s, %s)).scores%s', model, version, described.digest,
            split.numbers, split.texts, every::text, case when every then '' else '[1]' end
        );
    elsif engine = 'estimator' then
        return format(
            '(pgscore._estimate(%L, %s, %L, 1, %s, %s, %s)).scores%s', model, version, described.digest,
            split.numbers, split.texts, every::text, case when every then '' else '[1]' end
        );
    elsif engine = 'sql' and not every and ordinary is not null and manner = 'scan' then
        return pgscore._scan_call_typed_sql(
            model, version, described.program, described.positive, arguments, ordinary
        );
    elsif engine = 'sql' and not every and ordinary is not null then
        return pgscore._scorer_call_typed_sql(
            model, version, described.program, described.positive, arguments, ordinary, case manner when 'walk' then 'w' else 'b' end
        );
    elsif engine = 'sql' and manner = 'inlined' and pgscore._is_apart(described.program) then
        call := format('%s(%s)', pgscore._scorer_name(model, version, 'e'), array_to_string(arguments, ', '));
    elsif engine = 'sql' then
        call := pgscore._scorer_call_sql(model, version, cardinality(arguments), arguments, every);
    elsif every then
        call := format(
            'pgscore._interpret_outputs(%L, %s, %L, %s, %s)', model, version, described.program_digest,
            split.numbers, split.texts
        );
    elsif manner = 'apart' then
        call := format(
            'pgscore._interpret(%L, %s, %L, %s, %s, %s)', model, version, described.program_digest,
            coalesce(described.positive, 0), split.numbers, split.texts
        );
    elsif manner in ('walk', 'brief') then
        -- Half the expression: to set it up, in each transaction anew, costs as much as to walk the program.
        call := format(
            case manner when 'walk' then '%s' else 'pgscore._known(%s)' end,
            format(
                'pgscore_trusted._walk(%L, %s, %s, %s)', described.program_digest, coalesce(described.positive, 0),
                split.numbers, split.texts
            )
        );
    else
        -- NaN: this backend does not have the program yet. NULL as well takes the way through plpgsql, which most rows
        -- are spared.
        call := format(
            'coalesce(pgscore._known(pgscore_trusted._walk(%3$L, %4$s, %5$s, %6$s)),'
                ' pgscore._interpret(%1$L, %2$s, %3$L, %4$s, %5$s, %6$s))',
            model, version, described.program_digest, coalesce(described.positive, 0), split.numbers, split.texts
        );
    end if;
    return case
        when every then format('pgscore._with_label(%s, %L, %L)', call, described.kind, described.program ->> 'tie')
        else call
    end;
end
$$;

comment on function pgscore._engine_call(text, text, integer, text[], boolean, boolean[], text) is
    'SQL that scores a row with one engine of a version, its inputs given as SQL; with every, all outputs and the position of the label. Of the interpreter walk names what may answer NaN, and brief what may answer NULL, where this session has to read the program first; apart names nothing outside of pgscore. Of sql walk needs no plan, scan is for many rows, query for one of a query, and inlined sets the expression up in each statement, as sessions do in each transaction';

create or replace function pgscore._lasting_call(
    first_engine text, one_engine text, model text, version integer, arguments text[], every boolean default false
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if first_engine = one_engine then
        return pgscore._engine_call(one_engine, model, version, arguments, every, manner => 'query');
    end if;
    -- Queries count nothing, since what is counted cannot be in parallel workers; they follow what a binding has counted.
    return format(
        E'case when pgscore._can_interpret()\n    then %s\n    else %s\nend',
        pgscore._engine_call(one_engine, model, version, arguments, every, manner => 'apart'),
        pgscore._engine_call(first_engine, model, version, arguments, every)
    );
end
$$;

grant execute on function pgscore._model_function(text, text) to pgscore_reader;

create or replace function pgscore._profile_functions(model text, profile regclass) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving record;
    problem record;
    arguments text[];
    ordinary boolean[];
    is_current text;
    says text;
    row_type constant text := profile::text;
    many_posture text := 'sql stable parallel safe';
    rescore_posture text := 'sql stable parallel safe';
    rows_posture constant text := 'plpgsql stable parallel restricted set search_path = pg_catalog, pg_temp';
    late_score constant text := format('pgscore._late_score(%L, $1)', model);
    late_rows constant text := format('pgscore._late_rows(%L, $1)', model);
    late_rescore constant text := format('pgscore._late_rescore(%L, $2)', model);
    score text := 'select ' || late_score;
    rescore text := 'select ' || late_rescore;
    rows_body text := format(E'begin\n    return %s;\nend', late_rows);
begin
    select
        v.version, v.contract -> 'inputs' as inputs, m.one_engine, m.many_engine,
        pgscore._first_engine(m.name) as first_engine, pgscore._counts_scores(m.name) as counts_scores
    into serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _profile_functions.model;
    says := format('Model "%s" version %s: ', model, serving.version);
    select p.* into problem from pgscore._profile_problem(profile, serving.inputs) p where serving.version is not null;
    if serving.version is null then
        -- Triggers name what stands here; a promotion replaces it.
        says := format('Model "%s", without a version that answers: ', model);
    elsif problem.message is null then
        ordinary := pgscore._ordinary_columns(profile, serving.inputs);
        arguments := pgscore._profile_arguments(profile, serving.inputs, '($1)');
        is_current := format('%s() operator(pg_catalog.=) %s', pgscore._model_function(model, 'serving'), serving.version);
        -- Queries take the engine for many rows. What it calls may be parallel safe, and the estimator engine is not.
        score := format(
            E'select case when %s\n    then %s\n    else %s\nend', is_current,
            pgscore._engine_call(serving.many_engine, model, serving.version, arguments, false, ordinary, 'scan'), late_score
        );
        if serving.counts_scores then
            rescore := pgscore._lasting_rescore_sql(
                model, serving.version, serving.one_engine, profile, serving.inputs, ordinary, is_current, late_rescore
            );
            rescore_posture := 'plpgsql volatile parallel unsafe';
        else
            rescore := format(
                E'select case when not %s\n    then %s\n    when $3 or %s\n    then array[%s, %s::pg_catalog.float8]\nend', is_current,
                late_rescore, pgscore._inputs_differ(profile, serving.inputs, '($1)', '($2)'),
                pgscore._engine_call(
                    serving.one_engine, model, serving.version,
                    pgscore._profile_arguments(profile, serving.inputs, '($2)'), false, ordinary, 'brief'
                ),
                serving.version
            );
        end if;
        rows_body := format(
            E'begin\n    if not %s then\n        return %s;\n    end if;\n'
                '    -- Neither pays for the other''s plan.\n'
                '    if cardinality($1) = 1 then\n        %s\n    end if;\n    %s\nend',
            is_current, late_rows,
            pgscore._rows_statement(model, serving.version, serving.inputs, serving.first_engine, profile),
            pgscore._rows_statement(model, serving.version, serving.inputs, serving.many_engine, profile)
        );
        if serving.many_engine = 'estimator' then
            many_posture := 'sql stable parallel restricted';
        end if;
        if serving.one_engine = 'estimator' then
            rescore_posture := 'sql stable parallel restricted';
        end if;
    else
        -- It asks again at each call: the column may come back.
        says := says || problem.message || ': ';
    end if;
    if serving.version is not null then
        return next (
            pgscore._model_function(model, ''), '{profile}', array[row_type], 'double precision', many_posture, score,
            format('%sa row of %s', says, profile)
        )::pgscore.generated_function;
    end if;
    return next (
        pgscore._model_function(model, 'rescore'), '{former,present,forced}', array[row_type, row_type, 'boolean'],
        'double precision[]', rescore_posture, rescore,
        format('%sscore and version of a row of %s, if what the model reads has changed; without a score, ask for an array of one row', says, profile)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'rows'), '{profiles}', array[row_type || '[]'], 'pgscore.scored', rows_posture, rows_body,
        format('%srows of %s, with the version and the reasons of refusals', says, profile)
    )::pgscore.generated_function;
end
$$;

comment on function pgscore._profile_functions(text, regclass) is
    'The functions of a model that take rows of one profile table, naming the version that serves; where a column is missing, they say so; where none serves, those that triggers call';

create or replace function pgscore._rows_statement(model text, version integer, inputs jsonb, engine text, profile regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    row_arguments constant text[] := pgscore._profile_arguments(profile, inputs, 'pgscore_row');
    -- The table's number makes the plan depend on it: a change of its columns reaches the plans of open sessions.
    depending constant text := format('where pg_typeof(%L::regclass) is not null', profile::oid);
    each_row constant text := ') from unnest($1) as pgscore_row ' || depending || ')';
    split record;
begin
    if engine = 'estimator' then
        split := pgscore._split_arguments(inputs, pgscore._present_arguments(inputs, row_arguments));
        return format(
            'return pgscore._estimate(%L, %s, %L, cardinality($1), %s, %s);', model, version,
            (
                select v.digest from pgscore.model_version v
                where v.model = _rows_statement.model and v.version = _rows_statement.version
            ),
            coalesce('(select array_agg(' || nullif(split.numbers, 'null') || each_row, 'null'),
            coalesce('(select array_agg(' || nullif(split.texts, 'null') || each_row, 'null')
        );
    end if;
    -- A scan of an array is in its order; the subquery keeps each score from being computed twice; a reason is asked for
    -- only where there is no score.
    split := pgscore._split_arguments(inputs, pgscore._profile_arguments(profile, inputs, '(s.pgscore_row)'));
    return format(
        'return (
            select (%s, array_agg(s.score), array_agg(
                case when s.score is null then pgscore._reason(%L, %s, %s, %s) end
            ))::pgscore.scored
            from (select %s as score, pgscore_row from unnest($1) as pgscore_row offset 0) s
            %s
        );',
        version, model, version, split.numbers, split.texts,
        pgscore._engine_call(engine, model, version, row_arguments), depending
    );
end
$$;

create or replace function pgscore._replace_profile(profile regclass, models text[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = profile);
    scored constant text[] := array(select t.model from pgscore._scored_tables() t where t.profile = _replace_profile.profile);
begin
    if space is null or cardinality(scored) = 0 and not has_schema_privilege(space, 'usage') then
        return;
    elsif not has_schema_privilege(space, 'usage') then
        raise exception 'pgscore_owner may not use schema %, and functions are generated on the row type of %', space, profile
            using errcode = 'insufficient_privilege', hint = format('grant usage on schema %s to pgscore_owner', space);
    end if;
    perform pgscore._create_function(f)
    from unnest(scored) as m (model), pgscore._profile_functions(m.model, profile) f
    where m.model = any (models);
    if cardinality(scored) > 0 or to_regprocedure(format('pgscore._score_rows(text, %s[])', profile)) is not null then
        perform pgscore._create_function(f) from pgscore._profile_dispatch(profile) f;
    end if;
    perform pgscore._drop_functions(profile, scored);
end
$$;

drop function pgscore._generate_profile(profile regclass);

create function pgscore._generate_profile(profile regclass, only_model text default null) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
    perform pgscore._note_tables();
    for attempt in 1 .. 3 loop
        begin
            perform pgscore._replace_profile(
                profile, array(
                    select t.model from pgscore._scored_tables() t
                    where t.profile = _generate_profile.profile and (t.model = only_model or only_model is null)
                )
            );
            return;
        exception
            -- Somebody else replaces the same functions: "tuple concurrently updated" is an internal error.
            when lock_not_available or unique_violation or internal_error then
                if attempt = 3 and to_regprocedure(format('pgscore._score_rows(text, %s[])', profile)) is null then
                    raise;
                end if;
        end;
    end loop;
    -- What stands there is slow at worst.
end
$$;

comment on function pgscore._generate_profile(regclass, text) is
    'Generates the functions for rows of a table anew, from the models that score it, or one of them; what is right stays as it is';

grant execute on function pgscore._generate_profile(regclass, text) to pgscore_reader;

create or replace function pgscore._outdated_profiles(model text default null) returns table (model text, profile regclass)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select m.name, t.profile
    from pgscore._scored_tables() t
    join pgscore.model m on m.name = t.model
    join pg_catalog.pg_class c on c.oid = t.profile
    where (m.name = _outdated_profiles.model or _outdated_profiles.model is null)
        and case
            -- Without it not even the names of functions are found.
            when not has_schema_privilege(c.relnamespace, 'usage') then m.serving is not null
            -- Before a version is promoted only triggers call something.
            when m.serving is null and not t.is_bound then false
            else exists (
                select from pgscore._profile_functions(m.name, t.profile) f where not pgscore._is_generated(f)
                union all
                select from pgscore._profile_dispatch(t.profile) f where not pgscore._is_generated(f)
            )
        end
    order by m.name, t.profile::text
$$;

-- core/functions/ties.sql
-- Giving a table to a model to score, and taking it away: with the caller's rights, who may read the table.

create or replace function pgscore._add_profile(model text, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    kind constant "char" := (select c.relkind from pg_catalog.pg_class c where c.oid = profile);
begin
    if kind is null then
        raise exception 'the table that model "%" is to score was dropped', model using errcode = 'undefined_table';
    elsif kind not in ('r', 'p', 'v', 'm', 'f') then
        raise exception '% is no table', profile using errcode = 'wrong_object_type';
    elsif pgscore._is_readable(profile) is null then
        raise exception 'table % is temporary or the system''s: its rows are scored without functions of their own', profile
            using errcode = 'wrong_object_type';
    elsif not pgscore._is_readable(profile) then
        raise exception '% may not read table %, and so has no model score its rows', current_user, profile
            using errcode = 'insufficient_privilege', hint = format('grant select on %s to %I', profile, current_user);
    end if;
    insert into pgscore.model_profile (model, profile, schema_name, table_name)
    select _add_profile.model, c.oid, n.nspname, c.relname
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = _add_profile.profile
    on conflict do nothing;
    -- Those of other models are theirs to look after.
    perform pgscore._generate_profile(profile, model);
end
$$;

-- core/bulk/source.sql
-- What is to be scored: the columns of a table or of a query.

create function pgscore._table_columns(source regclass) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_agg(jsonb_build_object('name', a.attname, 'type', a.atttypid, 'modifier', a.atttypmod) order by a.attnum)
    from pg_catalog.pg_attribute a
    where a.attrelid = source and a.attnum > 0 and not a.attisdropped
$$;

comment on function pgscore._table_columns(regclass) is 'The columns of a table, in its order: name, type and the type''s modifier of each';

create function pgscore._described_columns(columns jsonb) returns table (place bigint, name text, type oid, modifier integer)
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select c.ordinal, c.described ->> 'name', (c.described ->> 'type')::oid, (c.described ->> 'modifier')::integer
    from jsonb_array_elements(columns) with ordinality as c (described, ordinal)
$$;

comment on function pgscore._described_columns(jsonb) is 'What is known of each column: its position, name, type and the type''s modifier';

create function pgscore._aliases_sql(columns integer) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- By position: a query may give two columns one name.
    select string_agg('c' || i, ', ' order by i) from generate_series(1, columns) i
$$;

comment on function pgscore._aliases_sql(integer) is 'What statements call so many columns of what is to be scored';

create function pgscore._names_sql(query text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- One row of NULLs, whatever the query gives: it is planned, and not run. A comment may end it.
    select format(
        E'select pg_catalog.row_to_json(pgscore_row) from (select pgscore_query.* from (values (1)) as pgscore_one (one)'
            ' left join (select * from (%s\n) as pgscore_given limit 0) as pgscore_query on true) as pgscore_row',
        query
    )
$$;

comment on function pgscore._names_sql(text) is 'SQL for the names of a query''s columns, as an object in JSON';

create function pgscore._types_sql(query text, names json) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select format(
        E'select array[%1$s]::pg_catalog.oid[] from (values (1)) as pgscore_one (one)'
            ' left join (select * from (%2$s\n) as pgscore_given limit 0) as pgscore_query%3$s on true',
        string_agg(format('pg_catalog.pg_typeof(c%s)', k.ordinal), ', ' order by k.ordinal), query,
        ' (' || pgscore._aliases_sql(count(*)::integer) || ')'
    )
    from json_object_keys(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._types_sql(text, json) is
    'SQL for the types of a query''s columns, whose names stand in an object in JSON';

create function pgscore._query_columns(names json, types oid[]) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_agg(jsonb_build_object('name', k.name, 'type', types[k.ordinal], 'modifier', -1) order by k.ordinal)
    from json_object_keys(names) with ordinality as k (name, ordinal)
$$;

comment on function pgscore._query_columns(json, oid[]) is 'The columns of a query, in its order: name, type and the type''s modifier of each';

create function pgscore._is_name(query text) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select query ~ E'^\\s*("([^"]|"")+"|[^][\\s"(),;.:*/+-]+)(\\s*\\.\\s*("([^"]|"")+"|[^][\\s"(),;.:*/+-]+)){0,2}\\s*$'
$$;

comment on function pgscore._is_name(text) is 'Whether a text is the name of a table rather than a query';

create function pgscore._json_value(value anyelement, name text, type text) returns text
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
set datestyle = 'ISO, MDY'
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    return pgscore._payload_value(jsonb_build_object(name, value), name, type);
end
$$;

comment on function pgscore._json_value(anyelement, text, text) is
    'One input out of a column of any type, as pgscore.score reads it of a row: by way of JSON, refused where it is of another type than the contract''s';

grant execute on function
    pgscore._table_columns(regclass), pgscore._names_sql(text), pgscore._types_sql(text, json),
    pgscore._aliases_sql(integer), pgscore._query_columns(json, oid[]), pgscore._is_name(text), pgscore._json_value(anyelement, text, text)
    to pgscore_reader;

-- core/bulk/plan.sql
create function pgscore._rows_version(model text, version integer) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving constant integer := (select m.serving from pgscore.model m where m.name = model);
begin
    if version is null and serving is null then
        perform pgscore._no_answer(model);
    elsif version is null then
        return serving;
    end if;
    version := pgscore._existing_version(model, version);
    perform pgscore._refuse_pruned(model, version);
    return version;
end
$$;

comment on function pgscore._rows_version(text, integer) is
    'The version that is to score rows: the one that is named, or the one that serves; refused where there is none';

create function pgscore._rows_engine(model text, version integer) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    chosen constant text := (
        select m.many_engine from pgscore.model m where m.name = _rows_engine.model and m.serving = _rows_engine.version
    );
    size constant integer := (
        select p.size from pgscore.program p where p.model = _rows_engine.model and p.version = _rows_engine.version
    );
begin
    if chosen is not null then
        return chosen;
    elsif size is null then
        return 'estimator';
    elsif size <= pgscore._largest_sql_program() then
        return 'sql';
    elsif to_regproc('pgscore_trusted._walk') is not null then
        return 'interpreter';
    end if;
    -- Says what is missing.
    return (pgscore._engines(model, version))[1];
end
$$;

comment on function pgscore._rows_engine(text, integer) is
    'The engine that scores many rows: of the version that serves the one that was chosen, of others the first that needs least';

create function pgscore._key_expression(columns jsonb, key name[], words text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    named record;
    texts text[] := '{}';
begin
    for named in
        select k.name, count(c.name) as times, min(c.place) as place
        from unnest(key) with ordinality as k (name, ordinal)
        left join pgscore._described_columns(columns) c on c.name = k.name::text
        group by k.name, k.ordinal
        order by k.ordinal
    loop
        if named.name is null or named.times <> 1 then
            raise exception '% has % column "%" for the key', words, case named.times when 0 then 'no' else 'more than one' end, named.name
                using errcode = case named.times when 0 then 'undefined_column' else 'ambiguous_column' end,
                      hint = 'key names columns of what is scored.';
        end if;
        texts := texts || format('pgscore_row.c%s::pg_catalog.text', named.place);
    end loop;
    return case cardinality(texts)
        -- Of a query, and of a table without a primary key.
        when 0 then 'pgscore_row.c1::pg_catalog.text'
        when 1 then texts[1]
        else format('array[%s]::pg_catalog.text', array_to_string(texts, ', '))
    end;
end
$$;

comment on function pgscore._key_expression(jsonb, name[], text) is
    'SQL for the key of a row, as text: of these columns of what is scored, or of the first where none is named';

create function pgscore._source_arguments(
    model text, inputs jsonb, columns jsonb, source regclass, words text,
    out arguments text[], out ordinary boolean[]
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- pgscore.score has functions of its own for rows of such a table, which are stricter with types.
    is_tied constant boolean := exists (
        select from pgscore._scored_tables() t where t.model = _source_arguments.model and t.profile = source
    );
    given record;
    problem record;
    expression text;
begin
    for given in
        select i.input, i.input ->> 'name' as name, i.input ->> 'type' as wanted, count(c.name) as times, min(c.place) as place,
            min(c.type) as type, min(c.modifier) as modifier
        from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
        left join pgscore._described_columns(columns) c on c.name = i.input ->> 'name'
        group by i.input, i.ordinal
        order by i.ordinal
    loop
        if given.times <> 1 then
            raise exception '% has % column "%", which the model reads', words,
                case given.times when 0 then 'no' else 'more than one' end, given.name
                using errcode = case given.times when 0 then 'undefined_column' else 'ambiguous_column' end;
        end if;
        expression := (
            select e.expression
            from pgscore._column_expression(given.wanted, given.type, given.modifier, 'pgscore_row.c' || given.place) e
        );
        if expression is null and is_tied then
            select p.* into problem from pgscore._profile_column(source, given.input, 'p') p;
            raise exception '%', problem.message using errcode = problem.sqlstate, hint = problem.hint;
        end if;
        arguments := arguments || coalesce(
            expression,
            format('pgscore._json_value(pgscore_row.c%s, %L, %L)', given.place, given.name, given.wanted)
                || case given.wanted
                    when 'text' then ''
                    when 'boolean' then '::pg_catalog.bool::pg_catalog.int4::pg_catalog.float8'
                    else '::pg_catalog.float8'
                end
        );
        ordinary := ordinary || (
            given.type in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'boolean'::regtype, 'real'::regtype)
        );
    end loop;
end
$$;

comment on function pgscore._source_arguments(text, jsonb, jsonb, regclass, text) is
    'SQL for each input of a contract, read from the columns of what is scored, and whether it holds neither huge nor tiny numbers; refused where a column is missing';

create function pgscore._rows_plan(
    model text, asked integer, columns jsonb, source regclass, key name[],
    out version integer, out digest text, out first integer, out most integer, out is_chunked boolean, out statement text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    words constant text := case when source is null then 'the query' else 'table ' || source end;
    described jsonb;
    engine text;
    key_sql text;
    given record;
    split record;
begin
    if columns is null and source is not null then
        raise exception '% does not exist', words using errcode = 'undefined_table';
    end if;
    version := pgscore._rows_version(model, asked);
    engine := pgscore._rows_engine(model, version);
    is_chunked := engine = 'estimator';
    select v.contract -> 'inputs', v.digest into described, digest
    from pgscore.model_version v
    where v.model = _rows_plan.model and v.version = _rows_plan.version;
    most := pgscore._most_chunk_rows(described);
    -- Nothing is known of the texts yet.
    first := least(most, 1000);
    select a.* into given from pgscore._source_arguments(model, described, columns, source, words) a;
    key_sql := pgscore._key_expression(columns, coalesce(key, pgscore._row_key(source)), words);
    if is_chunked then
        select s.* into split from pgscore._split_arguments(described, pgscore._present_arguments(described, given.arguments)) s;
        statement := format('select %s, %s::pg_catalog.float8[], %s::pg_catalog.text[]', key_sql, split.numbers, split.texts);
    else
        select s.* into split from pgscore._split_arguments(described, given.arguments) s;
        -- The score is computed once; a reason is asked for where there is none.
        statement := format(
            'select pgscore_row.pgscore_key, pgscore_row.pgscore_score, %1$s,'
                ' case when pgscore_row.pgscore_score is null then pgscore._reason(%2$L, %1$s, %3$s, %4$s) end'
                ' from (select pgscore_row.*, %5$s as pgscore_key, %6$s as pgscore_score',
            version, model, split.numbers, split.texts, key_sql,
            pgscore._engine_call(engine, model, version, given.arguments, false, given.ordinary, 'scan')
        );
    end if;
    statement := format(
        E'%s from %%s as pgscore_row (%s)%s', replace(statement, '%', '%%'), pgscore._aliases_sql(jsonb_array_length(columns)),
        case when is_chunked then '' else ' offset 0) as pgscore_row' end
    );
end
$$;

comment on function pgscore._rows_plan(text, integer, jsonb, regclass, name[]) is
    'How rows are scored: version and digest, and a statement with %s for a table or a query in parentheses. Where chunked it gives keys, numbers and texts, of which most rows are scored together; else it gives the answer';

grant execute on function pgscore._rows_plan(text, integer, jsonb, regclass, name[]) to pgscore_reader;

-- core/bulk/chunks.sql
-- Chunks of a cursor. Nothing here has a pinned path: what a cursor runs is the caller's, and looks up its names along the
-- caller's path. So every name has its schema.

create function pgscore._fetch(source refcursor, rows integer) returns setof record
language plpgsql volatile parallel unsafe
as $$
begin
    return query execute pg_catalog.format('fetch forward %s from %I', rows, source);
end
$$;

comment on function pgscore._fetch(refcursor, integer) is 'The next rows of a cursor, as a set';

grant execute on function pgscore._fetch(refcursor, integer) to pgscore_reader;

create function pgscore._most_chunk_rows(inputs jsonb) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    -- More rows are not faster; a chunk of the widest model has megabytes.
    select greatest(100, least(8192, 400000 / greatest(jsonb_array_length(inputs), 1)))
$$;

comment on function pgscore._most_chunk_rows(jsonb) is 'How many rows of a model with these inputs are scored together at most';

create function pgscore._next_chunk_rows(rows integer, most integer, texts text[]) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when pg_column_size(texts) > 16000000 then greatest(rows / 4, 1)
        when pg_column_size(texts) > 4000000 then rows
        else least(4 * rows, most)
    end
$$;

comment on function pgscore._next_chunk_rows(integer, integer, text[]) is
    'How many rows the next chunk is to have, after one of that many with these texts: long texts make short chunks';

grant execute on function
    pgscore._most_chunk_rows(jsonb), pgscore._next_chunk_rows(integer, integer, text[])
    to pgscore_reader;

-- core/bulk/score_rows.sql
create function pgscore._refuse_source(query text) returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if query is null or query ~ E'^[\\s;]*$' then
        raise exception 'there is no query, and no table, whose rows are to be scored' using errcode = 'invalid_parameter_value';
    end if;
    raise exception 'table % does not exist', btrim(query, E' \t\r\n')
        using errcode = 'undefined_table', hint = 'Name its schema too, or give a query.';
end
$$;

comment on function pgscore._refuse_source(text) is 'Says what is wrong with a text that is neither a query nor the name of a table';

grant execute on function pgscore._refuse_source(text) to pgscore_reader;

create function pgscore._score_source(model text, query text, source regclass, asked integer, keys name[])
returns table (key text, score double precision, version integer, reason text)
language plpgsql stable parallel unsafe rows 10000
as $$
declare
    -- Without a pinned path: what the caller asks for is parsed, and run, under the caller's. Every name here is qualified,
    -- and all that is called is pinned itself, or says why not.
    is_name constant pg_catalog.bool := source is null and pgscore._is_name(query);
    relation pg_catalog.regclass := case when is_name then pg_catalog.to_regclass(query) else source end;
    given pg_catalog.text := pg_catalog.rtrim(query, E'; \t\r\n');
    names pg_catalog.json;
    types pg_catalog.oid[];
    columns pg_catalog.jsonb;
    plan pg_catalog.record;
    portal pg_catalog.refcursor;
    size pg_catalog.int4;
    chunk pg_catalog.record;
    answer pgscore.scored;
begin
    if relation is not null then
        columns := pgscore._table_columns(relation);
        given := relation::pg_catalog.text;
    elsif is_name or pg_catalog.length(given) operator(pg_catalog.>) 0 is not true then
        perform pgscore._refuse_source(query);
    else
        execute pgscore._names_sql(given) into names;
        execute pgscore._types_sql(given, names) into types;
        columns := pgscore._query_columns(names, types);
        given := pg_catalog.concat('(', given, E'\n)');
    end if;
    select p.* into plan from pgscore._rows_plan(model, asked, columns, relation, keys) p;
    if not plan.is_chunked then
        return query execute pg_catalog.format(plan.statement, given);
        return;
    end if;
    open portal for execute pg_catalog.format(plan.statement, given);
    size := plan.first;
    loop
        select
            pg_catalog.count(*)::pg_catalog.int4 as rows, pg_catalog.array_agg(f.key) as keys,
            -- Arrays without elements cannot be put together.
            pg_catalog.array_agg(f.numbers) filter (where f.numbers is not null) as numbers,
            pg_catalog.array_agg(f.texts) filter (where f.texts is not null) as texts
        into chunk
        from pgscore._fetch(portal, size) as f (key pg_catalog.text, numbers pg_catalog.float8[], texts pg_catalog.text[]);
        exit when chunk.rows operator(pg_catalog.=) 0;
        answer := pgscore._estimate(model, plan.version, plan.digest, chunk.rows, chunk.numbers, chunk.texts);
        return query
        select u.key, u.score, answer.version, u.reason
        from rows from (
            pg_catalog.unnest(chunk.keys), pg_catalog.unnest(answer.scores), pg_catalog.unnest(answer.reasons)
        ) as u (key, score, reason);
        exit when chunk.rows operator(pg_catalog.<) size;
        size := pgscore._next_chunk_rows(size, plan.most, chunk.texts);
    end loop;
    close portal;
end
$$;

comment on function pgscore._score_source(text, text, regclass, integer, name[]) is
    'Scores all rows of a table or a query: with a program in one statement, with an estimator in chunks of whole arrays';

grant execute on function pgscore._score_source(text, text, regclass, integer, name[]) to pgscore_reader;

create function pgscore.score_rows(model text, query text, version integer default null, key name[] default null)
returns table (key text, score double precision, version integer, reason text)
language sql stable parallel unsafe rows 10000
as $$
    -- Not pinned: the query is the caller's.
    select s.key, s.score, s.version, s.reason from pgscore._score_source($1, $2, null, $3, $4) s
$$;

comment on function pgscore.score_rows(text, text, integer, name[]) is
    'The scores of all rows of a query, or of the table that a text names, with the version that serves or is named, and reasons of refusals; key: these columns, else the primary key of a table and the first column of a query';

grant execute on function pgscore.score_rows(text, text, integer, name[]) to pgscore_reader;

create function pgscore.score_rows(model text, profile regclass, version integer default null, key name[] default null)
returns table (key text, score double precision, version integer, reason text)
language sql stable parallel unsafe rows 10000
as $$
    select s.key, s.score, s.version, s.reason from pgscore._score_source($1, null, $2, $3, $4) s
$$;

comment on function pgscore.score_rows(text, regclass, integer, name[]) is
    'The scores of all rows of a table, with the version that serves or is named, and reasons of refusals; key: these columns, else the primary key, else the first column';

grant execute on function pgscore.score_rows(text, regclass, integer, name[]) to pgscore_reader;

create or replace function pgscore._restore_models() returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    perform pgscore._lock_releases();
    perform pgscore._compile_program(p.model, p.version) from pgscore.program p;
    perform pgscore._serve(m.name, m.serving, m.engine, m.one_engine, m.many_engine)
    from pgscore.model m
    where m.serving is not null;
    -- Triggers call something of models without a version that answers too.
    perform pgscore._replace_profiles(t.model)
    from (select distinct s.model from pgscore._scored_tables() s) t
    where not exists (select from pgscore.model m where m.name = t.model and m.serving is not null);
end
$$;

-- core/functions/regenerate.sql
-- What a migration calls that changes a generator: nothing that an older release has generated stays.

create or replace function pgscore._regenerate_models(recompile boolean default false) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    one record;
    problem text;
begin
    -- No promotion comes between.
    perform pgscore._lock_releases();
    if recompile then
        perform pgscore._create_scorer(v.model, v.version, p.program, (v.contract #>> '{output,positive}')::integer)
        from pgscore.model_version v join pgscore.program p on p.model = v.model and p.version = v.version
        -- Those that have functions: neither too large a program, nor one that was pruned.
        where exists (
            select from pg_catalog.pg_proc f
            where f.pronamespace = 'pgscore_models'::regnamespace
                and f.proname = format('_%s %s', v.model, v.version)::name
        );
    end if;
    perform pgscore._create_function(f) from pgscore.model m, pgscore._model_functions(m.name) f where m.serving is not null;
    perform pgscore._create_function(f) from pgscore._payload_dispatch() f;
    for one in
        select t.profile, array_agg(t.model order by t.model) as models from pgscore._scored_tables() t group by t.profile order by t.profile::oid
    loop
        problem := pgscore._replace_quietly(one.profile, one.models);
        if problem is not null then
            raise warning 'the functions for rows of table % could not be replaced: %', one.profile, problem
                using hint = format('select pgscore._generate_profile(%L)', one.profile);
        end if;
    end loop;
end
$$;

-- core/binding/fill.sql
create or replace function pgscore._fill(template text, parts jsonb) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    filled text := '';
    line text;
    piece text;
    part text;
    margin text;
    is_only boolean;
begin
    if template is null then
        return null;
    end if;
    -- Without a backslash, which a session may have read otherwise. In one pass: what a part brings along is never looked at again. A part of several lines keeps the margin of its
    -- place, and a line of which nothing but an empty part would be left goes.
    foreach line in array string_to_array(trim(both e'\n' from template), e'\n') loop
        -- Most lines have none.
        if strpos(line, '{{') = 0 then
            filled := concat(filled, line, e'\n');
            continue;
        end if;
        is_only := line ~ '^ *[{][{][a-z_0-9]+[}][}]$';
        margin := substring(line from '^ *');
        part := null;
        for piece in select p[1] from regexp_matches(line, '[{][{][a-z_0-9]+[}][}]|(?:(?![{][{][a-z_0-9]+[}][}]).)+', 'g') p loop
            if piece ~ '^[{][{][a-z_0-9]+[}][}]$' then
                if not parts ? trim(both '{}' from piece) then
                    raise exception 'a template asks for %, which nothing fills', piece using errcode = 'internal_error';
                end if;
                piece := replace(parts ->> trim(both '{}' from piece), e'\n', e'\n' || margin);
            end if;
            part := concat(part, piece);
        end loop;
        if not is_only or part <> margin then
            filled := concat(filled, part, e'\n');
        end if;
    end loop;
    return rtrim(filled, e'\n');
end
$$;

create function pgscore._keys_of(profile regclass)
returns table (profile_key name[], first integer, numbers text, bindings pgscore.binding[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.profile_key, min(b.number), string_agg(b.number::text, ', ' order by b.number), array_agg(b order by b.number)
    from pgscore._bindings_of(profile) b
    group by b.profile_key
$$;

comment on function pgscore._keys_of(regclass) is
    'The keys by which the bindings of a profile table find its rows: the first binding, and the numbers and rows of all, for each';

grant execute on function pgscore._keys_of(regclass) to pgscore_reader;

-- core/binding/templates/move.sql
create or replace function pgscore._move_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
{{every}}
serving := exists (select from pgscore.model m where m.name = any ({{models}}) and m.serving is not null);
for item in
    select
        pgscore_row as profile,
        -- Who recounted must meet who counts at the same time with an older snapshot, even if nothing changed.
        {{forced}} as forced,
        -- Rows that no model has scored yet are scored where they are new, or all is counted.
        here.serving and ({{counted}}) and ({{unscored}}) as unscored{{values}}
    from unnest(here.locked) as pgscore_row
    {{joins}}
    where {{bound}}
loop
    {{each}}
end loop;
$template$ $function$;

create function pgscore._move_light_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
if not again and not exists (
    select from unnest(here.work) w where w.pgscore_task <> 'move'{{or_looks}}
) then
    -- New events, and nothing to look up: each profile's deltas of all bindings at once. To join each binding by itself, as
    -- below, takes time and memory with the square of their number.
    for item in
        select
            pgscore_row as profile, {{forced}} as forced, false as unscored{{values}}
        from unnest(here.locked) as pgscore_row
        {{joins}}
        where {{bound}}
    loop
        {{each}}
    end loop;
else
    {{move}}
end if;
$template$ $function$;

comment on function pgscore._move_light_template() is
    'Template: what the apply function of a table with many bindings does to find the rows as they will stand, where there are but new events';

grant execute on function pgscore._move_light_template() to pgscore_reader;

create function pgscore._move_each_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
one := item.profile;
{{assignments}}
{{filled}}
touched := item.forced or one operator(pg_catalog.*<>) item.profile;
if touched or item.unscored then
    moved := array_append(moved, one);
    changed := array_append(changed, touched);
end if;
$template$ $function$;

comment on function pgscore._move_each_template() is
    'Template: what the apply function does with each row that it has found as it will stand';

grant execute on function pgscore._move_each_template() to pgscore_reader;

create function pgscore._deltas_join_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
left join (
    select {{keys}}{{touched}}{{merged}}
    from unnest(here.work) w
    where w.pgscore_binding in ({{numbers}}) and {{present}}
    group by {{keys}}
) {{name}} on {{match}}
$template$ $function$;

comment on function pgscore._deltas_join_template() is
    'Template: what joins to rows of a profile table what new events bring to each, of all bindings with the same key';

grant execute on function pgscore._deltas_join_template() to pgscore_reader;

create or replace function pgscore._ask_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    select s.scores, s.version, s.reasons into answer from {{rows}}(here.moved[here.first : here.first + here.size - 1]) s;
exception
    when transaction_rollback then raise;
    when others then failure := sqlerrm;
end;
$template$ $function$;

create or replace function pgscore._score_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
<<scored>>
declare
    answer double precision[];
    alone record;
    reason text;
begin
    -- What can fail is apart from what writes: a block that only reads costs no transaction id. A conflict of
    -- transactions is no failure of the model.
    begin
        {{filled}}
        {{ask}}
        if answer is not null then
            if answer[1] is null then
                -- Refused, or not known to this session yet.
                select s.scores, s.version, s.reasons into alone from {{rows}}(array[new]) s;
                answer := array[alone.scores[1], alone.version];
                reason := alone.reasons[1];
            end if;
        end if;
    exception
        when transaction_rollback then raise;
        when others then reason := sqlerrm;
    end;
    if reason is not null then
        {{refused}}
    elsif answer is not null then
        new.{{score}} := answer[1];
        {{version}}
        {{scored_at}}
        -- The list is empty but for bad days, and an empty table is told apart sooner than searched.
        if pg_relation_size('pgscore.stale_row') > 0 then
            delete from pgscore.stale_row s where s.binding = {{number}} and s.key = {{key_text}} and s.cause = 'score';
        end if;
        {{log}}
    end if;
end;
$template$ $function$;

create function pgscore._ask_only_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Where a counter has moved the model is asked, without the price of finding out what else has changed.
if new.{{score}} is null or {{moved}} then
    answer := case when {{bound}} then {{rescore}}(null::{{profile}}, new, true) end;
else
    answer := case when {{bound}} then {{rescore}}(old, new, false) end;
end if;
$template$ $function$;

comment on function pgscore._ask_only_template() is
    'Template: what asks the only model of a profile table for the score of a row';

grant execute on function pgscore._ask_only_template() to pgscore_reader;

create function pgscore._ask_among_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- One of many models: the counters of others need not be among what it reads, and each plan is kept by the session.
answer := case when {{bound}} then {{rescore}}(old, new, new.{{score}} is null or {{moved}}) end;
$template$ $function$;

comment on function pgscore._ask_among_template() is
    'Template: what asks one of several models of a profile table for the score of a row';

grant execute on function pgscore._ask_among_template() to pgscore_reader;

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

create function pgscore._move_each_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._move_each_template(), jsonb_build_object(
        'assignments', string_agg(
            format('one.%I := item.moved_%s_%s;', r.target, b.number, r.ordinal), e'\n' order by b.number, r.ordinal
        ),
        'filled', pgscore._fill_generated_sql(_move_each_sql.profile, 'here.one')
    ))
    from pgscore._bindings_of(profile) b, pgscore._reducers_of(b) r
$$;

comment on function pgscore._move_each_sql(regclass) is 'What the apply function does with each row that it has found as it will stand';

grant execute on function pgscore._move_each_sql(regclass) to pgscore_reader;

create or replace function pgscore._move_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Not row(...)::profile, which an added column would break.
    select pgscore._fill(pgscore._move_template(), jsonb_build_object(
        'every', string_agg(
            format(
                'every_%1$s := exists (select from unnest(here.work) w where w.pgscore_binding = %1$s and w.pgscore_task = ''recount all'');', b.number
            ), e'\n' order by b.number
        ),
        'models', format('%L::text[]', array(select t.model from pgscore._targets_of(_move_sql.profile) t)),
        'forced', coalesce(
            string_agg(
                format('coalesce((%2$s or here.every_%1$s) and r%1$s.any_event is not false, false)', b.number, pgscore._touched_sql(b)),
                ' or ' order by b.number
            ) filter (where c.recounts), 'false'
        ),
        'counted', string_agg(format('here.every_%1$s or coalesce(w%1$s.pgscore_absolute, false)', b.number), ' or ' order by b.number),
        'unscored', (select string_agg(format('pgscore_row.%I is null', t.score), ' or ') from pgscore._targets_of(_move_sql.profile) t),
        'values', string_agg(c.columns, '' order by b.number),
        'joins', string_agg(pgscore._work_join_sql(b), e'\n' order by b.number),
        'each', pgscore._move_each_sql(_move_sql.profile),
        'bound', pgscore._bound_sql(_move_sql.profile)
    ))
    from pgscore._bindings_of(profile) b,
        lateral (
            select
                bool_or(r.kind <> 'add') as recounts,
                string_agg(format(e',\n%s as moved_%s_%s', pgscore._moved_value_sql(b, r), b.number, r.ordinal), '' order by r.ordinal) as columns
            from pgscore._reducers_of(b) r
        ) c
$$;

create function pgscore._deltas_join_sql(profile_key name[], name text, bindings pgscore.binding[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Each counter belongs to one binding, and is NULL in what others have queued.
    select pgscore._fill(pgscore._deltas_join_template(), jsonb_build_object(
        'name', name, 'keys', pgscore._columns_sql(profile_key, 'w'), 'present', pgscore._present_sql(profile_key, 'w'),
        'match', pgscore._match_sql(profile_key, name, profile_key, 'pgscore_row'),
        'numbers', (select string_agg(b.number::text, ', ' order by b.number) from unnest(bindings) b),
        'touched', (
            select string_agg(format(e',\nbool_or(w.pgscore_binding = %1$s) as pgscore_touched_%1$s', b.number), '' order by b.number)
            from unnest(bindings) b
        ),
        'merged', (
            select string_agg(format(e',\n%s as %I', r.merged, r.target), '' order by b.number, r.ordinal)
            from unnest(bindings) b, pgscore._reducers_of(b) r
            where r.kind <> 'look'
        )
    ))
$$;

comment on function pgscore._deltas_join_sql(name[], text, pgscore.binding[]) is
    'SQL that joins to rows of a profile table what new events bring to each, of bindings with the same key';

grant execute on function pgscore._deltas_join_sql(name[], text, pgscore.binding[]) to pgscore_reader;

create function pgscore._move_light_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with moves as (
        select
            b.number, r.kind, r.ordinal,
            format('d%s.pgscore_touched_%s', k.first, b.number) as touched, format('pgscore_row.%I', r.target) as present,
            pgscore._fill(r.grown, jsonb_build_object(
                'present', format('pgscore_row.%I', r.target), 'delta', format('d%s.%I', k.first, r.target)
            )) as grown
        from pgscore._keys_of(profile) k, unnest(k.bindings) b, pgscore._reducers_of(b) r
    )
    select pgscore._fill(pgscore._move_light_template(), jsonb_build_object(
        'or_looks', (
            select format(' or w.pgscore_binding in (%s)', string_agg(distinct m.number::text, ', '))
            from moves m where m.kind = 'look' having count(*) > 0
        ),
        -- As where they are joined one by one: minima and the like write the row also where nothing has changed.
        'forced', coalesce((
            select format('coalesce(%s, false)', string_agg(distinct m.touched, ' or ')) from moves m where m.kind = 'grow' having count(*) > 0
        ), 'false'),
        'values', (
            select string_agg(
                case m.kind when 'look' then format(e',\n%s as moved_%s_%s', m.present, m.number, m.ordinal)
                    else format(e',\ncase when %s then %s else %s end as moved_%s_%s', m.touched, m.grown, m.present, m.number, m.ordinal)
                end, '' order by m.number, m.ordinal
            ) from moves m
        ),
        'joins', (
            select string_agg(pgscore._deltas_join_sql(k.profile_key, 'd' || k.first, k.bindings), e'\n' order by k.first)
            from pgscore._keys_of(_move_light_sql.profile) k
        ),
        'bound', pgscore._bound_sql(profile), 'each', pgscore._move_each_sql(profile), 'move', pgscore._move_sql(profile)
    ))
$$;

comment on function pgscore._move_light_sql(regclass) is
    'What the apply function of a table with many bindings does to find the rows as they will stand';

grant execute on function pgscore._move_light_sql(regclass) to pgscore_reader;

create or replace function pgscore._lost_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        format(
            e'exists (\n    select from unnest(here.work) w\n    where w.pgscore_binding in (%s) and %s and hashtext(%s) & 63 <> all (here.slots) and %s\n'
            '        and not exists (select from unnest(here.locked) as p where %s)\n)',
            k.numbers, pgscore._present_sql(k.profile_key, 'w'), pgscore._key_text_sql(k.profile_key, 'w'),
            pgscore._bound_sql(_lost_sql.profile), pgscore._match_sql(k.profile_key, 'p', k.profile_key, 'w')
        ), e'\nor ' order by k.first
    )
    from pgscore._keys_of(profile) k
$$;

create or replace function pgscore._meet_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._meet_template(), jsonb_build_object(
        'arrival', (select pgscore._profile_object(b, 'arrival') from pgscore._bindings_of(_meet_sql.profile) b limit 1),
        'slots', string_agg(
            format(
                e'select hashtext(%s) & 63 from unnest(here.work) w\nwhere w.pgscore_binding in (%s) and %s\n'
                '    and (w.pgscore_task in (''arrive'', ''rekey'') or not exists (select from %s p where %s))',
                pgscore._key_text_sql(k.profile_key, 'w'), k.numbers, pgscore._present_sql(k.profile_key, 'w'), _meet_sql.profile,
                pgscore._match_sql(k.profile_key, 'p', k.profile_key, 'w')
            ), e'\nunion\n' order by k.first
        )
    ))
    from pgscore._keys_of(profile) k
$$;

create or replace function pgscore._lock_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._lock_template(), jsonb_build_object(
        'profile', profile, 'order', pgscore._row_order_sql(profile, 'pgscore_row'),
        'touched', string_agg(
            format(
                '(%s) %s(select %s from unnest(here.work) w where w.pgscore_binding in (%s))%s',
                pgscore._columns_sql(k.profile_key, 'pgscore_row'), case cardinality(k.profile_key) when 1 then '= any (array' else 'in ' end,
                pgscore._columns_sql(k.profile_key, 'w'), k.numbers, case cardinality(k.profile_key) when 1 then ')' else '' end
            ), e'\nor ' order by k.first
        )
    ))
    from pgscore._keys_of(profile) k
$$;

create or replace function pgscore._score_many_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    parts constant jsonb := jsonb_build_object(
        'number', b.number, 'model', quote_literal(b.model), 'binding', quote_literal(b.name), 'abort_hint', quote_literal(pgscore._abort_hint()),
        'rows', pgscore._model_function(b.model, 'rows'),
        'profile', quote_literal(b.profile), 'key_text', pgscore._key_text_sql(b.profile_key, 'm'), 'bound', pgscore._bound_sql(b.profile),
        'known', pgscore._known_sql(b)
    );
    ask text := pgscore._fill(pgscore._ask_many_template(), parts);
begin
    if b.max_scoring_ms is not null then
        ask := pgscore._fill(pgscore._ask_in_time_template(), jsonb_build_object(
            'ask', ask, 'limit', format('interval %L', b.max_scoring_ms || ' milliseconds'),
            'late', quote_literal(format('scoring took longer than the binding''s max_scoring_ms, %s', b.max_scoring_ms))
        ));
    end if;
    return pgscore._fill(pgscore._score_many_template(), parts || jsonb_build_object(
        'ask', ask, 'starts', case when b.max_scoring_ms is not null then 'began := clock_timestamp();' end,
        'refused', pgscore._fill(case b.on_error when 'abort' then pgscore._abort_many_template() else pgscore._keep_many_template() end, parts),
        'log', case when b.log then pgscore._fill(pgscore._log_many_template(), parts) end
    ));
end
$$;

create or replace function pgscore._apply_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from pgscore._function_sql(
        format('%s(given %s[])', pgscore._profile_object(b, 'apply'), pgscore._profile_object(b, 'queue')), 'void', 'plpgsql volatile set plan_cache_mode = auto set jit = off',
        pgscore._fill(pgscore._apply_template(), jsonb_build_object(
            'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'), 'recounted', pgscore._recounted_sql(),
            'declared', (
                select string_agg(format('every_%s boolean;', o.number), e'\n' order by o.number)
                    || case when bool_or(o.on_missing = 'error') then e'\nmissing text;' else '' end
                    || case when bool_or(o.on_missing = 'insert') then format(e'\nkept %s[];\nmade boolean;', pgscore._profile_object(b, 'queue')) else '' end
                from pgscore._bindings_of(b.profile) o
            ) || (
                select case when bool_or(t.max_scoring_ms is not null) then e'\nbegan timestamptz;' else '' end || string_agg(
                    format(e'\nnames_%1$s text[];\nscores_%1$s double precision[];\nversions_%1$s integer[];\nreasons_%1$s text[];', t.number), ''
                    order by t.number
                )
                from pgscore._targets_of(b.profile) t
            ),
            'missing', (select string_agg(pgscore._missing_sql(o), e'\n' order by o.number) from pgscore._bindings_of(b.profile) o),
            'meet', pgscore._meet_sql(b.profile), 'lock', pgscore._lock_sql(b.profile), 'lost', pgscore._lost_sql(b.profile),
            'move', case
                -- A session pays for two statements where it had one, and a join of few bindings is no burden.
                when (select count(*) from pgscore._bindings_of(b.profile)) > 4 then pgscore._move_light_sql(b.profile)
                else pgscore._move_sql(b.profile)
            end,
            'update', pgscore._update_sql(b.profile, pgscore._profile_object(b, 'queue'))
        )),
        format('moves counters of %s and stores scores, in one UPDATE', b.profile), b.owner
    ) s
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
        select b, b.changes, pgscore._crosses_sql(b) is not null as notifies, b.score from pgscore._bindings_of(profile) b
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

-- core/binding/generating/profiles.sql
create or replace function pgscore._score_one_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Asked for each of many models, so of the table itself.
    is_only constant boolean := not exists (
        select from pgscore.binding o
        where o.profile = b.profile and o.model <> b.model and exists (select from pg_catalog.pg_class c where c.oid = o.events)
    );
    counters constant name[] := array(
        select distinct r ->> 'column'
        from pgscore.binding o, jsonb_array_elements(o.reducers) r
        where o.profile = b.profile and o.model = b.model and exists (select from pg_catalog.pg_class c where c.oid = o.events)
        order by 1
    );
    key_text constant text := pgscore._key_text_sql(b.profile_key, 'new');
    told constant jsonb := jsonb_build_object(
        'number', b.number, 'model', quote_literal(b.model), 'binding', quote_literal(b.name), 'abort_hint', quote_literal(pgscore._abort_hint()),
        'key_text', key_text,
        -- A copy of a schema has the functions, and may stand where the number is another binding's, or nobody's.
        'known', format('b.number = %s and b.profile = %s', b.number, case when pgscore._is_partitioned(b.profile) then 'pg_partition_root(tg_relid)' else 'tg_relid' end)
    );
begin
    return pgscore._fill(pgscore._score_one_template(), jsonb_build_object(
        'number', b.number, 'profile', b.profile, 'key_text', key_text,
        -- What is computed when the row is stored is computed here before, and what stands here then is not looked at.
        'filled', pgscore._fill_generated_sql(b.profile, 'new'),
        'ask', pgscore._fill(case when is_only then pgscore._ask_only_template() else pgscore._ask_among_template() end, jsonb_build_object(
            'profile', b.profile, 'rescore', pgscore._model_function(b.model, 'rescore'), 'score', quote_ident(b.score),
            'moved', pgscore._changed_sql(counters), 'bound', pgscore._bound_sql(b.profile)
        )),
        'rows', pgscore._model_function(b.model, 'rows'), 'score', quote_ident(b.score),
        'refused', pgscore._fill(case b.on_error when 'abort' then pgscore._abort_one_template() else pgscore._keep_one_template() end, told),
        'version', format('new.%s := answer[2];', quote_ident(b.version)), 'scored_at', format('new.%s := now();', quote_ident(b.scored_at)),
        'log', case when b.log then pgscore._fill(pgscore._log_one_template(), told) end
    ) || case when b.version is null then '{"version": null}' else '{}'::jsonb end
      || case when b.scored_at is null then '{"scored_at": null}' else '{}'::jsonb end);
end
$$;

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
        from pgscore.binding o, pgscore._partitions(o.profile) as r (relation), pgscore._tell_triggers(o.profile) t
        where o.owner = b.owner and exists (select from pg_catalog.pg_class c where c.oid = o.profile)
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

drop function pgscore.attach(model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name, version name, scored_at name, timing text, on_error text, on_missing text, max_scoring_ms integer, log boolean, backfill boolean, without_index boolean);

drop function pgscore.attach(model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name, version name, scored_at name, timing text, on_error text, on_missing text, max_scoring_ms integer, log boolean, backfill boolean, without_index boolean);

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
-- Tables of pgscore's that are partitioned by time: partitions are made ahead, and dropped when they are old. What falls
-- between them stands in the default partition, so nothing is lost while nobody makes any.
--
-- A partition has no grants: who reads or writes goes by the parent, and its row-level security. It has a primary key of
-- its own, on the column that counts up, so that one which is attached needs no index to be built.

create function pgscore._partitioned_table(parent name) returns regclass
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    relation constant regclass := (
        select c.oid
        from pg_catalog.pg_class c
        join pg_catalog.pg_partitioned_table t on t.partrelid = c.oid
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = t.partattrs[0]
        where c.relnamespace = 'pgscore'::regnamespace and c.relname = parent and c.relowner = 'pgscore_owner'::regrole
            and t.partstrat = 'r' and t.partnatts = 1 and a.atttypid = 'timestamptz'::regtype
    );
begin
    if relation is null then
        raise exception 'pgscore has no table % that is partitioned by time', coalesce(quote_ident(parent), 'NULL')
            using errcode = 'undefined_table', hint = 'It is named without its schema, such as prediction_log.';
    end if;
    return relation;
end
$$;

comment on function pgscore._partitioned_table(name) is 'A table of pgscore''s that is partitioned by time; refused where there is none of that name';

create function pgscore._partition_bounds(relation regclass) returns table (
    partition regclass, lower timestamptz, upper timestamptz
)
language sql stable
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, MDY'
as $$
    select b.partition,
        case b.parts[1] when 'MINVALUE' then '-infinity' else btrim(b.parts[1], '''') end::timestamptz,
        case b.parts[2] when 'MAXVALUE' then 'infinity' else btrim(b.parts[2], '''') end::timestamptz
    from (
        select c.oid::regclass as partition,
            regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \((.*)\) TO \((.*)\)$') as parts
        from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
        where i.inhparent = relation and c.relispartition
    ) b
    -- All but the default one.
    where b.parts is not null
    order by 2
$$;

comment on function pgscore._partition_bounds(regclass) is
    'The partitions of a table that is partitioned by time, from when to when each holds rows; without the default one';

create function pgscore._default_partition(relation regclass) returns regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select nullif(t.partdefid, 0)::regclass from pg_catalog.pg_partitioned_table t where t.partrelid = relation
$$;

comment on function pgscore._default_partition(regclass) is 'The partition that holds what no other does; NULL where there is none';

create function pgscore._partition_start(at timestamptz, step interval) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
    -- Of weeks: Mondays. Of months: counted from January of the year 0.
    select case
        when step >= '1 month' and step = date_trunc('month', step) then (
            select make_timestamptz((m.first / 12)::integer, (m.first % 12 + 1)::integer, 1, 0, 0, 0)
            from (
                select (n.number - n.number % n.months)::bigint as first
                from (
                    select (extract(year from at) * 12 + extract(month from at) - 1)::bigint as number,
                        (extract(year from step) * 12 + extract(month from step))::bigint as months
                ) n
            ) m
        )
        else date_bin(step, at, '2001-01-01 00:00+00')
    end
$$;

comment on function pgscore._partition_start(timestamptz, interval) is
    'When the partition begins that holds a time, where each is of one length: whole months, or days and hours';

create function pgscore._empty_partition(relation regclass, begins timestamptz default null) returns regclass
language plpgsql volatile
set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
    parent constant name := (select c.relname from pg_catalog.pg_class c where c.oid = relation);
    counting constant name := (
        select a.attname from pg_catalog.pg_attribute a where a.attrelid = relation and a.attidentity <> '' and not a.attisdropped
    );
    name text := parent || coalesce('_' || to_char(begins, 'YYYYMMDD'), '_default');
    made regclass;
begin
    if begins is not null and (begins <> date_trunc('day', begins) or to_regclass(format('pgscore.%I', name)) is not null) then
        name := name || to_char(begins, '_HH24MI');
    end if;
    -- Beside the parent, and attached when it is complete: PARTITION OF would lock out whoever writes to the parent.
    execute format(
        'create table pgscore.%I (like pgscore.%I including defaults including constraints including generated including comments'
            ' including storage)', name, parent
    );
    made := format('pgscore.%I', name);
    if pgscore._primary_key(relation) is null and counting is not null then
        execute format('alter table %s add primary key (%I)', made, counting);
    end if;
    execute format('alter table %s enable row level security', made);
    execute format(
        'comment on table %s is %L', made, 'Partition of pgscore.' || parent || case
            when begins is null then ': rows of a time for which no partition was made; pgscore.maintain moves them'
            else ', from ' || to_char(begins, 'YYYY-MM-DD HH24:MI') || ' UTC on'
        end
    );
    return made;
end
$$;

comment on function pgscore._empty_partition(regclass, timestamptz) is
    'Makes a table that can become a partition, of rows from that time on, or the default one';

create function pgscore._move_from_default(relation regclass, target regclass, begins timestamptz, ends timestamptz) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    at constant name := (
        select a.attname
        from pg_catalog.pg_partitioned_table t
        join pg_catalog.pg_attribute a on a.attrelid = t.partrelid and a.attnum = t.partattrs[0]
        where t.partrelid = relation
    );
    names constant text := (
        select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_catalog.pg_attribute a
        where a.attrelid = relation and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    );
begin
    execute format(
        'with moved as (delete from %1$s d where d.%2$I >= $1 and d.%2$I < $2 returning %3$s)'
            ' insert into %4$s (%3$s) overriding system value select %3$s from moved',
        pgscore._default_partition(relation), at, names, target
    ) using begins, ends;
end
$$;

comment on function pgscore._move_from_default(regclass, regclass, timestamptz, timestamptz) is
    'Moves rows of a span of time from the default partition to a table that is to become their partition';

create function pgscore._add_partition(relation regclass, begins timestamptz, ends timestamptz) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, MDY'
as $$
declare
    others constant regclass := pgscore._default_partition(relation);
    made constant regclass := pgscore._empty_partition(relation, begins);
begin
    if pg_relation_size(others) > 0 then
        -- Most of it while others write there; what they bring meanwhile follows when they are locked out.
        perform pgscore._move_from_default(relation, made, begins, ends);
    end if;
    execute format('lock table %s in access exclusive mode', others);
    if pg_relation_size(others) > 0 then
        perform pgscore._move_from_default(relation, made, begins, ends);
    end if;
    execute format('alter table %s attach partition %s for values from (%L) to (%L)', relation, made, begins, ends);
end
$$;

comment on function pgscore._add_partition(regclass, timestamptz, timestamptz) is
    'Makes a partition for a span of time that none holds, with the rows of it that stand in the default one';

create function pgscore._make_partitions(parent name, step interval, ahead integer) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set lock_timeout = '500ms'
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    until timestamptz;
    begins timestamptz;
    ends timestamptz;
    covered timestamptz;
    made integer := 0;
begin
    if step is null or step < '1 hour' or step > '1 year' or step >= '1 month' and step <> date_trunc('month', step) then
        raise exception 'a partition holds hours, days or whole months, a year at most, and not %', coalesce(step::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    elsif ahead is null or ahead not between 0 and 1000 then
        raise exception 'from 0 to 1000 partitions are made ahead, and not %', coalesce(ahead::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    -- One at a time. Whoever reads or writes goes on.
    execute format('lock table %s in share update exclusive mode', relation);
    if pgscore._default_partition(relation) is null then
        execute format('alter table %s attach partition %s default', relation, pgscore._empty_partition(relation));
    end if;
    begins := pgscore._partition_start(now(), step);
    until := begins + step * (ahead + 1);
    -- Where partitions of another length are there, what they leave is filled.
    while begins < until loop
        select max(b.upper) into covered from pgscore._partition_bounds(relation) b where b.lower <= begins and b.upper > begins;
        if covered is not null then
            begins := covered;
            continue;
        end if;
        select least(pgscore._partition_start(begins, step) + step, min(b.lower)) into ends
        from pgscore._partition_bounds(relation) b where b.lower > begins;
        perform pgscore._add_partition(relation, begins, ends);
        made := made + 1;
        begins := ends;
    end loop;
    return made;
exception when lock_not_available then
    raise exception 'somebody holds table %: no partition of it was made', relation
        using errcode = 'lock_not_available', hint = 'Nothing is lost: rows go to its default partition. Try again later.';
end
$$;

comment on function pgscore._make_partitions(name, interval, integer) is
    'Makes the partitions of a table of pgscore''s that are missing, from the one that holds now to as many ahead; how many it made. Rows that stand in the default partition move along';

grant execute on function pgscore._make_partitions(name, interval, integer) to pgscore_operator;

create function pgscore._drop_all(relation regclass, doomed regclass[]) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '200ms'
as $$
declare
    one regclass;
begin
    if cardinality(doomed) = 0 then
        return 0;
    end if;
    -- Who inserts waits behind this lock: for a moment, and then it is let go.
    for attempt in 1 .. 10 loop
        begin
            execute format('lock table %s in access exclusive mode', relation);
            foreach one in array doomed loop
                execute format('drop table %s', one);
            end loop;
            return cardinality(doomed);
        exception when lock_not_available then
            perform pg_sleep(0.1);
        end;
    end loop;
    raise exception 'somebody holds table %: no partition of it was dropped', relation
        using errcode = 'lock_not_available', hint = 'A transaction that reads or writes it has to end. Try again later.';
end
$$;

comment on function pgscore._drop_all(regclass, regclass[]) is 'Drops partitions of a table, when nobody is using it; how many';

create function pgscore._drop_partitions(parent name, older_than interval) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    others constant regclass := pgscore._default_partition(relation);
    border constant timestamptz := now() - older_than;
begin
    if older_than is null or older_than < '0' then
        raise exception 'partitions are dropped that are older than an age, and not than %', coalesce(older_than::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    if pg_relation_size(others) > 0 then
        execute format(
            'delete from %s where %I < $1', others, (
                select a.attname
                from pg_catalog.pg_partitioned_table t
                join pg_catalog.pg_attribute a on a.attrelid = t.partrelid and a.attnum = t.partattrs[0]
                where t.partrelid = relation
            )
        ) using border;
    end if;
    return pgscore._drop_all(
        relation, array(select b.partition from pgscore._partition_bounds(relation) b where b.upper <= border)
    );
end
$$;

comment on function pgscore._drop_partitions(name, interval) is
    'Drops the partitions of a table of pgscore''s all of whose rows are older than that, and such rows of the default one; how many partitions';

grant execute on function pgscore._drop_partitions(name, interval) to pgscore_operator;

create function pgscore._drop_partitions_beyond(parent name, keep bigint) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    one record;
    rows bigint;
    kept bigint := 0;
    doomed regclass[] := '{}';
begin
    if keep is null or keep < 0 then
        raise exception 'the number of rows to keep is not %', coalesce(keep::text, 'NULL')
            using errcode = 'invalid_parameter_value';
    end if;
    for one in
        select b.partition, b.upper, c.reltuples
        from pgscore._partition_bounds(relation) b join pg_catalog.pg_class c on c.oid = b.partition
        order by b.upper desc
    loop
        if kept >= keep and one.upper <= now() then
            doomed := doomed || one.partition;
            continue;
        end if;
        rows := one.reltuples::bigint;
        if rows <= 0 then
            execute format('select count(*) from %s', one.partition) into rows;
        end if;
        kept := kept + rows;
    end loop;
    return pgscore._drop_all(relation, doomed);
end
$$;

comment on function pgscore._drop_partitions_beyond(name, bigint) is
    'Drops the oldest partitions of a table of pgscore''s as long as the later ones hold about so many rows; how many';

grant execute on function pgscore._drop_partitions_beyond(name, bigint) to pgscore_operator;

create function pgscore._partition_state(
    parent name, out partitions integer, out bytes bigint, out rows bigint, out until timestamptz, out in_default bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    relation constant regclass := pgscore._partitioned_table(parent);
    others constant regclass := pgscore._default_partition(relation);
begin
    select count(*), sum(pg_total_relation_size(i.inhrelid)), sum(greatest(c.reltuples, 0))
    into partitions, bytes, rows
    from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = relation;
    with recursive covered as (
        select b.upper from pgscore._partition_bounds(relation) b where b.lower <= now() and b.upper > now()
        union
        select b.upper from covered c, pgscore._partition_bounds(relation) b where b.lower = c.upper
    )
    select max(c.upper) into until from covered c;
    if others is not null then
        execute format('select count(*) from (select from %s limit 1000) d', others) into in_default;
    end if;
end
$$;

comment on function pgscore._partition_state(name) is
    'How a partitioned table of pgscore''s stands: its partitions, about how many rows, until when there are partitions (NULL: not even now), and how many rows stand in the default one (no more than 1000 are counted; NULL: there is none)';

grant execute on function pgscore._partition_state(name) to pgscore_reader;

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
    if since is null then
        "position" := '0';
        ordinal := 0;
        return;
    elsif since !~ '^[0-9]{1,18}/[0-9]{1,18}$' then
        raise exception '"%" is no position in the changes of scores', left(since, 50)
            using errcode = 'invalid_parameter_value', hint = 'It is the position of a row that pgscore.score_changes gave, such as 7423/15.';
    end if;
    "position" := split_part(since, '/', 1);
    ordinal := split_part(since, '/', 2);
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
    perform pgscore._make_partitions('score_change', '1 day', 7);
    return pgscore._drop_partitions('score_change', older_than);
end
$$;

comment on function pgscore.prune_score_changes(interval) is
    'Drops changes of scores that are older, read or not, and makes partitions ahead; says how many partitions it dropped';

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




-- What promotions have generated, anew.
select pgscore._regenerate_models(recompile => true);

-- Last: from here on whoever logs scores waits for the commit.
-- The table that is there is attached as the partition of all that is older. Nothing is copied and no index is built, but
-- its rows are read once, which takes about a second for ten million.
do $$
declare
    dependent text;
begin
    select pg_describe_object(d.classid, d.objid, 0) into dependent
    from pg_catalog.pg_depend d
    where d.refclassid = 'pg_class'::regclass and d.refobjid = 'pgscore.prediction_log'::regclass
        and d.classid in ('pg_rewrite'::regclass, 'pg_proc'::regclass)
    limit 1;
    if dependent is not null then
        raise exception '% reads pgscore.prediction_log, which this migration replaces by a partitioned table', dependent
            using errcode = 'dependent_objects_still_exist', hint = 'Drop what it belongs to, upgrade, and make it anew.';
    end if;
end
$$;
lock table pgscore.prediction_log in access exclusive mode;
select set_config('pgscore.last_id', case when s.is_called then s.last_value else 0 end::text, true)
from pgscore.prediction_log_id_seq s;
drop policy read_all on pgscore.prediction_log;
drop policy own_bindings on pgscore.prediction_log;
revoke all on pgscore.prediction_log from pgscore_operator, pgscore_reader;
alter table pgscore.prediction_log alter column id drop identity;
alter table pgscore.prediction_log rename to prediction_log_before;
alter index pgscore.prediction_log_pkey rename to prediction_log_before_pkey;
comment on table pgscore.prediction_log_before is 'Partition of pgscore.prediction_log: scores from before it was partitioned';

create table pgscore.prediction_log (
    id bigint generated always as identity,
    logged_at timestamptz not null default clock_timestamp(),
    model text not null,
    version integer not null,
    binding text,
    key text,
    score double precision
) partition by range (logged_at);

comment on table pgscore.prediction_log is 'Scores that bindings stored, in the transactions that stored them; partitioned by time';
comment on column pgscore.prediction_log.id is 'Counts up';
comment on column pgscore.prediction_log.logged_at is 'When the score was computed';
comment on column pgscore.prediction_log.model is 'The model';
comment on column pgscore.prediction_log.version is 'The version that gave the score';
comment on column pgscore.prediction_log.binding is 'The binding that stored it';
comment on column pgscore.prediction_log.key is 'The key of the profile row';
comment on column pgscore.prediction_log.score is 'The score; NULL where an input is NULL that the model does not accept';
grant select on pgscore.prediction_log to pgscore_operator;

-- Functions of a profile table's owner write here, each for its own bindings.
grant insert (model, version, binding, key, score) on pgscore.prediction_log to pgscore_reader;
alter table pgscore.prediction_log enable row level security;
create policy read_all on pgscore.prediction_log for select to pgscore_operator using (true);
create policy own_bindings on pgscore.prediction_log for insert
    with check (
        exists (
            select from pgscore.binding b
            where b.name = prediction_log.binding and b.model = prediction_log.model
                and pg_get_userbyid(b.owner) = current_user
        )
    );

comment on policy read_all on pgscore.prediction_log is 'Operators read what all bindings logged';
comment on policy own_bindings on pgscore.prediction_log is 'The owner of a profile table logs scores of its rows';

do $$
declare
    first_week timestamptz := pgscore._partition_start(now(), '7 days') + interval '7 days';
begin
    perform setval('pgscore.prediction_log_id_seq', current_setting('pgscore.last_id')::bigint + 1, false);
    if not exists (select from pgscore.prediction_log_before) then
        drop table pgscore.prediction_log_before;
        return;
    end if;
    begin
        execute format(
            'alter table pgscore.prediction_log attach partition pgscore.prediction_log_before for values from (minvalue) to (%L)',
            first_week
        );
    exception when check_violation then
        -- Somebody's clock was wrong.
        select pgscore._partition_start(max(b.logged_at), '7 days') + interval '7 days' into first_week
        from pgscore.prediction_log_before b;
        execute format(
            'alter table pgscore.prediction_log attach partition pgscore.prediction_log_before for values from (minvalue) to (%L)',
            first_week
        );
    end;
end
$$;

-- A week each: few enough that a session learns of them at once, small enough to be dropped one by one.
select pgscore._make_partitions('prediction_log', '7 days', 4);

-- core/become_oneself.sql
reset search_path;

reset role;
