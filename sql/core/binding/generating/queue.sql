create function pgscore._queue_columns(profile regclass) returns table (name name, type text, says text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with bindings as (select b.* from pgscore._bindings_of(profile) b),
    keys as (
        select distinct on (a.attnum) a.attname as name, a.attnum, pgscore._key_type(a.atttypid) as type
        from bindings b, unnest(b.profile_key) k, pgscore._column(profile, k) a
        order by a.attnum
    )
    select c.name, c.type, c.says
    from (
        select 1 as step, k.attnum::integer as ordinal, k.name, k.type, 'Of the profile''s key' as says from keys k
        union all
        select 2, b.number * 100 + r.ordinal, r.target, r.delta, format('What events of %s bring to it', b.events)
        from bindings b, pgscore._reducers_of(b) r
        where r.kind <> 'look'
        union all
        select 3, k.attnum, format('pgscore_former_%s', k.attnum), k.type, format('For rekey: what %I was before', k.name) from keys k
    ) c
    order by c.step, c.ordinal
$$;

comment on function pgscore._queue_columns(regclass) is
    'The columns of a profile table''s queue that follow its bindings, named as in the profile: keys, and what events bring to each counter';
grant execute on function pgscore._queue_columns(regclass) to pgscore_reader;

create function pgscore._all_queue_columns(profile regclass) returns table (name name, type text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select c.name, c.type
    from (
        select o.name::name, o.type, 1 as step, o.ordinal::bigint
        from (values
            ('pgscore_transaction', 'xid8', 1), ('pgscore_id', 'bigint', 2), ('pgscore_binding', 'integer', 3), ('pgscore_task', 'text', 4),
            ('pgscore_runs', 'text', 5)
        ) as o (name, type, ordinal)
        union all
        select c.name, c.type, 2, c.ordinal from pgscore._queue_columns(profile) with ordinality as c (name, type, says, ordinal)
    ) c
    order by c.step, c.ordinal
$$;

comment on function pgscore._all_queue_columns(regclass) is 'All columns of a profile table''s queue, with their types';
grant execute on function pgscore._all_queue_columns(regclass) to pgscore_reader;

create function pgscore._queue_hash(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select md5(string_agg(format('%I %s', c.name, c.type), ', ' order by c.ordinal))
    from pgscore._all_queue_columns(b.profile) with ordinality as c (name, type, ordinal)
$$;

comment on function pgscore._queue_hash(pgscore.binding) is 'What stands in the comment of a queue: a hash of its columns';
grant execute on function pgscore._queue_hash(pgscore.binding) to pgscore_reader;

create function pgscore._queue_state(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when q.queue is null then 'missing'
        -- Its columns are not what its own comment says, or somebody has put something on it.
        when c.hash is null or c.hash is distinct from (
            select md5(string_agg(format('%I %s', a.attname, pgscore._column_type(a)), ', ' order by a.attnum))
            from pg_catalog.pg_attribute a where a.attrelid = q.queue and a.attnum > 0 and not a.attisdropped
        ) or exists (
            select from pg_catalog.pg_trigger t
            where t.tgrelid = q.queue and t.tgname not in ('pgscore_commit', 'pgscore_statement') and not t.tgisinternal
        ) or not exists (
            select from pg_catalog.pg_index i where i.indrelid = q.queue and i.indisvalid and i.indpred is null and i.indkey[0] = 1 and i.indkey[1] = 2
        ) or exists (
            select from pg_catalog.pg_class r where r.oid = q.queue and (r.relpersistence <> 'u' or r.relowner <> b.owner or r.relrowsecurity)
        ) then 'edited'
        when c.hash <> pgscore._queue_hash(b) then 'outdated'
        else 'ok'
    end
    from (select pgscore._profile_relation(b, 'queue') as queue) q,
        lateral (select substring(obj_description(q.queue, 'pg_class') from '[(]([0-9a-f]{32})[)]$') as hash) c
$$;

comment on function pgscore._queue_state(pgscore.binding) is
    'How the queue of a profile table compares with the generated one: ok, missing, edited by hand, or outdated, because bindings or columns of the profile have changed, or as another release generated it';
grant execute on function pgscore._queue_state(pgscore.binding) to pgscore_reader;

create function pgscore._queue_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    queue constant text := pgscore._profile_object(b, 'queue');
    arrival constant text := pgscore._profile_object(b, 'arrival');
    says constant text := format('pgscore: what transactions in flight bring to %s; written by triggers, taken back at commit, never seen by another transaction (%s)', b.profile, pgscore._queue_hash(b));
    other record;
begin
    -- One that has the columns stays as it is.
    if pgscore._queue_state(b) <> 'ok' then
        if pgscore._profile_relation(b, 'queue') is not null then
            return next format('drop table %s cascade', queue);
        end if;
        -- Unlogged: a crash leaves no transaction in flight. The index finds a transaction's own rows among dead ones.
        return next format(
            e'create unlogged table %s (\n    pgscore_transaction xid8 not null default pg_current_xact_id(),\n    pgscore_id bigint generated always as identity,\n'
            '    pgscore_binding integer not null,\n    pgscore_task text not null,\n    pgscore_runs text%s\n) with (\n'
            '    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = -1, vacuum_truncate = false\n)',
            queue, (select string_agg(format(e',\n    %I %s', c.name, c.type), '') from pgscore._queue_columns(b.profile) c)
        );
        return next format('create index on %s (pgscore_transaction, pgscore_id)', queue);
        -- A session plans once. Were the table a page long then, it would read all of it ever after, however many dead rows
        -- have come meanwhile. So it is some pages long from the start, and stays so.
        return next format('insert into %s (pgscore_binding, pgscore_task) select 0, ''padding'' from generate_series(1, 2000)', queue);
        return next format('delete from %s', queue);
        return next format('comment on table %s is %L', queue, says);
        for other in
            select * from (values
                ('pgscore_transaction', 'The transaction'), ('pgscore_id', 'Counts up'),
                ('pgscore_binding', 'The number of the binding; 0: it concerns all of the table'),
                ('pgscore_task', 'move: add the deltas; undo: those that can be taken away, and recount the rest; recount: all of a profile; recount all: of every profile; arrive, rekey: a profile is new or has a new key; rekeyed: it is stored with it; scored: rows are being stored with their scores'),
                ('pgscore_runs', 'When what is queued is done because of this row: at commit, or at the end of the statement; last: after all triggers of the statement; NULL: because of another row')
            ) as c (name, says)
            union all
            select c.name, c.says from pgscore._queue_columns(b.profile) c
        loop
            return next format('comment on column %s.%I is %L', queue, other.name, other.says);
        end loop;
        return next format('revoke all on %s from public', queue);
        if pg_get_userbyid(b.owner) <> current_user then
            return next format('alter table %s owner to %s', queue, b.owner);
        end if;
    end if;
    if pgscore._profile_relation(b, 'arrival') is null then
        return next format('create table %s (slot integer primary key, transaction xid8) with (fillfactor = 50)', arrival);
        return next format('insert into %s (slot) select generate_series(0, 63)', arrival);
        return next format('comment on column %s.slot is ''What keys hash to''', arrival);
        return next format('comment on column %s.transaction is ''The transaction that changed the row last''', arrival);
        return next format('revoke all on %s from public', arrival);
        if pg_get_userbyid(b.owner) <> current_user then
            return next format('alter table %s owner to %s', arrival, b.owner);
        end if;
    end if;
    return next format(
        'comment on table %s is %L', arrival,
        format('pgscore: new rows of %s, and events that find no row, change the row that their key hashes to; of two at the same time the later one waits, and then sees the other', b.profile)
    );
end
$$;

comment on function pgscore._queue_sql(pgscore.binding) is 'What makes the tables that the bindings of a profile table share';
grant execute on function pgscore._queue_sql(pgscore.binding) to pgscore_reader;

create function pgscore._queue_triggers(b pgscore.binding)
returns table (name text, kind text, fires text, details text, says text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Events are queued already folded, and of a statement of any size one row runs what is to be done with all.
    select t.name, t.kind, f.fires, f.details, t.says,
        pgscore._trigger_state(
            t.name, f.fires, pgscore._profile_relation(b, 'queue'), f.details, pgscore._procedure(b.profile_schema, b.profile_prefix || '_commit')
        )
    from (values
        (
            'pgscore_commit', 'constraint', 'deferrable initially deferred', 'commit',
            'runs when the transaction commits, or at SET CONSTRAINTS ALL IMMEDIATE'
        ),
        ('pgscore_statement', '', '', 'statement', 'runs at the end of the statement')
    ) as t (name, kind, deferred, runs, says),
        lateral (select 'after insert' as fires, format('%s for each row when (new.pgscore_runs = %L)', t.deferred, t.runs) as details) f
$$;

comment on function pgscore._queue_triggers(pgscore.binding) is 'The triggers of a queue, as generated, and how those that are there compare';
grant execute on function pgscore._queue_triggers(pgscore.binding) to pgscore_reader;

create function pgscore._queue_triggers_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A constraint trigger cannot be replaced.
    select s.statement
    from pgscore._queue_triggers(b) t,
        lateral (select pgscore._profile_object(b, 'queue') as name) q,
        lateral (values
            (0, case when t.state <> 'missing' then format('drop trigger %s on %s', t.name, q.name) end),
            (1, format('create %s trigger %s %s on %s %s execute function %s()', t.kind, t.name, t.fires, q.name, t.details, pgscore._profile_object(b, 'commit'))),
            (2, format('comment on trigger %s on %s is %L', t.name, q.name, format('pgscore: %s (%s)', t.says, pgscore._trigger_hash(t.fires, t.details))))
        ) as s (step, statement)
    where t.state <> 'ok' and s.statement is not null
    order by t.name, s.step
$$;

comment on function pgscore._queue_triggers_sql(pgscore.binding) is 'What makes the triggers of a queue';
grant execute on function pgscore._queue_triggers_sql(pgscore.binding) to pgscore_reader;
