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

create function pgscore._queue_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    queue constant text := pgscore._profile_object(b, 'queue');
    arrival constant text := pgscore._profile_object(b, 'arrival');
    sequence constant text := format('%s (%s)', queue, (select string_agg(format('%I %s', c.name, c.type), ', ') from pgscore._queue_columns(b.profile) c));
    says constant text := format('pgscore: what transactions in flight bring to %s; written by triggers, taken back at commit, never seen by another transaction (%s)', b.profile, md5(sequence));
    other record;
begin
    -- One that has the columns stays as it is.
    if says is distinct from obj_description(to_regclass(queue), 'pg_class') or exists (
        select from pg_catalog.pg_trigger t
        where t.tgrelid = to_regclass(queue) and t.tgname not in ('pgscore_commit', 'pgscore_statement') and not t.tgisinternal
    ) or exists (
        select from pgscore._queue_columns(b.profile) c where (pgscore._column(to_regclass(queue), c.name)).attname is null
    ) then
        if to_regclass(queue) is not null then
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
                ('pgscore_runs', 'When what is queued is done because of this row: at commit, or at the end of the statement; NULL: because of another row')
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
    if to_regclass(arrival) is null then
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

create function pgscore._queue_triggers_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Events are queued already folded, and of a statement of any size one row runs what is to be done with all.
    select s.statement
    from (values
        (
            'pgscore_commit', 'constraint', 'deferrable initially deferred', 'commit',
            'runs when the transaction commits, or at SET CONSTRAINTS ALL IMMEDIATE'
        ),
        ('pgscore_statement', '', '', 'statement', 'runs at the end of the statement')
    ) as t (name, kind, details, runs, says),
        lateral (values
            (0, case when exists (
                select from pg_catalog.pg_trigger g where g.tgrelid = to_regclass(pgscore._profile_object(b, 'queue')) and g.tgname = t.name
            ) then format('drop trigger %s on %s', t.name, pgscore._profile_object(b, 'queue')) end),
            (1, format(
                'create %s trigger %s after insert on %s %s for each row when (new.pgscore_runs = %L) execute function %s()',
                t.kind, t.name, pgscore._profile_object(b, 'queue'), t.details, t.runs, pgscore._profile_object(b, 'commit')
            )),
            (2, format('comment on trigger %s on %s is %L', t.name, pgscore._profile_object(b, 'queue'), 'pgscore: ' || t.says))
        ) as s (step, statement)
    where s.statement is not null and not exists (
        select from pg_catalog.pg_trigger g
        where g.tgrelid = to_regclass(pgscore._profile_object(b, 'queue')) and g.tgname = t.name and g.tgenabled in ('O', 'A')
            and g.tgfoid = to_regprocedure(pgscore._profile_object(b, 'commit') || '()')
    )
    order by t.name, s.step
$$;

comment on function pgscore._queue_triggers_sql(pgscore.binding) is 'What makes the triggers of a queue';
grant execute on function pgscore._queue_triggers_sql(pgscore.binding) to pgscore_reader;
