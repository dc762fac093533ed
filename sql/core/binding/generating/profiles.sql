create function pgscore._score_one_sql(b pgscore.binding) returns text
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
        -- When a profile is due moves no score.
        where r ->> 'aggregate' <> 'due' and o.profile = b.profile and o.model = b.model and exists (select from pg_catalog.pg_class c where c.oid = o.events)
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
        'log', case when b.log then pgscore._fill(pgscore._log_one_template(), told) end,
        'explanation', case when b.reasons is not null then 'explanation jsonb;' end,
        'explain', case when b.reasons is not null then format(
            e'if answer[1] is not null then\n    explanation := %s;\nend if;', pgscore._explain_sql(b, 'answer[2]::integer', 'new')
        ) end,
        'explained', case when b.reasons is not null then
            format('new.%s := %s;', quote_ident(b.reasons), pgscore._explained_sql(b, 'explanation')) end
    ) || case when b.version is null then '{"version": null}' else '{}'::jsonb end
      || case when b.scored_at is null then '{"scored_at": null}' else '{}'::jsonb end);
end
$$;

comment on function pgscore._score_one_sql(pgscore.binding) is 'What the trigger function of a profile table does to score a row by the model of a binding';
grant execute on function pgscore._score_one_sql(pgscore.binding) to pgscore_reader;

create function pgscore._rekey_one_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._rekey_one_template(), jsonb_build_object(
        'number', b.number, 'queue', pgscore._profile_object(b, 'queue'), 'changed', pgscore._changed_sql(b.profile_key),
        'bound', pgscore._bound_sql(b.profile), 'unfit', pgscore._unfit_sql(b), 'written', concat_ws(', ', 'new.' || quote_ident(b.score), 'new.' || quote_ident(b.version), 'new.' || quote_ident(b.scored_at), 'new.' || quote_ident(b.reasons)),
        'present', pgscore._present_sql(b.profile_key, 'new'),
        'present_text', pgscore._key_text_sql(b.profile_key, 'new'), 'former_text', pgscore._key_text_sql(b.profile_key, 'old'),
        'columns', string_agg(format('%I, pgscore_former_%s', a.attname, a.attnum), ', ' order by a.attnum),
        'values', string_agg(format('new.%1$I, old.%1$I', a.attname), ', ' order by a.attnum)
    ))
    from unnest(b.profile_key) k, pgscore._column(b.profile, k) a
$$;

comment on function pgscore._rekey_one_sql(pgscore.binding) is 'What the trigger function of a profile table does where a row gets another key';
grant execute on function pgscore._rekey_one_sql(pgscore.binding) to pgscore_reader;

create function pgscore._arrivals_sql(bindings pgscore.binding[]) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The same key and the same timing: one of them speaks for all.
    select pgscore._fill(pgscore._arrive_one_template(), jsonb_build_object(
        'queue', pgscore._profile_object(o, 'queue'), 'timing', o.timing,
        'number', case cardinality(bindings) when 1 then o.number::text else 'b.number' end,
        'and_numbers', case when cardinality(bindings) > 1 then format(
            ', unnest(%L::integer[]) as b (number)', array(select a.number from unnest(bindings) a order by a.number)
        ) end,
        'columns', pgscore._columns_sql(o.profile_key), 'values', pgscore._columns_sql(o.profile_key, 'n'),
        'fits', (
            select string_agg(format('n.%1$I = null::%2$s, q.%1$I', k.name, k.type), ', ' order by k.ordinal)
            from rows from (unnest(o.profile_key), unnest(pgscore._key_types(o.profile, o.profile_key))) with ordinality as k (name, type, ordinal)
        ),
        'unfit', pgscore._unfit_sql(o), 'present', pgscore._present_sql(o.profile_key, 'n')
    ))
    from unnest(bindings[1:1]) o
$$;

comment on function pgscore._arrivals_sql(pgscore.binding[]) is
    'What the trigger function of a profile table does with new rows for bindings with the same key and timing';
grant execute on function pgscore._arrivals_sql(pgscore.binding[]) to pgscore_reader;

create function pgscore._mark_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Whoever writes to the table evaluates the condition of its triggers. These say yes or no, and do nothing.
    select f.statement
    from (
        select 1 as step, s.statement, s.ordinal
        from pgscore._function_sql(
            pgscore._profile_object(b, 'has_mark') || '()', 'boolean', 'plpgsql stable',
            pgscore._fill(pgscore._has_mark_template(), jsonb_build_object('profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'))),
            format('whether a setting names a mark in the queue of %s', b.profile), b.owner
        ) with ordinality as s (statement, ordinal)
        union all
        select 2, s.statement, s.ordinal
        from pgscore._function_sql(
            pgscore._profile_object(b, 'is_marked') || '()', 'boolean', 'plpgsql immutable',
            pgscore._fill(pgscore._is_marked_template(), jsonb_build_object('profile', b.profile, 'has_mark', pgscore._profile_object(b, 'has_mark'))),
            format('whether a statement stores rows of %s together with their scores', b.profile), b.owner, has_owners_rights => false
        ) with ordinality as s (statement, ordinal)
        union all
        select 3, format('grant execute on function %s() to public', pgscore._profile_object(b, m.what)), m.ordinal
        from unnest(array['has_mark', 'is_marked']) with ordinality as m (what, ordinal)
    ) f
    order by f.step, f.ordinal
$$;

comment on function pgscore._mark_functions_sql(pgscore.binding) is
    'What makes the functions by which the trigger that scores rows stands aside where they are stored with their scores';
grant execute on function pgscore._mark_functions_sql(pgscore.binding) to pgscore_reader;

create function pgscore._profile_functions_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select f.statement
    from (
        select 1 as step, 'apply' as what, f.statement, f.ordinal from pgscore._apply_sql(b) with ordinality as f (statement, ordinal)
        union all
        select 2, 'commit', f.statement, f.ordinal from pgscore._commit_sql(b) with ordinality as f (statement, ordinal)
        union all
        select 10, 'run', f.statement, f.ordinal from pgscore._run_sql(b) with ordinality as f (statement, ordinal)
        union all
        select 7, 'mark', f.statement, f.ordinal from pgscore._mark_functions_sql(b) with ordinality as f (statement, ordinal)
        union all
        select 9, 'tell', f.statement, f.ordinal from pgscore._tell_functions_sql(b) with ordinality as f (statement, ordinal)
        union all
        select t.step, t.what, s.statement, s.ordinal
        from (
            select
                jsonb_build_object('profile', b.profile, 'queue', pgscore._profile_object(b, 'queue')) as common,
                string_agg(pgscore._rekey_one_sql(o), e'\n' order by o.number) as rekeys,
                (
                    select string_agg(pgscore._arrivals_sql(a.bindings), e'\n' order by a.first)
                    from (
                        select array_agg(k order by k.number) as bindings, min(k.number) as first
                        from pgscore._bindings_of(b.profile) k group by k.profile_key, k.timing
                    ) a
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

comment on function pgscore._profile_functions_sql(pgscore.binding) is 'What makes the functions that the bindings of a profile table share';
grant execute on function pgscore._profile_functions_sql(pgscore.binding) to pgscore_reader;

create function pgscore._profile_triggers(b pgscore.binding)
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
        select 1 as step, b.profile as relation, '~pgscore_score' as name, 'score' as function, 'before update' as fires,
            format('for each row when (not %s())', pgscore._profile_object(b, 'is_marked')) as details
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

comment on function pgscore._profile_triggers(pgscore.binding) is 'The triggers of a profile table and of its partitions, as generated, and how those that are there compare';
grant execute on function pgscore._profile_triggers(pgscore.binding) to pgscore_reader;

create function pgscore._profile_triggers_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.statement
    from pgscore._profile_triggers(b) t,
        lateral pgscore._trigger_sql(t.name, t.fires, t.relation, t.details, t.function, t.says) with ordinality as s (statement, ordinal)
    where t.state <> 'ok'
    order by t.step, t.relation::oid, t.name, s.ordinal
$$;

comment on function pgscore._profile_triggers_sql(pgscore.binding) is 'What makes the triggers of a profile table and of its partitions';
grant execute on function pgscore._profile_triggers_sql(pgscore.binding) to pgscore_reader;
