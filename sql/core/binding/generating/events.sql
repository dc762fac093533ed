create function pgscore._event_parts(b pgscore.binding) returns jsonb
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    targets name[];
    ones text[];
    folded text[];
    moved text;
    keys_folded constant text[] := array(
        select format('e.%I as %I', e.name, p.name)
        from unnest(b.event_key) with ordinality as e (name, ordinal) join unnest(b.profile_key) with ordinality as p (name, ordinal) using (ordinal)
        order by ordinal
    );
begin
    -- Those that are looked up in the events bring nothing.
    select
        array_agg(r.target order by r.ordinal) filter (where r.kind <> 'look'),
        -- Of the variables' types: PL/pgSQL would have a cast made ready in each transaction. But one that might cut off.
        array_agg(
            case
                when r.delta not in ('bigint', 'numeric', 'double precision') then r.one
                else format(case when r.one ~ '^case ' then '(%s)::%s' else '%s::%s' end, r.one, r.delta)
            end order by r.ordinal
        ) filter (where r.kind <> 'look'),
        array_agg(r.folded order by r.ordinal) filter (where r.kind <> 'look'),
        string_agg(
            format('%I = %s', r.target, pgscore._fill(r.grown, jsonb_build_object(
                'present', format('p.%I', r.target), 'delta', format('here.delta_%s', r.ordinal)
            ))), ', ' order by r.ordinal
        )
    into targets, ones, folded, moved
    from pgscore._reducers_of(b) r;
    return jsonb_build_object(
        'binding', b.events, 'number', b.number, 'events', b.events, 'profile', b.profile,
        'queue', pgscore._profile_object(b, 'queue'), 'unfit', pgscore._unfit_sql(b), 'recounted', pgscore._recounted_sql(),
        'read', format(
            e'%s,\n    %s,\n    (select row(%s) from %s p, %s q where false)', pgscore._columns_sql(pgscore._read_columns(b), 'e'),
            pgscore._events_fit_sql(b, 'e'), pgscore._written_sql(b, targets), b.profile, pgscore._profile_object(b, 'queue')
        ),
        -- As long as it fits nothing is left of it but the locks, without which a change of columns might come too late.
        'fits', format(
            e'case when false then row(\n        %s,\n        %s\n    ) is null else true end\n'
                '    and (select 1 from %s p, %s q where false and row(\n        %s\n    ) is null) is null',
            pgscore._columns_sql(pgscore._read_columns(b), 'e'), pgscore._events_fit_sql(b, 'e'), b.profile, pgscore._profile_object(b, 'queue'),
            pgscore._written_sql(b, targets)
        ),
        'runs', case when pgscore._is_together(b) then '''last''' else format('case when row_number() over () = 1 then %L end', b.timing) end,
        'runs_one', quote_literal(case when pgscore._is_together(b) then 'last' else b.timing end),
        'columns', pgscore._columns_sql(b.profile_key || targets),
        'event_keys', pgscore._columns_sql(b.event_key, 'e'),
        'present', pgscore._present_sql(b.event_key, 'e'),
        'folded_names', pgscore._columns_sql(b.profile_key || targets, 'f'),
        'brought', concat_ws(', ',
            (
                select string_agg(format('e.%I::%s', e.name, t.type), ', ' order by ordinal)
                from unnest(b.event_key) with ordinality as e (name, ordinal)
                join unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as t (type, ordinal) using (ordinal)
            ),
            pgscore._list_sql(ones)
        ),
        'is_nothing', concat_ws(' or not ',
            (select string_agg(format('here.key_%s is null', o), ' or ' order by o) from generate_subscripts(b.event_key, 1) o),
            pgscore._worth_sql(b, array(
                select format('here.delta_%s', r.ordinal) from pgscore._reducers_of(b) r where r.kind <> 'look' order by r.ordinal
            ))
        ),
        'folded', array_to_string(keys_folded || array(
            select format('%s as %I', f.folded, t.target)
            from unnest(folded) with ordinality as f (folded, ordinal) join unnest(targets) with ordinality as t (target, ordinal) using (ordinal)
            order by ordinal
        ), e',\n    '),
        'having', 'having ' || pgscore._worth_sql(b, folded),
        'moved', moved,
        'match_variables', (
            select string_agg(format('p.%I = here.key_%s', k.name, k.ordinal), ' and ' order by k.ordinal)
            from unnest(b.profile_key) with ordinality as k (name, ordinal)
        ),
        'variables', concat_ws(', ',
            (select string_agg(format('here.key_%s', o), ', ' order by o) from generate_subscripts(b.event_key, 1) o),
            (select string_agg(format('here.delta_%s', r.ordinal), ', ' order by r.ordinal) from pgscore._reducers_of(b) r where r.kind <> 'look')
        ),
        'declared', null, 'source', 'pgscore_new e'
    );
end
$$;

comment on function pgscore._event_parts(pgscore.binding) is 'What fills the templates of the functions of an event table';
grant execute on function pgscore._event_parts(pgscore.binding) to pgscore_reader;

create function pgscore._can_move_at_once(b pgscore.binding) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.timing = 'statement' and not pgscore._is_together(b) and not exists (select from pgscore._reducers_of(b) r where r.kind = 'look')
$$;

comment on function pgscore._can_move_at_once(pgscore.binding) is
    'Whether the trigger function for inserted events may change the profile of one event itself';
grant execute on function pgscore._can_move_at_once(pgscore.binding) to pgscore_reader;

create function pgscore._insert_one_sql(b pgscore.binding, parts jsonb) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._insert_one_template(), parts || jsonb_build_object(
        'move_at_once', case when pgscore._can_move_at_once(b) then pgscore._fill(pgscore._move_at_once_template(), parts) end
    ))
$$;

comment on function pgscore._insert_one_sql(pgscore.binding, jsonb) is 'What a trigger function does with one event that came';
grant execute on function pgscore._insert_one_sql(pgscore.binding, jsonb) to pgscore_reader;

create function pgscore._declared_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(d.line, e'\n' order by d.step, d.ordinal)
    from (
        select 1 as step, k.ordinal, format('key_%s %s;', k.ordinal, k.type) as line
        from unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as k (type, ordinal)
        union all
        select 2, r.ordinal, format('delta_%s %s;', r.ordinal, r.delta) from pgscore._reducers_of(b) r where r.kind <> 'look'
    ) d
$$;

comment on function pgscore._declared_sql(pgscore.binding) is 'The variables of what a trigger function does with one event';
grant execute on function pgscore._declared_sql(pgscore.binding) to pgscore_reader;

create function pgscore._change_sql(b pgscore.binding, operation text, parts jsonb, is_row boolean) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    read constant name[] := pgscore._read_columns(b);
    -- What decides between two states of an event, and its identity.
    compared constant name[] := array(
        select k from unnest(read) k union select k from unnest(coalesce(pgscore._primary_key(b.events), '{}')) k order by 1
    );
    coming text;
    going text;
    state text[];
    adds_up boolean;
    signed text[];
    infinite text;
    differing text;
    task text;
begin
    select
        coalesce(bool_and(r.kind = 'add'), true),
        array_agg(
            case when r.signed is null or (operation = 'delete' and r.reducer ? 'deletes') then format('null::%s', r.delta) else r.signed end
            order by r.ordinal
        ) filter (where r.kind <> 'look'),
        -- NaN and infinity cannot be taken away again.
        string_agg(format('f.%I in (''NaN'', ''Infinity'', ''-Infinity'')', r.target), ' or ' order by r.ordinal)
            filter (where r.kind = 'add' and not r.is_finite and not (operation = 'delete' and r.reducer ? 'deletes')),
        string_agg(format('coalesce(%s, 0) <> 0', r.signed), ' or ' order by r.ordinal)
            filter (where r.signed is not null and not (operation = 'delete' and r.reducer ? 'deletes'))
    into adds_up, signed, infinite, differing
    from pgscore._reducers_of(b) r;
    task := case when adds_up then '''move''' else '''undo''' end;
    if operation = 'update' and not adds_up then
        -- In one text, for values of all types and each bit of them.
        state := array(
            select format(', pgscore._state_text(row(%s)) collate "C" as pgscore_state', pgscore._columns_sql(compared, w.source))
            from unnest(case when is_row then array['new', 'old'] else array['n', 'o'] end) with ordinality as w (source, ordinal)
            order by w.ordinal
        );
    end if;
    if is_row then
        coming := format('select 1 as pgscore_sign%s, %s where %s', state[1], pgscore._named_sql(read, 'new'), pgscore._bound_sql(b.events));
        going := format('select -1 as pgscore_sign%s, %s where %s', state[2], pgscore._named_sql(read, 'old'), pgscore._bound_sql(b.events));
    else
        coming := format('select 1 as pgscore_sign%s, %s from pgscore_new n', state[1], pgscore._columns_sql(read, 'n'));
        going := format('select -1 as pgscore_sign%s, %s from pgscore_old o', state[2], pgscore._columns_sql(read, 'o'));
    end if;
    return pgscore._fill(pgscore._queue_change_template(), parts || jsonb_build_object(
        'task', coalesce('case when ' || infinite || ' then ''recount'' else ' || task || ' end', task),
        'sources', case operation when 'update' then format(e'%s\nunion all\n%s', coming, going) else going end,
        'signed', array_to_string(
            array(
                select format('e.%I as %I', e.name, p.name)
                from unnest(b.event_key) with ordinality as e (name, ordinal) join unnest(b.profile_key) with ordinality as p (name, ordinal) using (ordinal)
                order by ordinal
            ) || array(
                select format('%s as %I', s.signed, t.target)
                from unnest(signed) with ordinality as s (signed, ordinal)
                join unnest(array(select r.target from pgscore._reducers_of(b) r where r.kind <> 'look' order by r.ordinal)) with ordinality as t (target, ordinal)
                    using (ordinal)
                order by ordinal
            ), e',\n    '
        ),
        'having', case
            when adds_up then 'having ' || coalesce(differing, 'false')
            when operation = 'update' then
                e'having array_agg(e.pgscore_state order by e.pgscore_state) filter (where e.pgscore_sign = 1)\n'
                '    is distinct from array_agg(e.pgscore_state order by e.pgscore_state) filter (where e.pgscore_sign = -1)'
        end
    ));
end
$$;

comment on function pgscore._change_sql(pgscore.binding, text, jsonb, boolean) is
    'The statement that queues what updated or deleted events bring and take; of one row, or of all that a statement changed';
grant execute on function pgscore._change_sql(pgscore.binding, text, jsonb, boolean) to pgscore_reader;

create function pgscore._truncate_sql(b pgscore.binding, parts jsonb) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._truncate_template(), parts || jsonb_build_object(
        -- A partition keeps its trigger for TRUNCATE when it is detached.
        'detached', case when pgscore._is_partitioned(b.events) then format(
            e'if pg_partition_root(tg_relid) is distinct from %L::regclass then\n    return null;\nend if;', b.events
        ) end,
        'recount_all', case when exists (select from jsonb_array_elements(b.reducers) r where not r ? 'deletes') then format(
            e'insert into %s (pgscore_binding, pgscore_task, pgscore_runs)\nvalues (%s, ''recount all'', %s);',
            pgscore._profile_object(b, 'queue'), b.number, parts ->> 'runs_one'
        ) end
    ))
$$;

comment on function pgscore._truncate_sql(pgscore.binding, jsonb) is 'The body of the trigger function for TRUNCATE of events';
grant execute on function pgscore._truncate_sql(pgscore.binding, jsonb) to pgscore_reader;

create function pgscore._recount_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    arguments text;
    columns text;
    given text;
    named text;
    everything constant text := '$' || cardinality(b.event_key) + 1;
begin
    select string_agg(format('key_%s %s, ', k.ordinal, k.type), '' order by k.ordinal)
    into arguments
    from unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as k (type, ordinal);
    select
        string_agg(format(', out value_%s %s', r.ordinal, format_type(c.atttypid, c.atttypmod)), '' order by r.ordinal),
        string_agg(
            format(case when r.kind = 'add' then e',\ncase when %2$s then (%1$s) end' else e',\n(%1$s)' end, r.recounted, everything),
            '' order by r.ordinal
        ),
        string_agg(format(', value_%s', r.ordinal), '' order by r.ordinal)
    into columns, given, named
    from pgscore._reducers_of(b) r, pgscore._column(b.profile, r.target) c;
    return query select * from pgscore._function_sql(
        format('%s(%severything boolean%s, out any_event boolean%s)', pgscore._event_object(b, 'recount'), arguments,
            case when pgscore._due_column(b) is not null then ', instant timestamptz' end, columns), null,
        -- Row security that hides events is an error here, and never "no events".
        'plpgsql stable set row_security = off',
        pgscore._fill(pgscore._recount_template(), jsonb_build_object(
            'binding', b.events,
            'windows', case when pgscore._due_column(b) is not null then '-- Windows end at an instant: they hold what is later than their length before it.' end,
            'values', format(
                'exists (select from %s e where %s)%s', b.events,
                (select string_agg(format('e.%I = $%s', k.name, k.ordinal), ' and ' order by k.ordinal) from unnest(b.event_key) with ordinality as k (name, ordinal)),
                given
            ),
            'names', 'any_event' || named
        )),
        format('binding %s, what the events of a key give', b.events), b.owner
    );
end
$$;

comment on function pgscore._recount_sql(pgscore.binding) is 'What makes the function that finds a profile''s counters from its events';
grant execute on function pgscore._recount_sql(pgscore.binding) to pgscore_reader;

create function pgscore._event_functions_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    parts constant jsonb := pgscore._event_parts(b);
    row_parts constant jsonb := parts || jsonb_build_object('source', format(
        '(select %s where %s) e', pgscore._named_sql(pgscore._read_columns(b), 'new'), pgscore._bound_sql(b.events)
    ));
    body record;
begin
    for body in
        select 'insert' as what, pgscore._fill(pgscore._insert_template(), parts || jsonb_build_object(
            'declared', pgscore._declared_sql(b),
            'insert_one', pgscore._insert_one_sql(b, parts), 'insert_many', pgscore._fill(pgscore._queue_many_template(), parts)
        )) as text
        where not pgscore._is_partitioned(b.events)
        union all
        select o.operation, pgscore._fill(pgscore._change_template(), parts || jsonb_build_object(
                'happens', case o.operation when 'update' then 'change in' else 'go from' end,
                'transition', case o.operation when 'update' then 'pgscore_new' else 'pgscore_old' end,
                'queue_change', pgscore._change_sql(b, o.operation, parts, false)
            ))
        from unnest(array['update', 'delete']) as o (operation)
        where not pgscore._is_partitioned(b.events)
        union all
        select 'row', pgscore._fill(pgscore._row_template(), row_parts || jsonb_build_object(
            'declared', pgscore._declared_sql(b), 'bound', pgscore._bound_sql(b.events),
            'read_new', format('%s, %s', pgscore._columns_sql(pgscore._read_columns(b), 'new'), pgscore._events_fit_sql(b, 'new')),
            'read_old', format('%s, %s', pgscore._columns_sql(pgscore._read_columns(b), 'old'), pgscore._events_fit_sql(b, 'old')),
            'insert_one', pgscore._insert_one_sql(b, row_parts),
            'queue_update', pgscore._change_sql(b, 'update', parts, true), 'queue_delete', pgscore._change_sql(b, 'delete', parts, true)
        ))
        where pgscore._is_partitioned(b.events)
        union all
        select 'truncate', pgscore._truncate_sql(b, parts)
    loop
        return query select * from pgscore._function_sql(
            pgscore._event_object(b, body.what) || '()', 'trigger', 'plpgsql volatile', body.text,
            format('binding %s, tells %s of %s', b.events, b.profile, body.what), b.owner
        );
    end loop;
    return query select * from pgscore._recount_sql(b);
end
$$;

comment on function pgscore._event_functions_sql(pgscore.binding) is 'What makes the functions of an event table';
grant execute on function pgscore._event_functions_sql(pgscore.binding) to pgscore_reader;
