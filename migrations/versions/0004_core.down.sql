-- Functions beside users' tables that this release generated call what goes here: their inserts would fail.
do $$
declare
    attached constant text := (
        select string_agg(b.name, ', ' order by b.number)
        from pgscore.binding b
        where exists (
            select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
            where (
                    n.nspname = b.event_schema and starts_with(p.proname, b.event_prefix)
                    or n.nspname = b.profile_schema and starts_with(p.proname, b.profile_prefix)
                )
                and p.prosrc ~ (
                    'pgscore\.('
                    || '_add_partition|_add_partition_of|_aliases_sql|_applying_sql|_array_arguments_sql|_array_elements|'
                    || '_arrivals_sql|_ask_among_template|_ask_estimator|_ask_only_template|_backfill_targets|_bare_called|'
                    || '_bare_complement|_bare_exp|_bare_expit|_bare_formula|_bare_limited|_bare_link|_bare_log|'
                    || '_bare_multiplied|_bare_reciprocal|_bare_rounded|_bare_shared_link|_bare_sign|_bare_signed_square|'
                    || '_bare_wave|_bindings_to_tick|_both_scores_sql|_bound_keys_sql|_bounds_problem|_called_engine|'
                    || '_careful_function_sql|_careful_link_sql|_careful_requirements_sql|_change|_change_line|'
                    || '_change_one_template|_change_server|_change_since|_characteristic_problem|_check_into|'
                    || '_check_reasons|_chosen_sql|_column_expression|_compared_profile|_comparison_sql|_constants|'
                    || '_count_versions|_create_coder|_create_explainer|_crosses_sql|_crossing_one_template|'
                    || '_default_partition|_deltas_join_sql|_deltas_join_template|_described_columns|_differences|_do_part|'
                    || '_doctor_consumers|_doctor_due|_drop_all|_drop_partitions|_drop_partitions_beyond|_drop_rescore|'
                    || '_due_column|_due_index_advice|_due_problem|_due_reducer|_due_sql|_empty_partition|_end_maintenance|'
                    || '_end_pass|_estimate_row|_expit|_explain_sql|_explained_sql|_explaining_program|'
                    || '_explanation_problem|_expm1|_fetch|_fill_new|_fits_one_template|_flat|_formula_sql|_function_names|'
                    || '_generated_functions|_generated_names|_generated_tables|_given_call|_golden_arrays|_guess_versions|'
                    || '_hand_out|_has_expression|_has_foreign_changes|_has_mark_template|_has_rescore|_hides_doubt|'
                    || '_insert_one_template|_instant_sql|_interpret_reasons|_into_columns_sql|_into_page|_into_problem|'
                    || '_into_work|_is_free|_is_marked_template|_is_name|_is_read|_is_repeated|_is_rescore_due|'
                    || '_is_stepwise|_is_tame_kernel|_is_together|_is_wanted|_json_value|_kernel|_kernel_may_miss|'
                    || '_kernel_problem|_kernel_reach|_key_expression|_keys_of|_known_here_sql|_lasting_row_sql|'
                    || '_left_behind|_link_outputs|_link_problem|_load_reasons|_log|_log10|_log1p|_logit|_maintain_jobs|'
                    || '_maintain_log|_maintain_step|_maintenance_tasks|_make_partitions|_make_rescore|_make_sure|'
                    || '_mark_functions_sql|_measure_arrays|_median|_meets_requirements|_most_chunk_rows|'
                    || '_move_at_once_template|_move_each_sql|_move_each_template|_move_from_default|_move_light_sql|'
                    || '_move_light_template|_names_sql|_next_chunk_rows|_notify|_notify_one_sql|_notify_one_template|'
                    || '_notify_template|_numbers_problem|_outdated_rows|_page_key|_part_of|_partition_bounds|'
                    || '_partition_start|_partition_state|_partitioned_table|_piecewise|_piecewise_problem|'
                    || '_piecewise_reach|_piecewise_sql|_places_sql|_players|_prepares|_present_arguments|_product|'
                    || '_program_decide_problem|_program_require_problem|_promote|_promotions|_proof|_quadratic|'
                    || '_quadratic_problem|_quadratic_reach|_query_columns|_query_cost|_ranked|_ratio|_reach|_read_size|'
                    || '_reading_problem|_reason_codes_problem|_reason_names|_reason_registers_problem|_reasons|'
                    || '_refuse_comparing|_refuse_comparison|_refuse_old_snapshot|_refuse_source|_refuse_uncoded|'
                    || '_refuse_unexplained|_regrouped|_report_rescore|_report_task|_rescore_ask_template|'
                    || '_rescore_at_once_template|_rescore_function|_rescore_log_template|_rescore_sql|_rescore_step|'
                    || '_rescore_target_sql|_rescore_target_template|_rescore_template|_rescore_work_template|'
                    || '_rescore_write_template|_rescored_binding|_rows_engine|_rows_plan|_rows_problem|_rows_to_rescore|'
                    || '_rows_version|_run_rescore|_run_sql|_run_template|_run_trigger|_score_register|_score_source|'
                    || '_serving_version|_slope|_source_arguments|_start_job|_stepwise_body_sql|_stepwise_register|'
                    || '_stepwise_sql|_strongest|_table_columns|_take_apart|_takes_arrays|_tame_kernel|_tell_functions_sql|'
                    || '_tell_one_sql|_tell_release|_tell_template|_tell_triggers|_threshold_sql|_tick_sql|_tick_step|'
                    || '_tick_template|_types_sql|_unexplained|_version_score_sql|_versions_of|_wanted_sql|'
                    || '_window_length_problem|_window_problem|_window_reducer|_window_sql|_with_decided_label|'
                    || '_without_decision|_written_sql|change_consumer|change_origin|compare|crossing|explain|export|job|'
                    || 'job_part|maintain|outdated|prune_score_changes|pruned_change|reason_codes|rescore|score_change|'
                    || 'score_change_horizon|score_change_ordinal|score_changes|score_rows|stream_batch|stream_offset|tick'
                    || ')\M'
                )
        )
    );
begin
    if attached is not null then
        raise exception 'triggers of these tables call what would go: %', attached
            using errcode = 'dependent_objects_still_exist',
                  hint = 'select pgscore.detach(events, profile) from pgscore.binding detaches them; attach them again afterwards.';
    end if;
end
$$;

do $$
declare
    attached constant text := (
        select string_agg(b.name, ', ' order by b.number)
        from pgscore.binding b where exists (select from jsonb_array_elements(b.reducers) r where r ? 'window')
    );
begin
    if attached is not null then
        raise exception 'the former release does not know the windows of time of these bindings: %', attached
            using errcode = 'dependent_objects_still_exist',
                  hint = 'select pgscore.detach(events, profile) from pgscore.binding detaches them.';
    end if;
end
$$;

-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

-- Windows of time, and what brings profiles up that are due.
drop function pgscore._reducer(reducer jsonb, ordinal integer, events regclass, profile regclass, event_key name[], reducers jsonb);

create function pgscore._reducer(reducer jsonb, ordinal integer, events regclass, profile regclass, event_key name[])
returns pgscore.reducer_sql
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    aggregates constant text[] := array['count', 'sum', 'min', 'max', 'last', 'avg', 'distinct'];
    r pgscore.reducer_sql;
    source pg_catalog.pg_attribute;
    target pg_catalog.pg_attribute;
    filter text;
    chosen text;
begin
    r.ordinal := ordinal;
    r.reducer := reducer;
    r.problem := pgscore._reducer_form_problem(reducer, aggregates);
    if r.problem is not null then
        return r;
    end if;
    source := pgscore._column(events, reducer ->> 'of');
    target := pgscore._column(profile, reducer ->> 'column');
    r.target := target.attname;
    r.problem := case
        when target.attname is null then format('table %s has no column "%s" for a reducer', profile, reducer ->> 'column')
        when target.attgenerated <> '' then format('column "%s" of table %s is generated', target.attname, profile)
        when reducer ->> 'aggregate' <> 'count' and source.attname is null
            then format('table %s has no column "%s" for %s', events, reducer ->> 'of', reducer ->> 'aggregate')
        else pgscore._filter_problem(reducer, events)
    end;
    if r.problem is not null then
        return r;
    end if;
    filter := pgscore._filter_sql(reducer, events);
    -- The parts of the key are the arguments of the function that recounts.
    chosen := format(
        'from %s e where %s%s', events,
        (select string_agg(format('e.%I = $%s', k.name, k.ordinal), ' and ' order by k.ordinal) from unnest(event_key) with ordinality as k (name, ordinal)),
        ' and ' || filter
    );
    case reducer ->> 'aggregate'
        when 'count' then r := pgscore._count_reducer(r, source, target, filter, chosen);
        when 'sum' then r := pgscore._sum_reducer(r, source, target, filter, chosen);
        when 'min', 'max' then r := pgscore._extreme_reducer(r, source, target, filter, chosen);
        when 'last' then r := pgscore._last_reducer(r, source, target, filter, chosen, events);
        when 'avg' then r := pgscore._avg_reducer(r, source, target, filter, chosen);
        when 'distinct' then r := pgscore._distinct_reducer(r, source, target, filter, chosen);
    end case;
    if filter is not null then
        r.event_fits := r.event_fits || pgscore._filter_sql(reducer, events, '{{row}}');
    end if;
    if reducer ? 'deletes' then
        -- What is counted once stays counted, so the events that are there do not tell it.
        r.differs := null;
        if r.problem is null and r.kind <> 'add' then
            r.problem := format(
                '%s of column "%s" is found from the events that are there: it cannot ignore deletes', reducer ->> 'aggregate', source.attname
            );
        end if;
    end if;
    return r;
end
$$;

comment on function pgscore._reducer(jsonb, integer, regclass, regclass, name[]) is 'A reducer between two tables: what is wrong with it, or the SQL for all that is done with it';

grant execute on function pgscore._reducer(jsonb, integer, regclass, regclass, name[]) to pgscore_reader;

create or replace function pgscore._reducer_form_problem(reducer jsonb, aggregates text[]) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    aggregate constant text := reducer ->> 'aggregate';
    wrong text;
begin
    if jsonb_typeof(reducer) is distinct from 'object' then
        return format('a reducer is an object such as {"column": "n", "aggregate": "count"}, not %s', reducer);
    end if;
    select format('a reducer has no field "%s"', k) into wrong
    from jsonb_object_keys(reducer) as k
    where k not in ('column', 'aggregate', 'of', 'order_by', 'where', 'deletes');
    if found then
        return wrong;
    end if;
    select format('the field "%s" of a reducer is a text', f.key) into wrong
    from jsonb_each(reducer) as f where f.key <> 'where' and jsonb_typeof(f.value) <> 'string';
    return case
        when wrong is not null then wrong
        when aggregate is null or aggregate <> all (aggregates) then format(
            'the aggregate of a reducer is %s or %s, not "%s"', array_to_string(aggregates[:cardinality(aggregates) - 1], ', '),
            aggregates[cardinality(aggregates)], aggregate
        )
        when aggregate <> 'last' and reducer ? 'order_by' then 'last, and no other aggregate, takes an "order_by"'
        when coalesce(reducer ->> 'deletes', 'ignore') <> 'ignore'
            then format('"deletes" of a reducer can be "ignore", not "%s"', reducer ->> 'deletes')
    end;
end
$$;

create or replace function pgscore._recount_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: what the events of a key give. Generated; change it with pgscore.attach.
-- Those that add up only if everything is asked for.
begin
    select
        {{values}}
    into {{names}};
end
$template$ $function$;

create or replace function pgscore._work_join_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
left join (
    select {{keys}},
        bool_or(w.pgscore_task in ('recount', 'arrive', 'rekey') or (here.again and w.pgscore_task in ('move', 'undo'))) as pgscore_absolute{{arrived}}{{undone}}{{merged}}
    from {{work}}
    where w.pgscore_binding = {{number}} and {{present}}
    group by {{keys}}
) w{{number}} on {{match}}
left join lateral (
    select r.* from {{recount}}({{arguments}}, here.every_{{number}} or w{{number}}.pgscore_absolute) r
    where here.every_{{number}} or {{wanted}}
    offset 0
) r{{number}} on true
$template$ $function$;

create or replace function pgscore._apply_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Locks the profiles of {{profile}} that the work names, in one order for all transactions, finds them as they will
-- stand, and changes them in one UPDATE, with their scores. Without work it takes what the transaction queued.
-- Generated; change it with pgscore.attach.
#variable_conflict use_column
<<here>>
declare
    work {{queue}}[] := $1;
    again boolean := {{recounted}};
    slots integer[];
    locked {{profile}}[];
    moved {{profile}}[];
    changed boolean[];
    item record;
    one {{profile}};
    touched boolean;
    serving boolean;
    mark bigint;
    first integer;
    size integer;
    answer record;
    failure text;
    {{declared}}
begin
    if work is null then
        with taken as (
            delete from {{queue}} pgscore_row
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
        {{missing}}
        {{meet}}
        {{lock}}
        exit when not (
            {{lost}}
        );
    end loop;
    {{move}}
    if moved is null then
        return;
    end if;
    {{update}}
end
$template$ $function$;

create or replace function pgscore._reconcile_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: compares the counters of the next rows of {{profile}} with the events of {{events}}.
-- Generated; change it with pgscore.attach.
<<here>>
declare
    page {{profile}}[];
    wrong {{profile}}[];
    missed text[];
    after text[];
begin
    insert into pgscore.reconciliation as s (binding, repair) values ({{number}}, $2)
    on conflict on constraint reconciliation_pkey do update
    set repair = excluded.repair, last_key = null, checked = 0, differing = 0, started = now(), finished = null
    where s.finished is not null or s.repair <> excluded.repair;
    select s.last_key into after from pgscore.reconciliation s where s.binding = {{number}} for update;
    if after is null then
        select array_agg(l.pgscore_row order by {{page_order}}) into page
        from (select pgscore_row from {{profile}} pgscore_row where {{present}} order by {{order}} limit $1) l;
    else
        select array_agg(l.pgscore_row order by {{page_order}}) into page
        from (
            select pgscore_row from {{profile}} pgscore_row
            where {{present}} and ({{order}}) > ({{after}})
            order by {{order}} limit $1
        ) l;
    end if;
    -- One statement and one snapshot: what commits meanwhile is not taken for a difference.
    select array_agg(d.pgscore_row), (array_agg(d.key || ': ' || d.shown))[1:10]
    into wrong, examples
    from (
        select pgscore_row, {{key_text}} as key, {{shown}} as shown
        from unnest(here.page) as u
        join {{profile}} pgscore_row on {{page_match}}
        cross join lateral {{recount}}({{arguments}}, true) r
        where {{differ}}
    ) d;
    finished := coalesce(cardinality(page), 0) < $1;
    if $2 then
        select array_agg(s.key) into missed
        from unnest(here.page) as pgscore_row join pgscore.stale_row s on s.binding = {{number}} and s.key = {{key_text}};
        insert into {{queue}} (pgscore_binding, pgscore_task, {{columns}})
        select {{number}}, 'recount', {{values}}
        from unnest(here.page) as pgscore_row
        where {{key_text}} = any (here.missed)
            or exists (select from unnest(here.wrong) as u where {{page_match}});
        if found then
            perform {{apply}}(null);
        end if;
        delete from pgscore.stale_row s where s.binding = {{number}} and s.cause = 'backfill' and s.key = any (here.missed);
        -- No trigger sees a TRUNCATE of profiles, or a partition of them that goes.
        if finished then
            delete from pgscore.stale_row s
            where s.binding = {{number}} and not exists (select from {{profile}} pgscore_row where {{key_text}} = s.key);
        end if;
    end if;
    update pgscore.reconciliation s
    set last_key = coalesce({{last}}, s.last_key), checked = s.checked + coalesce(cardinality(here.page), 0),
        differing = s.differing + coalesce(cardinality(here.wrong), 0),
        finished = case when coalesce(cardinality(here.page), 0) < $1 then clock_timestamp() end
    where s.binding = {{number}}
    returning s.checked, s.differing into checked, differing;
    -- Deferred triggers of the tables fire here, with the owner's rights, and not with those of a member who called.
    set constraints all immediate;
exception when others then
    {{fail}}
end
$template$ $function$;

create or replace function pgscore._generated_names(b pgscore.binding) returns table (kind text, schema name, name text, what text, is_shared boolean)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select 'function', b.event_schema, b.event_prefix || '_' || w.what, w.what, false
    from unnest(array['insert', 'update', 'delete', 'row', 'truncate', 'recount', 'reconcile']) as w (what)
    union all
    select 'function', b.profile_schema, b.profile_prefix || '_' || w.what, w.what, true
    from unnest(array['apply', 'commit', 'run', 'score', 'is_marked', 'has_mark', 'arrive', 'forget', 'rekey', 'tell', 'notify', 'rescore']) as w (what)
    union all
    select 'table', b.profile_schema, b.profile_prefix || '_' || w.what, w.what, true
    from unnest(array['queue', 'arrival']) as w (what)
$$;

create or replace function pgscore._is_wanted(b pgscore.binding, what text) returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when what in ('insert', 'update', 'delete') then not pgscore._is_partitioned(b.events)
        when what = 'row' then pgscore._is_partitioned(b.events)
        when what in ('tell', 'notify') then exists (select from pgscore._tell_triggers(b.profile) t where t.function = what)
        when what = 'run' then exists (select from pgscore._bindings_of(b.profile) o where pgscore._is_together(o))
        -- A release before this one had no condition for the trigger that scores.
        when what in ('is_marked', 'has_mark') then pgscore._procedure(b.profile_schema, b.profile_prefix || '_is_marked') is not null
        -- Made when it is first called.
        when what = 'rescore' then pgscore._has_rescore(b)
        else true
    end;
end
$$;

create or replace function pgscore._read_columns(b pgscore.binding) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(n.name order by n.step, n.name)
    from (
        select min(n.step) as step, n.name
        from (
            select 1 as step, k as name from unnest(b.event_key) k
            union all
            select 2, f.value::name from jsonb_array_elements(b.reducers) r, jsonb_each_text(r) f where f.key in ('of', 'order_by')
            union all
            select 2, f::name from jsonb_array_elements(b.reducers) r, jsonb_object_keys(coalesce(r -> 'where', '{}')) f
        ) n
        group by n.name
    ) n
$$;

create or replace function pgscore._recount_sql(b pgscore.binding) returns setof text
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
        format('%s(%severything boolean, out any_event boolean%s)', pgscore._event_object(b, 'recount'), arguments, columns), null,
        -- Row security that hides events is an error here, and never "no events".
        'plpgsql stable set row_security = off',
        pgscore._fill(pgscore._recount_template(), jsonb_build_object(
            'binding', b.events,
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

create or replace function pgscore._work_join_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    looks boolean;
    grows boolean;
    ignores boolean;
    merged text;
    deltas text;
    touched constant text := pgscore._touched_sql(b);
begin
    select
        coalesce(bool_or(r.kind = 'look'), false), coalesce(bool_or(r.kind <> 'add'), false), bool_or(r.reducer ? 'deletes'),
        string_agg(format(e',\n%s as %I', r.merged, r.target), '' order by r.ordinal) filter (where r.kind <> 'look'),
        string_agg(format(', u.%I', r.target), '' order by r.ordinal) filter (where r.kind <> 'look')
    into looks, grows, ignores, merged, deltas
    from pgscore._reducers_of(b) r;
    return pgscore._fill(pgscore._work_join_template(), jsonb_build_object(
        'number', b.number, 'keys', pgscore._columns_sql(b.profile_key, 'w'), 'merged', merged,
        'arrived', case when ignores then e',\nbool_or(w.pgscore_task = ''arrive'') as pgscore_arrived' end,
        'undone', case when grows then e',\nbool_or(w.pgscore_task = ''undo'') as pgscore_undone' end,
        'present', pgscore._present_sql(b.profile_key, 'w'),
        'match', pgscore._match_sql(b.profile_key, 'w' || b.number, b.profile_key, 'pgscore_row'),
        'recount', pgscore._event_object(b, 'recount'),
        'arguments', pgscore._columns_sql(b.profile_key, 'pgscore_row'),
        'wanted', case when looks then touched when grows then format('w%1$s.pgscore_absolute or w%1$s.pgscore_undone', b.number)
            else format('w%s.pgscore_absolute', b.number) end,
        'work', case when not ignores then 'unnest(here.work) w' else format(
            -- A counter that ignores deletes cannot be recounted. Its row carries it to the new key, and what events did
            -- under the former key, a cascade's too, is done to the same row.
            e'(\n    select u.pgscore_binding, u.pgscore_task%s%s\n    from unnest(here.work) u\n    left join unnest(here.work) k\n'
            '        on k.pgscore_binding = u.pgscore_binding and k.pgscore_task = ''rekey'' and u.pgscore_task not in (''rekey'', ''arrive'')\n'
            '        and %s\n) w',
            (
                select string_agg(format(', coalesce(k.%1$I, u.%1$I) as %1$I', a.attname), '' order by a.attnum)
                from unnest(b.profile_key) n, pgscore._column(b.profile, n) a
            ),
            deltas,
            (
                select string_agg(format('k.pgscore_former_%s = u.%I', a.attnum, a.attname), ' and ' order by a.attnum)
                from unnest(b.profile_key) n, pgscore._column(b.profile, n) a
            )
        ) end
    ));
end
$$;

create or replace function pgscore._events_without_profile_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Events that went away again leave nobody missing.
    select format(
        e'w.pgscore_binding = %s and w.pgscore_task in (''move'', ''undo'', ''recount'')\n    and not exists (select from %s p where %s)\n    and (select r.any_event from %s(%s, false) r)',
        b.number, b.profile, pgscore._match_sql(b.profile_key, 'p', b.profile_key, 'w'), pgscore._event_object(b, 'recount'),
        pgscore._columns_sql(b.profile_key, 'w')
    )
$$;

create or replace function pgscore._applying_sql(b pgscore.binding, name text, bindings pgscore.binding[], targets pgscore.binding[], says text)
returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from pgscore._function_sql(
        format('%s(given %s[])', name, pgscore._profile_object(b, 'queue')), 'void', 'plpgsql volatile set plan_cache_mode = auto set jit = off',
        pgscore._fill(pgscore._apply_template(), jsonb_build_object(
            'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'), 'recounted', pgscore._recounted_sql(),
            'declared', (
                select string_agg(format('every_%s boolean;', o.number), e'\n' order by o.number)
                    || case when bool_or(o.on_missing = 'error') then e'\nmissing text;' else '' end
                    || case when bool_or(o.on_missing = 'insert') then format(e'\nkept %s[];\nmade boolean;', pgscore._profile_object(b, 'queue')) else '' end
                from unnest(bindings) o
            ) || (
                select case when bool_or(t.max_scoring_ms is not null) then e'\nbegan timestamptz;' else '' end
                    || case when bool_or(t.reasons is not null) then e'\nexplanations jsonb[];' else '' end || string_agg(
                    format(e'\nnames_%1$s text[];\nscores_%1$s double precision[];\nversions_%1$s integer[];\nreasons_%1$s text[];', t.number)
                        || case when t.reasons is null then '' else format(e'\nexplanations_%s jsonb[];', t.number) end, ''
                    order by t.number
                )
                from unnest(targets) t
            ),
            'missing', (select string_agg(pgscore._missing_sql(o), e'\n' order by o.number) from unnest(bindings) o),
            'meet', pgscore._meet_sql(b.profile), 'lock', pgscore._lock_sql(b.profile), 'lost', pgscore._lost_sql(b.profile),
            'move', case
                -- A session pays for two statements where it had one, and a join of few bindings is no burden.
                when cardinality(bindings) > 4 then pgscore._move_light_sql(b.profile, bindings, targets)
                else pgscore._move_sql(b.profile, bindings, targets)
            end,
            'update', pgscore._update_sql(b.profile, pgscore._profile_object(b, 'queue'), bindings, targets)
        )),
        says, b.owner
    ) s
$$;

create or replace function pgscore._reconcile_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    shown text;
    differ text;
begin
    select
        coalesce(string_agg(
            format(
                e',\n    case when %1$s then format(''%%s is %%s and the events give %%s'', %2$L, coalesce(pgscore_row.%3$I::text, ''NULL''), coalesce(r.value_%4$s::text, ''NULL'')) end',
                d.differs, r.target, r.target, r.ordinal
            ), '' order by r.ordinal
        ), ''),
        coalesce(string_agg(d.differs, e'\n    or ' order by r.ordinal), 'false')
    into shown, differ
    from pgscore._reducers_of(b) r,
        lateral (select pgscore._fill(r.differs, jsonb_build_object(
            'present', format('pgscore_row.%I', r.target), 'recounted', format('r.value_%s', r.ordinal)
        )) as differs) d
    where r.differs is not null;
    return query select * from pgscore._function_sql(
        format(
            '%s(rows integer, repair boolean, out checked bigint, out differing bigint, out examples text[], out finished boolean)',
            pgscore._event_object(b, 'reconcile')
        ),
        null, 'plpgsql volatile set jit = off',
        pgscore._fill(pgscore._reconcile_template(), jsonb_build_object(
            'binding', b.events, 'number', b.number, 'events', b.events, 'fail', pgscore._fail_sql(b), 'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'),
            'apply', pgscore._profile_object(b, 'apply'), 'recount', pgscore._event_object(b, 'recount'),
            'present', pgscore._present_sql(b.profile_key, 'pgscore_row'), 'order', pgscore._columns_sql(b.profile_key, 'pgscore_row'),
            'page_order', (select string_agg(format('(l.pgscore_row).%I', k), ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o)),
            'after', (
                select string_agg(format('here.after[%s]::%s', k.ordinal, k.type), ', ' order by k.ordinal)
                from unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as k (type, ordinal)
            ),
            'last', (
                select format('array[%s]', string_agg(format('here.page[cardinality(here.page)].%I::text', k), ', ' order by o))
                from unnest(b.profile_key) with ordinality u (k, o)
            ),
            'page_match', pgscore._match_sql(b.profile_key, 'pgscore_row', b.profile_key, 'u'),
            'key_text', pgscore._key_text_sql(b.profile_key, 'pgscore_row'),
            'shown', format(e'concat_ws(''; '', null%s)', shown), 'differ', differ,
            'arguments', pgscore._columns_sql(b.profile_key, 'pgscore_row'), 'columns', pgscore._columns_sql(b.profile_key),
            'values', pgscore._columns_sql(b.profile_key, 'pgscore_row')
        )),
        format('binding %s, compares counters of some rows of %s with their events, and mends them', b.events, b.profile), b.owner
    );
end
$$;

create or replace function pgscore._virtual_column_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- From PostgreSQL 18 on. Of what a statement has changed such columns cannot be read, and in a row's trigger they are NULL.
    select format('column "%s" of table %s is generated and virtual, which triggers cannot read: make it stored', c.name, b.events)
    from (
        select k as name from unnest(b.event_key) k
        union all select r ->> f from jsonb_array_elements(b.reducers) r, unnest(array['of', 'order_by']) f
        union all select w from jsonb_array_elements(b.reducers) r, jsonb_object_keys(r -> 'where') w
    ) c
    where (pgscore._column(b.events, c.name)).attgenerated = 'v'
    limit 1
$$;

create or replace function pgscore._reducers_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if jsonb_typeof(b.reducers) is distinct from 'array' or jsonb_array_length(b.reducers) not between 1 and 50 then
        return 'reducers are a list of 1 to 50 such as [{"column": "n", "aggregate": "count"}]';
    end if;
    return coalesce(
        (
            select r.problem from pgscore._reducers_of(b) r where r.problem is not null order by r.ordinal limit 1
        ),
        (
            select format('with a foreign key on update cascade and timing statement column "%s" cannot ignore deletes', r ->> 'column')
            from jsonb_array_elements(b.reducers) r
            where r ? 'deletes' and b.timing = 'statement' and pgscore._has_following_keys(b.events, b.profile) limit 1
        )
    );
end
$$;

create or replace function pgscore._advice(binding integer) returns table (cause text, sentence text, statements text[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select 'uncounted', format('events that %s holds already are not counted yet, and its profiles are listed in pgscore.stale until they are', b.events),
        array[format('call pgscore.reconcile(%L, %L)', b.events, b.profile)]
    from pgscore.binding b
    where b.number = _advice.binding and exists (select from pgscore.stale_row s where s.binding = b.number and s.cause = 'backfill')
    union all
    select 'index', i.sentence, i.statements from pgscore.binding b, pgscore._index_advice(b) i where b.number = _advice.binding
$$;

create or replace function pgscore.attach(
    model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null, without_index boolean default false,
    notify_above double precision default null, notify_below double precision default null, changes boolean default false,
    reasons name default null, top integer default 3
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
    b.reasons := reasons;
    b.top := case when reasons is not null then top end;
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
    perform pgscore._check_reasons(b);
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

create or replace function pgscore._reconcile_step(
    binding integer, repair boolean, rows integer default 500,
    out checked bigint, out differing bigint, out examples text[], out finished boolean
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    b pgscore.binding;
    statements text[];
begin
    -- One at a time, and none while the tables are attached or detached.
    select o.* into b from pgscore.binding o where o.number = binding for update;
    if not found then
        raise exception 'the tables were detached meanwhile' using errcode = 'undefined_object';
    end if;
    perform pgscore._check_owner(b.events, b.profile);
    perform pgscore._refuse(pgscore._tables_problem(b));
    perform pgscore._refuse(pgscore._taken_problem(b));
    statements := array(select pgscore._reconcile_sql(b));
    if pg_get_userbyid(b.owner) <> current_user or not exists (
        select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where n.nspname = b.event_schema and p.proname = b.event_prefix || '_reconcile' and p.proowner = b.owner and p.prosecdef
            and position(md5(p.prosrc) in statements[2]) > 0
    ) then
        -- Made anew in this transaction, and so what it was generated as: a member of the owner runs nothing that another one
        -- has put in its place. It works with the owner's rights, and so does all that it calls.
        perform pgscore._run_all(statements);
    end if;
    execute format('select f.* from %s($1, $2) f', pgscore._event_object(b, 'reconcile'))
        into checked, differing, examples, finished using rows, repair;
end
$$;

create or replace procedure pgscore.reconcile(events regclass, profile regclass, repair boolean default true)
language plpgsql
as $$
declare
    -- A procedure that commits cannot have a pinned search_path: it is set again after each commit, every name here is
    -- qualified, and all that is called is pinned itself.
    pinned pg_catalog.text := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    bindings pg_catalog.int4[] := pgscore._bindings_to_reconcile(events, profile);
    next pg_catalog.int4;
    step pg_catalog.record;
begin
    foreach next in array bindings loop
        loop
            set transaction isolation level read committed;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            select s.* into step from pgscore._reconcile_step(next, repair) s;
            commit;
            pinned := pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            perform pgscore._report_step(next, repair, step.checked, step.differing, step.examples, step.finished);
            exit when step.finished;
        end loop;
    end loop;
end
$$;

drop function pgscore._window_sql(reducer jsonb);

drop function pgscore._window_length_problem(reducer jsonb);

drop function pgscore._window_problem(reducer jsonb, events regclass);

drop function pgscore._window_reducer(r pgscore.reducer_sql, events regclass);

drop function pgscore._chosen_sql(reducer jsonb, events regclass, event_key name[]);

drop function pgscore._due_sql(events regclass, event_key name[], reducers jsonb);

drop function pgscore._due_reducer(r pgscore.reducer_sql, target pg_catalog.pg_attribute, events regclass, event_key name[], reducers jsonb);

drop function pgscore._due_column(b pgscore.binding);

drop function pgscore._instant_sql(b pgscore.binding);

drop function pgscore._due_problem(b pgscore.binding);

drop function pgscore._tick_template();

drop function pgscore._tick_sql(b pgscore.binding);

drop function pgscore._due_index_advice(b pgscore.binding);

drop function pgscore._make_sure(b pgscore.binding, what text, statements text[]);

drop function pgscore._bindings_to_tick(events regclass, profile regclass);

drop function pgscore._tick_step(binding integer, until timestamptz, after_due timestamptz, after_key text[], rows integer, out ticked bigint, out locked bigint, out last_due timestamptz, out last_key text[], out finished boolean);

drop procedure pgscore.tick(events regclass, profile regclass);

drop function pgscore._doctor_due();

drop view pgscore.outdated;

do $$
begin
    if exists (select from pgscore.stream_offset) and 'offsets' <> all (regexp_split_to_array(coalesce(current_setting('pgscore.lose', true), ''), '[, ]+')) then
        raise exception 'how far streams were consumed would be lost: %', (select string_agg(distinct o.consumer_group, ', ') from pgscore.stream_offset o)
            using errcode = 'dependent_objects_still_exist',
                  hint = 'alembic -x lose=offsets takes it away: what these groups consume afterwards they may do a second time.';
    end if;
end
$$;

drop trigger tell_release on pgscore.model;

do $$
declare
    kept constant text := (
        select string_agg(format('"%s" version %s', v.model, v.version), ', ' order by v.model, v.version)
        from pgscore.model_version v where v.format not in ('joblib', 'pickle', 'skops')
    );
begin
    if kept is not null then
        raise exception 'the former release does not know the formats of model %', kept using hint = 'Delete these versions first.';
    end if;
end
$$;
alter table pgscore.model_version drop constraint format_is_known;
alter table pgscore.model_version add constraint format_is_known check (format in ('joblib', 'pickle', 'skops'));

comment on column pgscore.model_version.format is 'How the artifact is stored: joblib, pickle or skops';

alter table pgscore.program drop column document;

delete from pgscore.measurement where engine = 'onnx';
alter table pgscore.measurement drop constraint engine_is_known;
alter table pgscore.measurement add constraint engine_is_known check (engine in ('sql', 'interpreter', 'estimator'));

alter table pgscore.binding
    drop column notify_above, drop column notify_below, drop column changes, drop column reasons, drop column top;

grant insert (
    name, owner, events, profile, model, event_key, profile_key, reducers, score, version, scored_at, timing, on_error, on_missing,
    max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix, columns
) on pgscore.binding to pgscore_reader;

grant update (
    owner, event_key, profile_key, reducers, score, version, scored_at, columns, timing, on_error, on_missing, max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix
) on pgscore.binding to pgscore_reader;

-- Its rows go back to one table: they are copied.
lock table pgscore.prediction_log in access exclusive mode;
alter table pgscore.prediction_log rename to prediction_log_by_time;
alter sequence pgscore.prediction_log_id_seq rename to prediction_log_by_time_id_seq;

create table pgscore.prediction_log (
    id bigint generated always as identity primary key,
    logged_at timestamptz not null default clock_timestamp(),
    model text not null,
    version integer not null,
    binding text,
    key text,
    score double precision
);

comment on table pgscore.prediction_log is 'Scores that bindings stored, in the transactions that stored them';
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

insert into pgscore.prediction_log (id, logged_at, model, version, binding, key, score) overriding system value
select t.id, t.logged_at, t.model, t.version, t.binding, t.key, t.score from pgscore.prediction_log_by_time t order by t.id;
select setval('pgscore.prediction_log_id_seq', s.last_value, s.is_called) from pgscore.prediction_log_by_time_id_seq s;
drop table pgscore.prediction_log_by_time;

comment on table pgscore.prediction_log is 'Scores that bindings stored, in the transactions that stored them';

-- core/functions/_check_contract.sql
create or replace function pgscore._check_contract(contract jsonb) returns boolean
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        jsonb_typeof(contract -> 'inputs') = 'array'
        and jsonb_array_length(contract -> 'inputs') between 1 and 1600
        and (
            select bool_and(
                jsonb_typeof(i.input -> 'name') = 'string'
                and octet_length(i.input ->> 'name') between 1 and 63
                and i.input ->> 'type' in ('double precision', 'text', 'boolean')
                and jsonb_typeof(i.input -> 'nullable') = 'boolean'
            ) and count(distinct i.input ->> 'name') = count(*)
            from jsonb_array_elements(contract -> 'inputs') as i (input)
        )
        and contract #>> '{output,kind}' in ('probability', 'indicator', 'value')
        and jsonb_typeof(contract #> '{output,classes}') = 'array'
        and jsonb_typeof(contract -> 'libraries') = 'object'
        and jsonb_typeof(contract -> 'types') = 'array',
        false
    )
$$;

create or replace function pgscore._profile_column(
    profile regclass, input jsonb, source text,
    out expression text, out compared text, out sqlstate text, out message text, out hint text
)
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant text := input ->> 'type';
    reference text;
    declared text;
    base regtype;
    modifier integer;
    kind "char";
    category "char";
    is_domain boolean := false;
begin
    select
        source || '.' || quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.atttypid, a.atttypmod
    into reference, declared, base, modifier
    from pg_catalog.pg_attribute a
    where a.attrelid = profile and a.attname = input ->> 'name' and a.attnum > 0 and not a.attisdropped;
    if not found then
        sqlstate := '42703';
        message := format('table %s has no column "%s", which the model reads', profile, input ->> 'name');
        return;
    end if;
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
    else
        sqlstate := '42804';
        message := format(
            'column "%s" of table %s is of type %s, which cannot serve as %s', input ->> 'name', profile, declared, wanted
        );
        hint := 'Fit the model on the column as it is, or name a view or table that has the type it wants.';
    end if;
    -- Texts by their bytes: a model tells apart what a collation may hold for equal.
    compared := case wanted when 'text' then format('(%s) collate pg_catalog."C"', expression) else coalesce(compared, expression) end;
end
$$;

grant execute on function
    pgscore._profile_column(regclass, jsonb, text), pgscore._profile_problem(regclass, jsonb)
    to pgscore_reader;

create or replace function pgscore._ordinary_columns(profile regclass, inputs jsonb) returns boolean[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        coalesce(a.atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'boolean'::regtype, 'real'::regtype), false)
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    left join pg_catalog.pg_attribute a
        on a.attrelid = profile and a.attname = i.input ->> 'name' and a.attnum > 0 and not a.attisdropped
$$;

create or replace function pgscore._inputs_differ(profile regclass, inputs jsonb, former text, present text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- What `is distinct from` says; which operator that takes is for the search_path to choose.
    select string_agg(
        format('not coalesce(%1$s operator(pg_catalog.=) %2$s, %1$s is null and %2$s is null)', f.compared, p.compared),
        ' or ' order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal),
        pgscore._profile_column(profile, i.input, former) f,
        pgscore._profile_column(profile, i.input, present) p
$$;

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
    perform pgscore._refuse_misfit(model, t.typelem) from pg_catalog.pg_type t where t.oid = pg_typeof(profiles);
    select max((s.given).version), array_agg((s.given).scores[1]), array_agg((s.given).reasons[1])
    into answer
    from (select pgscore._scored(model, to_jsonb(p)) as given from unnest(profiles) as p offset 0) s;
    return case when answer.version is not null then answer end;
end
$$;

-- core/program/checks/inputs.sql
create or replace function pgscore._input_problem(place text, input jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem constant text := pgscore._fields_problem(
        place, input, array['name', 'type', 'nullable'], array['minimum', 'maximum', 'known']
    );
    field text;
begin
    if problem is not null then
        return problem;
    elsif jsonb_typeof(input -> 'name') <> 'string' or octet_length(input ->> 'name') not between 1 and 63 then
        return format('%s.name is %s, and a text of 1 to 63 bytes is wanted', place, pgscore._shown(input -> 'name'));
    elsif input -> 'type' not in ('"double precision"', '"text"', '"boolean"') then
        return format(
            '%s.type is %s, and "double precision", "text" or "boolean" is wanted', place, pgscore._shown(input -> 'type')
        );
    elsif jsonb_typeof(input -> 'nullable') <> 'boolean' then
        return format('%s.nullable is %s, and true or false is wanted', place, pgscore._shown(input -> 'nullable'));
    end if;
    foreach field in array array['minimum', 'maximum'] loop
        if input ? field and input ->> 'type' = 'text' then
            return format('%s.%s is given for a text', place, field);
        elsif input ? field and not pgscore._is_number(input -> field) then
            return format('%s.%s is %s, and a finite number is wanted', place, field, pgscore._shown(input -> field));
        end if;
    end loop;
    if (input -> 'minimum')::double precision > (input -> 'maximum')::double precision then
        return format('%s.minimum is above its maximum', place);
    end if;
    return case
        when input ? 'known' then pgscore._keys_problem(place || '.known', input -> 'known', input ->> 'type')
    end;
end
$$;

-- core/program/checks/trees.sql
create or replace function pgscore._trees_lists_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most constant integer := 4000000;
    problem text := pgscore._fields_problem(
        place, step,
        array['step', 'of', 'precision', 'base', 'roots', 'target', 'feature', 'threshold', 'set', 'missing_left', 'left',
            'right', 'values', 'sets'],
        array['divide']
    );
    field text;
    wanted integer;
begin
    problem := coalesce(
        problem,
        pgscore._list_problem(place || '.of', step -> 'of', 1, 100000),
        pgscore._list_problem(place || '.base', step -> 'base', 1, 1000),
        pgscore._list_problem(place || '.roots', step -> 'roots', 0, most),
        pgscore._list_problem(place || '.feature', step -> 'feature', 0, most),
        pgscore._list_problem(place || '.values', step -> 'values', 0, most),
        pgscore._list_problem(place || '.sets', step -> 'sets', 0, most),
        pgscore._registers_problem(place || '.of', step -> 'of', kinds, '*')
    );
    if problem is not null then
        return problem;
    elsif jsonb_typeof(step -> 'precision') <> 'string' or step ->> 'precision' <> 'float64' then
        return format('%s.precision is %s, and "float64" is wanted', place, pgscore._shown(step -> 'precision'));
    elsif step ? 'divide' and not pgscore._is_number(step -> 'divide') then
        return format('%s.divide is %s, and a finite number is wanted', place, pgscore._shown(step -> 'divide'));
    elsif (step -> 'divide')::double precision = 0 then
        return format('%s.divide is 0', place);
    end if;
    foreach field in array array['threshold', 'set', 'missing_left', 'left', 'right', 'target'] loop
        wanted := jsonb_array_length(step -> case field when 'target' then 'roots' else 'feature' end);
        problem := pgscore._list_problem(place || '.' || field, step -> field, wanted, wanted);
        exit when problem is not null;
    end loop;
    return problem;
end
$$;

create or replace function pgscore._trees_numbers_problem(place text, step jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    field text;
    problem text;
begin
    -- Each kind of list in one pass.
    foreach field in array array['base', 'values', 'threshold'] loop
        select format(
            '%s.%s[%s] is %s, and a finite number%s is wanted', place, field, e.ordinal - 1, pgscore._shown(e.value),
            case field when 'threshold' then ' or null' end
        )
        into problem
        from jsonb_array_elements(step -> field) with ordinality as e (value, ordinal)
        where not pgscore._is_number(e.value) and (field <> 'threshold' or jsonb_typeof(e.value) <> 'null')
        order by e.ordinal limit 1;
        if problem is not null then
            return problem;
        end if;
    end loop;
    select p.problem into problem
    from (values
        (1, 'roots', 0, jsonb_array_length(step -> 'feature') - 1), (2, 'target', -1, jsonb_array_length(step -> 'base') - 1),
        (3, 'feature', -1, jsonb_array_length(step -> 'of') - 1), (4, 'set', -1, jsonb_array_length(step -> 'sets') - 1),
        (5, 'missing_left', 0, 1),
        (6, 'left', 0, greatest(jsonb_array_length(step -> 'feature'), jsonb_array_length(step -> 'values'))),
        (7, 'right', -1, jsonb_array_length(step -> 'feature') - 1)
    ) as f (position, name, low, high)
    cross join lateral (
        select format(
            '%s.%s[%s] is %s, and an integer from %s to %s is wanted',
            place, f.name, e.ordinal - 1, pgscore._shown(e.value), f.low, f.high
        )
        from jsonb_array_elements(step -> f.name) with ordinality as e (value, ordinal)
        where not pgscore._is_integer(e.value, f.low, f.high)
        order by e.ordinal limit 1
    ) as p (problem)
    order by f.position limit 1;
    return problem;
end
$$;

-- core/program/checks/steps.sql
create or replace function pgscore._step_kinds(step jsonb, kinds text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case step ->> 'step'
        when 'trees' then repeat('n', jsonb_array_length(step -> 'base'))
        when 'fill' then substr(kinds, (step -> 'of')::integer + 1, 1)
        else 'n'
    end
$$;

create or replace function pgscore._step_fields_problem(place text, step jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when f.required is null then format('%s.step is %s, which is no step of programs', place, pgscore._shown(step -> 'step'))
        else pgscore._fields_problem(place, step, array['step', 'of'] || f.required, f.optional)
    end
    from (values (case when jsonb_typeof(step -> 'step') = 'string' then step ->> 'step' end)) as s (name)
    left join (values
        ('affine', '{}'::text[], '{subtract,divide,multiply,add}'::text[]),
        ('clip', '{}', '{minimum,maximum}'),
        ('function', '{name}', '{}'),
        ('fill', '{with}', '{}'),
        ('missing', '{}', '{}'),
        ('lookup', '{keys,values,unknown,missing}', '{}'),
        ('linear', '{weights,intercept}', '{}')
    ) as f (name, required, optional) on f.name = s.name
$$;

create or replace function pgscore._step_reads_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant text := case when step ->> 'step' in ('fill', 'missing', 'lookup') then '*' else 'n' end;
    problem text;
begin
    if step ->> 'step' = 'linear' then
        return coalesce(
            pgscore._list_problem(place || '.of', step -> 'of', 0, 100000),
            pgscore._registers_problem(place || '.of', step -> 'of', kinds, 'n')
        );
    end if;
    problem := case
        when not pgscore._is_integer(step -> 'of', 0, length(kinds) - 1) or wanted = 'n' then
            pgscore._registers_problem(place || '.of', step -> 'of', kinds, wanted)
    end;
    if problem is null and jsonb_typeof(step -> 'of') <> 'number' then
        problem := format('%s.of is %s, and a register is wanted', place, pgscore._shown(step -> 'of'));
    end if;
    return problem;
end
$$;

create or replace function pgscore._weights_problem(place text, step jsonb) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._list_problem(
            place || '.weights', step -> 'weights', jsonb_array_length(step -> 'of'), jsonb_array_length(step -> 'of')
        ),
        (
            select format('%s.weights[%s] is %s, and a finite number is wanted', place, w.ordinal - 1, pgscore._shown(w.value))
            from jsonb_array_elements(step -> 'weights') with ordinality as w (value, ordinal)
            where not pgscore._is_number(w.value)
            order by w.ordinal limit 1
        )
    )
$$;

comment on function pgscore._weights_problem(text, jsonb) is
    'What is wrong with the weights of a linear step; NULL where nothing is';

create or replace function pgscore._operands_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := step ->> 'step';
    kind constant text := case when name in ('fill', 'lookup') then substr(kinds, (step -> 'of')::integer + 1, 1) end;
begin
    if name = 'clip' and not step ?| array['minimum', 'maximum'] then
        return format('%s has neither a minimum nor a maximum', place);
    elsif name = 'clip' and (step -> 'minimum')::double precision > (step -> 'maximum')::double precision then
        return format('%s.minimum is above its maximum', place);
    elsif name = 'affine' and (step -> 'divide')::double precision = 0 then
        return format('%s.divide is 0', place);
    elsif name = 'function' and step -> 'name' not in ('"abs"', '"sqrt"', '"square"') then
        return format('%s.name is %s, and "abs", "sqrt" or "square" is wanted', place, pgscore._shown(step -> 'name'));
    elsif name = 'fill' and kind = 't' and not pgscore._is_text(step -> 'with') then
        return format('%s.with is %s, and a text of at most 1,000 bytes is wanted', place, pgscore._shown(step -> 'with'));
    elsif name = 'fill' and kind = 'n' and not pgscore._is_number(step -> 'with') then
        return format('%s.with is %s, and a finite number is wanted', place, pgscore._shown(step -> 'with'));
    elsif name = 'lookup' then
        return pgscore._lookup_problem(place, step, kind);
    end if;
    return null;
end
$$;

create or replace function pgscore._program_step_problem(place text, step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text;
    field text;
begin
    if jsonb_typeof(step) is distinct from 'object' then
        return pgscore._fields_problem(place, step, '{}', '{}');
    elsif step -> 'step' = '"trees"' then
        return pgscore._program_trees_problem(place, step, kinds);
    end if;
    problem := coalesce(
        pgscore._step_fields_problem(place, step), pgscore._step_reads_problem(place, step, kinds),
        case when step ->> 'step' = 'linear' then pgscore._weights_problem(place, step) end
    );
    if problem is not null then
        return problem;
    end if;
    foreach field in array array['subtract', 'divide', 'multiply', 'add', 'minimum', 'maximum', 'intercept'] loop
        if step ? field and not pgscore._is_number(step -> field) then
            return format('%s.%s is %s, and a finite number is wanted', place, field, pgscore._shown(step -> field));
        end if;
    end loop;
    return pgscore._operands_problem(place, step, kinds);
end
$$;

-- core/program/checks/program.sql
create or replace function pgscore._program_link_problem(program jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem constant text := coalesce(
        pgscore._list_problem('scores', program -> 'scores', 1, 1000),
        pgscore._registers_problem('scores', program -> 'scores', kinds, 'n')
    );
    link constant jsonb := program -> 'link';
begin
    if problem is not null then
        return replace(problem, 'come before it', 'exist');
    elsif link not in ('"identity"', '"logistic"', '"softmax"', '"one_vs_rest"', '"sign"', '"argmax"') then
        return format(
            'link is %s, and "identity", "logistic", "softmax", "one_vs_rest", "sign" or "argmax" is wanted',
            pgscore._shown(link)
        );
    elsif link in ('"logistic"', '"sign"') and jsonb_array_length(program -> 'scores') <> 1 then
        return format(
            'link is %s, which takes 1 score, and scores has %s members', link, jsonb_array_length(program -> 'scores')
        );
    elsif link in ('"softmax"', '"one_vs_rest"', '"argmax"') and jsonb_array_length(program -> 'scores') < 2 then
        return format('link is %s, which takes a score for each class, and scores has 1 member', link);
    elsif program -> 'tie' not in ('"first"', '"last"') then
        return format('tie is %s, and "first" or "last" is wanted', pgscore._shown(program -> 'tie'));
    end if;
    return null;
end
$$;

comment on function pgscore._program_link_problem(jsonb, text) is
    'What is wrong with scores, link and tie of a program whose registers are of these kinds; NULL where nothing is';

create or replace function pgscore._program_head_problem(program jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem constant text := pgscore._fields_problem(
        'the program', program, array['program', 'inputs', 'steps', 'scores', 'link', 'tie'], '{}'
    );
begin
    if problem is not null then
        return problem;
    elsif not pgscore._is_integer(program -> 'program', 1, 1) then
        return format('program is %s, and this database knows 1', pgscore._shown(program -> 'program'));
    elsif octet_length(program::text) > 64 * 1024 * 1024 then
        return 'the program is larger than 64 MB';
    end if;
    return coalesce(
        pgscore._program_inputs_problem(program -> 'inputs'), pgscore._list_problem('steps', program -> 'steps', 0, 10000)
    );
end
$$;

create or replace function pgscore._program_problem(program jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text := case when program is null then 'the program is NULL' else pgscore._program_head_problem(program) end;
    kinds text;
    step jsonb;
    number integer := 0;
    registers_read bigint := 0;
    keys bigint;
    nodes bigint := 0;
begin
    if problem is not null then
        return problem;
    end if;
    select
        string_agg(case when i.input ->> 'type' = 'text' then 't' else 'n' end, '' order by i.ordinal),
        coalesce(sum(jsonb_array_length(i.input -> 'known')), 0)
    into kinds, keys
    from jsonb_array_elements(program -> 'inputs') with ordinality as i (input, ordinal);
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        problem := pgscore._program_step_problem(format('steps[%s]', number), step, kinds);
        if problem is not null then
            return problem;
        end if;
        registers_read := registers_read
            + case jsonb_typeof(step -> 'of') when 'array' then jsonb_array_length(step -> 'of') else 1 end;
        if step ->> 'step' = 'lookup' then
            keys := keys + jsonb_array_length(step -> 'keys');
        elsif step ->> 'step' = 'trees' then
            nodes := nodes + jsonb_array_length(step -> 'feature');
            keys := keys + coalesce(
                (select sum(jsonb_array_length(m.value)) from jsonb_array_elements(step -> 'sets') as m (value)), 0
            );
        end if;
        problem := case
            when registers_read > 100000 then 'steps read more than 100,000 registers together'
            when keys > 1000000 then 'known values, keys and sets have more than 1,000,000 members together'
            when nodes > 4000000 then 'trees have more than 4,000,000 nodes together'
        end;
        if problem is not null then
            return format('steps[%s]: %s', number, problem);
        end if;
        kinds := kinds || pgscore._step_kinds(step, kinds);
        number := number + 1;
    end loop;
    if keys > 1000000 then
        return 'inputs: known values have more than 1,000,000 members together';
    end if;
    return pgscore._program_link_problem(program, kinds);
end
$$;

create or replace function pgscore._program_contract_problem(program jsonb, contract jsonb) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    classes constant integer := jsonb_array_length(contract #> '{output,classes}');
    kind constant text := contract #>> '{output,kind}';
    link constant text := program ->> 'link';
    wanted constant integer := case kind when 'value' then 1 else classes end;
    outputs constant integer := case
        when link in ('logistic', 'sign') then 2 else jsonb_array_length(program -> 'scores')
    end;
    problem text;
begin
    select case
        when p.input is null then format('inputs has %s members, and the contract %s', p.ordinal - 1, jsonb_array_length(contract -> 'inputs'))
        when p.promised is null then format('inputs has more members than the contract, which has %s', p.ordinal - 1)
        else format(
            'inputs[%s].%s is %s, and the contract says %s', p.ordinal - 1, f.name,
            pgscore._shown(p.input -> f.name), pgscore._shown(p.promised -> f.name)
        )
    end
    into problem
    from rows from (
        jsonb_array_elements(program -> 'inputs'), jsonb_array_elements(contract -> 'inputs')
    ) with ordinality as p (input, promised, ordinal),
    unnest(array['name', 'type', 'nullable']) with ordinality as f (name, position)
    where p.input -> f.name is distinct from p.promised -> f.name
    order by p.ordinal, f.position limit 1;
    if problem is not null then
        return problem;
    elsif outputs <> wanted then
        return format('link "%s" gives %s outputs, and the contract has %s', link, outputs, case kind
            when 'value' then 'one value' else format('%s classes', classes) end);
    elsif (kind = 'value' and link <> 'identity')
        or (kind = 'indicator' and link not in ('sign', 'argmax'))
        or (kind = 'probability' and link not in ('identity', 'logistic', 'softmax', 'one_vs_rest'))
    then
        return format('link "%s" does not fit an output of kind "%s"', link, kind);
    end if;
    return null;
end
$$;

create or replace function pgscore._program_size(program jsonb) returns integer
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select 2 * jsonb_array_length(program -> 'inputs') + coalesce(sum(
        case s.step ->> 'step'
            when 'trees' then jsonb_array_length(s.step -> 'feature')
            when 'linear' then 3 * jsonb_array_length(s.step -> 'of')
            when 'lookup' then 2 * jsonb_array_length(s.step -> 'keys') + 3
            else 3
        end
    ), 0)::integer
    from jsonb_array_elements(program -> 'steps') as s (step)
$$;

-- core/program/checks/row.sql
create or replace function pgscore._program_row_problem(program jsonb, numbers double precision[], texts text[]) returns text
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
declare
    input jsonb;
    number double precision;
    value text;
    numbers_read integer := 0;
    texts_read integer := 0;
    reason text;
begin
    for input in
        select i.value from jsonb_array_elements(program -> 'inputs') with ordinality as i (value, ordinal) order by i.ordinal
    loop
        if input ->> 'type' = 'text' then
            texts_read := texts_read + 1;
            value := texts[texts_read];
            if value is null and not (input -> 'nullable')::boolean then
                return null;
            elsif value is not null and input ? 'known' and not input -> 'known' ? value then
                reason := coalesce(reason, format('input "%s" is ''%s'', which the estimator does not know', input ->> 'name', value));
            end if;
            continue;
        end if;
        numbers_read := numbers_read + 1;
        number := nullif(numbers[numbers_read], 'NaN');
        if number is null and not (input -> 'nullable')::boolean then
            return null;
        elsif number < (input -> 'minimum')::double precision or number > (input -> 'maximum')::double precision then
            reason := coalesce(reason, format('input "%s" is %s, beyond what the estimator accepts', input ->> 'name', number));
        elsif number is not null and input ? 'known' and not exists (
            select from jsonb_array_elements(input -> 'known') as k (key) where k.key::double precision = number
        ) then
            reason := coalesce(reason, format('input "%s" is %s, which the estimator does not know', input ->> 'name', number));
        end if;
    end loop;
    return reason;
end
$$;

comment on function pgscore._program_row_problem(jsonb, double precision[], text[]) is
    'Why a valid program refuses a row, given as its number inputs and its text inputs in order; NULL where it does not, or where a value is missing';

create or replace function pgscore._multiply(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    large constant double precision := greatest(abs(a), abs(b));
    small constant double precision := least(abs(a), abs(b));
begin
    if a is null or b is null or large = 'NaN' then
        return null;
    elsif large = 'Infinity' or small = 0 then
        return nullif(a * b, 'NaN');
    elsif small > 1 and large > '1.797693134862315e308'::double precision / small then
        return sign(a) * sign(b) * 'Infinity'::double precision;
    elsif large < 1 and small < '5e-324'::double precision / large then
        return 0;
    end if;
    return a * b;
end
$$;

create or replace function pgscore._divide(a double precision, b double precision) returns double precision
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if a is null or b is null or a = 'NaN' or b = 'NaN' then
        return null;
    elsif b = 0 then
        return case when a <> 0 then sign(a) * 'Infinity'::double precision end;
    elsif abs(b) = 'Infinity' then
        return case when abs(a) <> 'Infinity' then 0 end;
    elsif abs(a) = 'Infinity' or a = 0 then
        return a / b;
    elsif abs(b) < 1 and abs(a) > '1.797693134862315e308'::double precision * abs(b) then
        return sign(a) * sign(b) * 'Infinity'::double precision;
    elsif abs(b) > 1 and abs(a) < 1 and abs(a) < '5e-324'::double precision * abs(b) then
        return 0;
    end if;
    return a / b;
end
$$;

create or replace function pgscore._exp(a double precision) returns double precision
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when a = 'NaN' then null
        when a > '709.782712893384' then 'Infinity'
        when a < '-745.13' then 0
        else exp(a)
    end
$$;

create or replace function pgscore._outputs(link text, scores double precision[]) returns double precision[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    outputs double precision[] := '{}';
    score double precision;
    largest constant double precision := (select max(s) from unnest(scores) s);
    total double precision := 0;
    probability double precision;
begin
    if link = 'identity' then
        return scores;
    elsif link = 'sign' then
        return case when scores[1] > 0 then '{0,1}' else '{1,0}' end;
    elsif link = 'argmax' then
        -- As numpy does, which takes what is no number for the largest.
        outputs := array_fill(0::double precision, array[cardinality(scores)]);
        outputs[coalesce(array_position(scores, null), array_position(scores, largest))] := 1;
        return outputs;
    elsif array_position(scores, null) is not null then
        return array_fill(null::double precision, array[case link when 'logistic' then 2 else cardinality(scores) end]);
    elsif link = 'logistic' then
        probability := pgscore._divide(1, pgscore._add(1, pgscore._exp(-scores[1])));
        return array[1 - probability, probability];
    end if;
    -- What cannot raise is computed at once; the functions that never raise are slow.
    foreach score in array scores loop
        if link = 'softmax' then
            score := case
                when abs(score) < '1e300' and abs(largest) < '1e300' then score - largest else pgscore._add(score, -largest) end;
            score := case when score > -700 then exp(score) else pgscore._exp(score) end;
        else
            score := case
                when abs(score) < 700 then 1 / (1 + exp(-score))
                else pgscore._divide(1, pgscore._add(1, pgscore._exp(-score)))
            end;
        end if;
        outputs := outputs || score;
        total := total + score;
    end loop;
    if total = 0 then  -- each of them underflows: scikit-learn's answer
        return array_fill(1 / cardinality(scores)::double precision, array[cardinality(scores)]);
    end if;
    for position in 1 .. cardinality(outputs) loop
        outputs[position] := case
            when outputs[position] > '1e-300' then outputs[position] / total
            else pgscore._divide(outputs[position], total)
        end;
    end loop;
    return outputs;
end
$$;

create or replace function pgscore._careful_step_sql(step jsonb, kinds text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    value text;
    kind text;
begin
    if jsonb_typeof(step -> 'of') = 'number' then
        value := 'r' || (step -> 'of')::integer;
        kind := substr(kinds, (step -> 'of')::integer + 1, 1);
    end if;
    return case step ->> 'step'
        when 'affine' then pgscore._careful_affine_sql(step, value)
        when 'clip' then format(
            'case when %1$s is not null then least(greatest(%1$s, %2$s), %3$s) end', value,
            pgscore._literal_sql((step -> 'minimum')::double precision),
            pgscore._literal_sql((step -> 'maximum')::double precision)
        )
        when 'function' then format(
            case step ->> 'name'
                when 'abs' then 'abs(%1$s)'
                when 'sqrt' then 'case when %1$s >= 0 then sqrt(%1$s) end'
                else 'pgscore._multiply(%1$s, %1$s)'
            end,
            value
        )
        when 'fill' then format('coalesce(%s, %s)', value, case kind
            when 't' then pgscore._text_literal_sql(step ->> 'with')
            else pgscore._literal_sql((step -> 'with')::double precision) end)
        when 'missing' then format('case when %s is null then 1 else 0 end', value)
        when 'lookup' then pgscore._lookup_sql(step, value, kind = 't', true)
        when 'linear' then format(
            'pgscore._weighted_sum(%s, array[%s]::double precision[], %s)',
            pgscore._literal_sql((step -> 'intercept')::double precision),
            (
                select string_agg('r' || o.register, ', ' order by o.ordinal)
                from jsonb_array_elements_text(step -> 'of') with ordinality as o (register, ordinal)
            ),
            pgscore._array_literal_sql(step -> 'weights', 'number')
        )
    end;
end
$$;

create or replace function pgscore._careful_body_sql(program jsonb, arguments text[]) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    variables text := pgscore._careful_declarations_sql(program -> 'inputs', arguments);
    body text := pgscore._careful_refusals_sql(program -> 'inputs');
    kinds text;
    may_miss boolean[];
    step jsonb;
    step_kinds text;
    register integer := jsonb_array_length(program -> 'inputs');
    scores text;
begin
    select
        string_agg(case when i.input ->> 'type' = 'text' then 't' else 'n' end, '' order by i.ordinal),
        array_agg((i.input -> 'nullable')::boolean order by i.ordinal)
    into kinds, may_miss
    from jsonb_array_elements(program -> 'inputs') with ordinality as i (input, ordinal);
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        step_kinds := pgscore._step_kinds(step, kinds);
        if step ->> 'step' = 'trees' then
            for output in 0 .. length(step_kinds) - 1 loop
                variables := variables || format(
                    E'r%s double precision := %s;\n', register + output,
                    pgscore._literal_sql((step -> 'base' -> output)::double precision)
                );
                body := body || pgscore._careful_trees_sql(step, kinds, may_miss, output, register + output);
            end loop;
        else
            variables := variables || format(
                E'r%s %s;\n', register, case step_kinds when 't' then 'text' else 'double precision' end
            );
            body := body || format(E'r%s := %s;\n', register, pgscore._careful_step_sql(step, kinds));
        end if;
        kinds := kinds || step_kinds;
        may_miss := may_miss || array_fill(true, array[length(step_kinds)]);
        register := register + length(step_kinds);
    end loop;
    select string_agg('r' || s.register, ', ' order by s.ordinal) into scores
    from jsonb_array_elements_text(program -> 'scores') with ordinality as s (register, ordinal);
    return format(
        E'\ndeclare\n%sbegin\n%sreturn pgscore._outputs(%L, array[%s]::double precision[]);\nend\n',
        variables, body, program ->> 'link', scores
    );
end
$$;

comment on function pgscore._careful_body_sql(jsonb, text[]) is
    'The body of a plpgsql function that gives all outputs of a valid program for any row and never raises; arguments is SQL for its inputs';

comment on column pgscore.bare_register.kind is 'n: number, t: text';

create or replace function pgscore._bare_product(
    r pgscore.bare_register, field text, operand double precision
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    divides constant boolean := field = 'divide';
    factor constant double precision := case when divides then pgscore._divide(1, abs(operand)) else abs(operand) end;
    ends double precision[];
begin
    if factor is null or factor > l.most_factor or factor > 0 and factor < l.least_factor then
        return null;
    end if;
    if factor > 0 and pgscore._multiply(r.small, factor) < l.least_product then
        r.expression := pgscore._lifted_sql(r.expression, l.lift / factor);
        r.size := r.size + 2;
    end if;
    r.expression := format(
        '(%s operator(pg_catalog.%s) %s)', r.expression, case when divides then '/' else '*' end,
        pgscore._literal_sql(operand)
    );
    ends := case
        when divides then array[pgscore._divide(r.low, operand), pgscore._divide(r.high, operand)]
        else array[pgscore._multiply(r.low, operand), pgscore._multiply(r.high, operand)]
    end;
    r.low := case when ends[1] > ends[2] then ends[2] else ends[1] end;
    r.high := case when ends[1] > ends[2] then ends[1] else ends[2] end;
    r.small := greatest(pgscore._multiply(r.small, factor), l.smallest_double);
    r.size := r.size + 1;
    return r;
end
$$;

create or replace function pgscore._bare_function(step jsonb, r pgscore.bare_register) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    case step ->> 'name'
        when 'sqrt' then
            return pgscore._bare_square_root(r);
        when 'square' then
            return pgscore._bare_square(r);
        when 'abs' then
            r.expression := format('pg_catalog.abs(%s)', r.expression);
            r.high := greatest(abs(r.low), abs(r.high));
            r.low := 0;
            r.size := r.size + 1;
            return r;
    end case;
end
$$;

create or replace function pgscore._bare_linear(step jsonb, registers pgscore.bare_register[]) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    of constant integer[] := translate((step -> 'of')::text, '[]', '{}')::integer[];
    weights constant double precision[] := translate((step -> 'weights')::text, '[]', '{}')::double precision[];
    intercept constant double precision := (step -> 'intercept')::double precision;
    r pgscore.bare_register := pgscore._bare_register(
        'n', null, 1, intercept, intercept, coalesce(nullif(abs(intercept), 0), 1), false
    );
    sum text := pgscore._literal_sql(intercept);
    term pgscore.bare_register;
    weight double precision;
    product double precision;
begin
    for number in 1 .. cardinality(of) loop
        term := registers[of[number] + 1];
        weight := weights[number];
        product := pgscore._multiply(term.small, abs(weight));
        if weight <> 0 and abs(weight) < l.least_factor
            or term.low = '-Infinity' or term.high = 'Infinity'
            or pgscore._multiply(abs(weight), greatest(abs(term.low), abs(term.high))) > l.most_result
        then
            return null;
        elsif weight <> 0 and product < l.least_product then
            term.expression := pgscore._lifted_sql(term.expression, l.lift / abs(weight));
            term.size := term.size + 2;
        end if;
        sum := sum || pgscore._addend_sql(term.expression, weight);
        r.low := pgscore._add(r.low, least(pgscore._multiply(weight, term.low), pgscore._multiply(weight, term.high)));
        r.high := pgscore._add(
            r.high, greatest(pgscore._multiply(weight, term.low), pgscore._multiply(weight, term.high))
        );
        if weight <> 0 then
            r.small := least(r.small, greatest(product, l.smallest_double));
        end if;
        r.may_miss := r.may_miss or term.may_miss;
        r.size := r.size + term.size + 2;
    end loop;
    r.small := greatest(l.smallest_double, pgscore._multiply(r.small, l.half_ulp));
    r.expression := '(' || sum || ')';
    return r;
end
$$;

create or replace function pgscore._wild_term(r pgscore.bare_register, weight double precision, argument text) returns pgscore.bare_term
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    term pgscore.bare_term;
begin
    term.weight := pgscore._multiply(weight, r.factor);
    if not abs(term.weight) between l.least_wild_weight and l.most_wild_weight then
        return null;
    end if;
    term.magnitude := abs(term.weight) * 2;
    term.is_plain := abs(pgscore._multiply(r.shift, r.factor)) <= l.most_plain_shift;
    if term.is_plain then
        term.expression := argument;
        term.constant := pgscore._multiply(term.weight, pgscore._divide(r.plus, r.factor) - r.shift);
    else
        term.expression := format('(%s operator(pg_catalog.-) %s)', argument, pgscore._literal_sql(r.shift));
        term.constant := pgscore._multiply(term.weight, pgscore._divide(r.plus, r.factor));
    end if;
    return term;
end
$$;

drop function pgscore._scaled_sum(terms pgscore.bare_term[], intercept double precision, total double precision, least_weight double precision, link text);

create function pgscore._scaled_sum(
    terms pgscore.bare_term[], intercept double precision, total double precision, least_weight double precision
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    r pgscore.bare_register := pgscore._bare_register('n', null, 3 * cardinality(terms), null, null, null, false);
    scale double precision;
    term pgscore.bare_term;
begin
    if total is null or not total < l.most_wild_total or not abs(intercept) < l.most_wild_total
        or not least_weight > l.least_tame_weight
    then
        return null;
    end if;
    r.is_wild := true;
    r.power := greatest(0, ceil(log('2'::numeric,
        greatest(total + pgscore._divide(abs(intercept), l.largest_double) * 2, 1)::numeric)) + 2);
    scale := power('2'::double precision, -r.power);
    r.expression := pgscore._literal_sql(pgscore._multiply(intercept, scale));
    foreach term in array terms loop
        r.expression := r.expression || pgscore._addend_sql(term.expression, pgscore._multiply(term.weight, scale));
    end loop;
    return r;
end
$$;

comment on function pgscore._scaled_sum(pgscore.bare_term[], double precision, double precision, double precision) is
    'A sum that may read wild registers, scaled down by a power of two until no row overflows it; NULL where there is none';

create or replace function pgscore._bare_wild_sum(
    program jsonb, step jsonb, arguments text[], registers pgscore.bare_register[]
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    of constant integer[] := translate((step -> 'of')::text, '[]', '{}')::integer[];
    weights constant double precision[] := translate((step -> 'weights')::text, '[]', '{}')::double precision[];
    intercept double precision := (step -> 'intercept')::double precision;
    total double precision := abs(intercept);
    least_weight double precision := 1;
    terms pgscore.bare_term[] := '{}';
    -- For each input whether it is read, NULL where it is not, and whether it is read as it was given.
    plain boolean[] := array_fill(null::boolean, array[jsonb_array_length(program -> 'inputs')]);
    may_miss boolean := false;
    r pgscore.bare_register;
    term pgscore.bare_term;
begin
    for number in 1 .. cardinality(of) loop
        r := registers[of[number] + 1];
        term := case
            when r.is_wild then pgscore._wild_term(r, weights[number], arguments[r.input + 1])
            else pgscore._tame_term(r, weights[number])
        end;
        if term.expression is null then
            return null;
        end if;
        intercept := intercept + term.constant;
        total := total + term.magnitude;
        if r.is_wild then
            plain[r.input + 1] := term.is_plain or coalesce(plain[r.input + 1], false);
        end if;
        if term.is_plain then
            least_weight := least(least_weight, abs(term.weight));
        end if;
        terms := terms || term;
        may_miss := may_miss or r.may_miss;
    end loop;
    -- Nothing shows what an input is that the sum does not read.
    if exists (select from unnest(registers) as w where w.input is not null and plain[w.input + 1] is null) then
        return null;
    end if;
    r := pgscore._scaled_sum(terms, intercept, total, least_weight);
    if r.kind is not null then
        r.may_miss := may_miss;
        r.wraps := pgscore._wraps_sql(plain, program ->> 'link', r.power, least_weight);
    end if;
    return r;
end
$$;

-- core/program/bare/program.sql
-- Interval arithmetic with the program's own operations: rounding is monotone, so where the ends do not overflow nothing
-- between them does. `small` is the least magnitude that a register has besides 0: a product with it must not underflow.
--
-- A register is wild where it is linear in an input that may be anything, NULL, NaN and infinity included. Such inputs
-- need no guard, because the one sum that may read them shows what they were: its weights are scaled down by a power of
-- two until no sum of doubles overflows, an added constant that is lost in rounding keeps their products from
-- underflowing, and a sum that is large, infinite, NaN or NULL is left to the careful function.
create or replace function pgscore._bare_scores(program jsonb, positive integer) returns integer[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    scores constant integer[] := translate((program -> 'scores')::text, '[]', '{}')::integer[];
begin
    return case program ->> 'link'
        when 'identity' then array[scores[coalesce(positive, 0) + 1]]
        when 'logistic' then array[scores[1]]
        when 'sign' then array[scores[1]]
        else scores
    end;
end
$$;

create or replace function pgscore._bare_linear_step(
    program jsonb, step jsonb, arguments text[], scores integer[], registers pgscore.bare_register[]
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    of constant integer[] := translate((step -> 'of')::text, '[]', '{}')::integer[];
begin
    if cardinality(of) > l.most_terms then
        return null;
    end if;
    for number in 1 .. cardinality(of) loop
        if (registers[of[number] + 1]).is_wild then
            -- Only the sum that is the score: what follows it would have to know of its power.
            return case
                when program ->> 'link' in ('identity', 'logistic', 'sign') and scores = array[cardinality(registers)] then
                    pgscore._bare_wild_sum(program, step, arguments, registers)
            end;
        end if;
    end loop;
    return pgscore._bare_linear(step, registers);
end
$$;

create or replace function pgscore._bare_step(
    program jsonb, step jsonb, arguments text[], scores integer[], registers pgscore.bare_register[], most_nodes bigint
) returns pgscore.bare_register
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    name constant text := step ->> 'step';
    r pgscore.bare_register;
begin
    if name <> 'linear' then
        r := registers[(step -> 'of')::integer + 1];
        if r.is_wild and name <> 'affine' then
            return null;
        end if;
    end if;
    r := case name
        when 'affine' then pgscore._bare_affine(step, r)
        when 'clip' then pgscore._bare_clip(step, r)
        when 'function' then pgscore._bare_function(step, r)
        when 'fill' then pgscore._bare_fill(step, r)
        when 'missing' then pgscore._bare_missing(r)
        when 'lookup' then pgscore._bare_lookup(step, r, most_nodes)
        when 'linear' then pgscore._bare_linear_step(program, step, arguments, scores, registers)
    end;
    -- The steps whose values can grow.
    if r.size > most_nodes
        or not r.is_wild and (name in ('affine', 'linear') or step ->> 'name' = 'square')
        and (coalesce(r.low, '-Infinity') <= -l.most_result or coalesce(r.high, 'Infinity') >= l.most_result)
    then
        return null;
    end if;
    return r;
end
$$;

create or replace function pgscore._bare_registers(
    program jsonb, arguments text[], scores integer[], wild_ones boolean, box double precision
) returns pgscore.bare_register[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    most_nodes constant bigint := 4 * pgscore._program_size(program) + 1000;
    registers pgscore.bare_register[] := pgscore._bare_inputs(program -> 'inputs', arguments, wild_ones, box);
    added pgscore.bare_register[];
    r pgscore.bare_register;
    step jsonb;
begin
    if registers is null then
        return null;
    end if;
    for step in
        select s.value from jsonb_array_elements(program -> 'steps') with ordinality as s (value, ordinal) order by s.ordinal
    loop
        if step ->> 'step' = 'trees' then
            added := pgscore._bare_trees(program, step, scores, registers, most_nodes);
            if added is null then
                return null;
            end if;
            foreach r in array added loop
                registers := registers || r;
            end loop;
        else
            r := pgscore._bare_step(program, step, arguments, scores, registers, most_nodes);
            if r.kind is null then
                return null;
            end if;
            registers := registers || r;
        end if;
    end loop;
    return registers;
end
$$;

drop function pgscore._bare_ended_sql(expression text, link text, factor double precision, is_limited boolean, is_negative boolean);

create function pgscore._bare_ended_sql(
    expression text, link text, factor double precision, is_limited boolean
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    most constant double precision := case link when 'logistic' then l.most_exponent else l.most_score end;
    upper_end constant text := pgscore._literal_sql(most / factor);
    lower_end constant text := pgscore._literal_sql(-most / factor);
    e text := expression;
begin
    if is_limited then
        -- Beyond these ends, NaN with the upper one, it is the careful function's turn: it gets what is NULL.
        e := format('pg_catalog.float8smaller(pg_catalog.float8larger(%s, %s), %s)', e, lower_end, upper_end);
    end if;
    if link = 'logistic' then
        e := case
            when factor = 1 then format('pg_catalog.exp(operator(pg_catalog.-) %s)', e)
            else format('pg_catalog.exp(%s operator(pg_catalog.*) %s)', e, pgscore._literal_sql(-factor))
        end;
        if is_limited then
            e := format(
                'pgscore._nullif(pgscore._nullif(%s, pg_catalog.exp(%s)), pg_catalog.exp(%s))',
                e, pgscore._literal_sql(most), pgscore._literal_sql(-most)
            );
        end if;
        e := format('%1$s operator(pg_catalog./) (%1$s operator(pg_catalog.+) %2$s)', pgscore._literal_sql(1), e);
    elsif is_limited then
        e := format('pgscore._nullif(pgscore._nullif(%s, %s), %s)', e, upper_end, lower_end);
        if link = 'identity' then
            e := format('%s operator(pg_catalog.*) %s', e, pgscore._literal_sql(factor));
        end if;
    end if;
    return e;
end
$$;

comment on function pgscore._bare_ended_sql(text, text, double precision, boolean) is
    'SQL for a score register over a factor, linked unless the link is sign; where it is limited, NULL beyond the ends';

create or replace function pgscore._bare_score_sql(
    link text, positive integer, r pgscore.bare_register
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    l constant pgscore.bare_limits := pgscore._bare_limits();
    e text := pgscore._bare_ended_sql(
        r.expression, link, power('2'::double precision, coalesce(r.power, 0)),
        r.power is not null or link = 'logistic' and (r.low < -l.most_exponent or r.high > l.most_exponent)
    );
begin
    if link = 'sign' then
        e := format('(%s operator(pg_catalog.>) %s)::pg_catalog.int4::pg_catalog.float8', e, pgscore._literal_sql(0));
    end if;
    if link in ('logistic', 'sign') and positive = 0 then
        e := format('%s operator(pg_catalog.-) (%s)', pgscore._literal_sql(1), e);
    end if;
    return e;
end
$$;

create or replace function pgscore._program_bare_sql(
    program jsonb, positive integer, arguments text[], wild_ones boolean, box double precision
) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    link constant text := program ->> 'link';
    scores constant integer[] := pgscore._bare_scores(program, positive);
    registers constant pgscore.bare_register[] := pgscore._bare_registers(program, arguments, scores, wild_ones, box);
    r pgscore.bare_register;
    answer pgscore.bare_expression;
begin
    if registers is null then
        return null;
    elsif link in ('identity', 'logistic', 'sign') then
        r := registers[scores[1] + 1];
        answer.expression := pgscore._bare_score_sql(link, positive, r);
    else
        answer.expression := format(
            '(pgscore._outputs(%L, array[%s]))[%s]', link,
            (
                select string_agg((registers[s.register + 1]).expression, ', ' order by s.ordinal)
                from unnest(scores) with ordinality as s (register, ordinal)
            ),
            coalesce(positive, 0) + 1
        );
    end if;
    if r.power is null and exists (select from unnest(registers) as w where w.is_wild) then
        -- No sum shows what these inputs are.
        return null;
    end if;
    answer.guard := pgscore._guard_sql(program -> 'inputs', registers);
    answer.wraps := coalesce(r.wraps, array_fill(null::text, array[jsonb_array_length(program -> 'inputs')]));
    return answer;
end
$$;

-- core/program/scorer.sql
create or replace function pgscore._program_best_bare_sql(program jsonb, positive integer, arguments text[]) returns pgscore.bare_expression
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    attempt record;
    found pgscore.bare_expression;
begin
    for attempt in
        select a.* from (values
            (1, true, 'Infinity'::double precision), (2, true, '1e300'), (3, false, 'Infinity'), (4, false, '1e300'),
            (5, false, '1e150'), (6, false, '1e100'), (7, false, '1e30')
        ) as a (ordinal, wild_ones, box)
        order by a.ordinal
    loop
        found := pgscore._program_bare_sql(program, positive, arguments, attempt.wild_ones, attempt.box);
        exit when found.expression is not null;
    end loop;
    return found;
end
$$;

comment on function pgscore._program_best_bare_sql(jsonb, integer, text[]) is
    'The SQL that guards least among those that serve; without an expression where none does';

comment on function pgscore._scorer_name(text, integer, text) is
    'A function or type of a version: no suffix: the score; b: bare; of a large program e: the expression, w: its trees walked; p: all outputs; i: the type of its inputs';

create or replace function pgscore._scan_call_typed_sql(
    model text, version integer, program jsonb, positive integer, arguments text[], ordinary boolean[]
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    call constant text := pgscore._scorer_call_typed_sql(model, version, program, positive, arguments, ordinary);
begin
    -- In a small ensemble's time the call shows, by a quarter; in a large one's it does not.
    if not pgscore._is_apart(program) or pgscore._program_size(program) > 3000
        or position(pgscore._scorer_name(model, version, 'b') in call) = 0
    then
        return call;
    end if;
    return format(
        E'case when pgscore._is_compiling()\n    then %s\n    else %s\nend', call,
        pgscore._scorer_call_typed_sql(model, version, program, positive, arguments, ordinary, 'e')
    );
end
$$;

create or replace function pgscore._scorer_expression_sql(
    model text, version integer, program jsonb, positive integer, bare pgscore.bare_expression, careful_call text,
    arguments text[], ordinary boolean[] default null, suffix text default 'b'
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wrapped constant text[] := array(
        select case when w.wrap is null or w.ordinary then w.argument else format(w.wrap, w.argument) end
        from unnest(bare.wraps, arguments, ordinary) with ordinality as w (wrap, argument, ordinary, ordinal)
        order by w.ordinal
    );
    call text;
begin
    if bare.expression is null then
        return careful_call;
    elsif jsonb_array_length(program -> 'inputs') <= 100 then
        call := format('%s(%s)', pgscore._scorer_name(model, version, suffix), array_to_string(wrapped, ', '));
    elsif wrapped = arguments then
        call := bare.expression;
    else
        -- A row as the argument would be copied into each reference to one of its fields.
        call := (pgscore._program_best_bare_sql(program, positive, wrapped)).expression;
    end if;
    if bare.guard is not null then
        call := format('case when %s then %s end', bare.guard, call);
    end if;
    if suffix = 'w' then
        return call;
    end if;
    -- What is NULL is missing or refused, or out of the ordinary.
    return format('coalesce(%s, %s)', call, careful_call);
end
$$;

comment on function pgscore._scorer_expression_sql(text, integer, jsonb, integer, pgscore.bare_expression, text, text[], boolean[], text) is
    'SQL for a score: the bare expression, or the function with that suffix, where the guard lets a row pass and it is sure, else the careful call; with w NULL there, for who asks in a second statement. An ordinary argument is not wrapped';

drop function pgscore._scorer_call_typed_sql(model text, version integer, program jsonb, positive integer, arguments text[], ordinary boolean[], suffix text, is_brief boolean);

create function pgscore._scorer_call_typed_sql(
    model text, version integer, program jsonb, positive integer, arguments text[], ordinary boolean[], suffix text default 'b'
) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return pgscore._scorer_expression_sql(
        model, version, program, positive, pgscore._program_best_bare_sql(program, positive, arguments),
        format(
            '(%s)[%s]',
            pgscore._scorer_call_sql(model, version, jsonb_array_length(program -> 'inputs'), arguments, true),
            coalesce(positive, 0) + 1
        ),
        arguments, ordinary, suffix
    );
end
$$;

comment on function pgscore._scorer_call_typed_sql(text, integer, jsonb, integer, text[], boolean[], text) is
    'The same as the score''s call, with less work where an argument is ordinary: of an integer type, boolean or real. For string bodies; past 100 inputs much faster than the call';

create or replace function pgscore._has_walked(model text, version integer) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_catalog.pg_proc p
        where p.pronamespace = 'pgscore_models'::regnamespace
            and 'pgscore_models.' || quote_ident(p.proname) = pgscore._scorer_name(model, version, 'w')
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
        join pg_catalog.pg_proc p
            on pgscore._scorer_name(model, version, s.suffix) = 'pgscore_models.' || quote_ident(p.proname)
        where p.pronamespace = 'pgscore_models'::regnamespace
        order by s.ordinal
    loop
        execute format('drop function %s', doomed.function);
    end loop;
    execute format('drop type if exists %s', pgscore._scorer_name(model, version, 'i'));
end
$$;

create or replace function pgscore._create_scorer(model text, version integer, program jsonb, positive integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    composite constant boolean := jsonb_array_length(program -> 'inputs') > 100;
    is_apart constant boolean := pgscore._is_apart(program);
    scorer constant text := pgscore._scorer_name(model, version);
    bare_name constant text := pgscore._scorer_name(model, version, 'b');
    expression_name constant text := pgscore._scorer_name(model, version, 'e');
    walked_name constant text := pgscore._scorer_name(model, version, 'w');
    careful_name constant text := pgscore._scorer_name(model, version, 'p');
    type_name constant text := pgscore._scorer_name(model, version, 'i');
    posture constant text := 'immutable parallel safe';
    -- PL/pgSQL plans an expression once in a session, and JIT does not see it. Without a pinned path, which would cost
    -- more than the call: every name has its schema.
    inlined constant text := 'create or replace function %s(%s) returns pg_catalog.float8 language sql %s return %s';
    apart constant text := 'create or replace function %s(%s) returns pg_catalog.float8 language plpgsql %s as %L';
    apart_body constant text := E'begin\n    return %s;\nend';
    scored text;
    fields text;
    declared text;
    types text;
    arguments text[];
    given text;
    bare pgscore.bare_expression;
    walked pgscore.bare_expression;
    careful_call text;
    says constant text := format('Model "%s" version %s: ', model, version);
begin
    select
        string_agg(format('a%s %s', i.ordinal, i.type), ', ' order by i.ordinal),
        string_agg(i.type, ', ' order by i.ordinal),
        array_agg(case when composite then format('(a).a%s', i.ordinal) else 'a' || i.ordinal end order by i.ordinal)
    into fields, types, arguments
    from (
        select e.ordinal, case e.value ->> 'type' when 'text' then 'pg_catalog.text' else 'pg_catalog.float8' end as type
        from jsonb_array_elements(program -> 'inputs') with ordinality as e (value, ordinal)
    ) i;
    declared := fields;
    given := array_to_string(arguments, ', ');
    if composite then
        declared := 'a ' || type_name;
        types := type_name;
        given := 'a';
    end if;
    -- What stands there already is replaced while it is in use: nothing that calls it has to wait, or to be planned anew.
    if (case when composite and to_regtype(type_name) is null then true else to_regprocedure(format('%s(%s)', scorer, types)) is null end) then
        perform pgscore._drop_scorer(model, version);
        if composite then
            perform pgscore._create_inputs_type(type_name, fields, says || 'its inputs');
        end if;
    end if;

    execute format(
        'create or replace function %s(%s) returns pg_catalog.float8[] language plpgsql %s set search_path = pg_catalog, pg_temp as %L',
        careful_name, declared, posture, pgscore._careful_body_sql(program, arguments)
    );
    perform pgscore._publish_function(format('%s(%s)', careful_name, types), says || 'all outputs, NULL where there is none');
    careful_call := format('(%s(%s))[%s]', careful_name, given, coalesce(positive, 0) + 1);

    bare := pgscore._program_best_bare_sql(program, positive, arguments);
    if bare.expression is not null and not composite then
        execute format(inlined, case when is_apart then expression_name else bare_name end, declared, posture, bare.expression);
        if is_apart then
            perform pgscore._publish_function(
                format('%s(%s)', expression_name, types), says || 'the expression of the score, for ordinary inputs only'
            );
            execute format(apart, bare_name, declared, posture, format(apart_body, format('%s(%s)', expression_name, given)));
            if pgscore._walked(program) is not null then
                walked := pgscore._program_best_bare_sql(pgscore._walked(program), positive, arguments);
            end if;
            if walked.expression is not null then
                execute format(apart, walked_name, declared, posture, format(apart_body, walked.expression));
                perform pgscore._publish_function(
                    format('%s(%s)', walked_name, types), says || 'the score, for ordinary inputs only, without a plan to make'
                );
            end if;
        end if;
        perform pgscore._publish_function(format('%s(%s)', bare_name, types), says || 'the score, for ordinary inputs only');
    end if;
    scored := pgscore._scorer_expression_sql(model, version, program, positive, bare, careful_call, arguments);
    if is_apart then
        execute format(apart, scorer, declared, posture, format(apart_body, scored));
    else
        execute format(inlined, scorer, declared, posture, scored);
    end if;
    perform pgscore._publish_function(format('%s(%s)', scorer, types), says || 'the score');
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
                and pgscore._scorer_name(v.model, v.version) = 'pgscore_models.' || quote_ident(f.proname)
        )
$$;

-- core/engine/_load_refusal.sql
create or replace function pgscore._load_refusal(
    model text, version integer, out sqlstate text, out message text, out hint text
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    piece record;
begin
    if to_regnamespace('pgscore_trusted') is null then
        sqlstate := '55000';
        message := 'it needs PL/Python, which this database does not have';
        hint := 'A superuser runs alembic upgrade plpython@head.';
        return;
    end if;
    for piece in
        select c.ordinal, c.content from pgscore.artifact_chunk c
        where c.model = _load_refusal.model and c.version = _load_refusal.version
        order by c.ordinal
    loop
        perform pgscore_trusted._receive(piece.ordinal, piece.content);
    end loop;
    if piece.ordinal is null then
        sqlstate := '55000';
        message := 'its artifact was pruned';
        hint := 'Publish the same file again to bring it back.';
        return;
    end if;
    select l.sqlstate, l.message, l.hint into sqlstate, message, hint
    from pgscore.model_version v,
        pgscore_trusted._load(
            v.contract::text, v.signature, v.key_id,
            array(
                select c.type from pgscore.confirmed_type c where c.model = v.model and c.version = v.version
            )
        ) l
    where v.model = _load_refusal.model and v.version = _load_refusal.version;
    hint := replace(replace(hint, '{model}', model), '{version}', version::text);
end
$$;

-- core/engine/_estimate.sql
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
    select e.scores, e.reasons into answer from pgscore_trusted._estimate(digest, rows, numbers, texts, every) e;
    if answer.scores is null then
        perform pgscore._load(model, version);
        select e.scores, e.reasons into answer from pgscore_trusted._estimate(digest, rows, numbers, texts, every) e;
        if answer.scores is null then
            raise exception 'model "%" version % cannot be loaded: it is not what its digest says', model, version
                using errcode = 'data_corrupted', hint = 'Publish the model again from its source.';
        end if;
    end if;
    return (version, answer.scores, answer.reasons)::pgscore.scored;
end
$$;

-- core/engine/_load_program.sql
create or replace function pgscore._load_program(model text, version integer) returns void
language plpgsql stable parallel safe security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    refusal record;
begin
    -- Here, because PL/Python would call it in a subtransaction, which parallel workers cannot have.
    perform pgscore_trusted._runtime();
    select l.sqlstate, l.message, l.hint into refusal
    from pgscore.program p, pgscore_trusted._load_program(p.program::text) l
    where p.model = _load_program.model and p.version = _load_program.version;
    if refusal.message is not null then
        raise exception 'model "%" version % cannot be interpreted: %', model, version, refusal.message
            using errcode = refusal.sqlstate, hint = refusal.hint;
    end if;
end
$$;

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
    if engine = 'estimator' then
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
    'SQL that scores a row with one engine of a version, its inputs given as SQL; with every, all outputs and the position of the label. Of the interpreter walk names what may answer NaN, and brief what may answer NULL, where this session has to read the program first; apart names nothing outside of pgscore. Of sql walk needs no plan, scan is for many rows, and inlined sets the expression up in each statement, as sessions do in each transaction';

-- core/engine/_engines.sql
create or replace function pgscore._engines(model text, version integer) returns text[]
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    size constant integer := (
        select p.size from pgscore.program p where p.model = _engines.model and p.version = _engines.version
    );
    found text[] := '{}';
begin
    if size is null then
        return array['estimator'];
    end if;
    if size <= pgscore._largest_sql_program() then
        found := found || 'sql'::text;
    end if;
    -- The schema stays where somebody drops the language.
    if to_regproc('pgscore_trusted._walk') is not null then
        found := found || 'interpreter'::text;
        -- With a program nothing depends on the artifact: neither on its signature nor on the server's packages.
        if pgscore._loadable(model, version) then
            found := found || 'estimator'::text;
        end if;
    end if;
    if found = '{}' then
        raise exception 'model "%" version % has a program of size %, the sql engine takes % at most, and this database has no PL/Python for another engine',
            model, version, size, pgscore._largest_sql_program()
            using errcode = 'program_limit_exceeded',
                  hint = 'Fit a smaller model, or have a superuser run alembic upgrade plpython@head.';
    end if;
    return found;
end
$$;

-- core/engine/_replay_estimator.sql
create or replace function pgscore._replay_estimator(model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    with asked as materialized (
        select
            v.digest,
            count(*)::integer as rows,
            -- Arrays without elements cannot be put together.
            array_agg(g.numbers order by g.ordinal) filter (where cardinality(g.numbers) > 0) as numbers,
            array_agg(g.texts order by g.ordinal) filter (where cardinality(g.texts) > 0) as texts,
            array_agg(g.ordinal order by g.ordinal) as ordinals,
            case v.contract #>> '{output,kind}'
                when 'probability' then jsonb_array_length(v.contract #> '{output,classes}') + 1
                else 1
            end as width,
            v.contract #>> '{output,kind}' as kind,
            (v.contract #>> '{output,positive}')::integer as positive
        from pgscore.model_version v
        cross join lateral (
            select
                r.ordinal,
                pgscore._payload_numbers(v.contract -> 'inputs', r.inputs) as numbers,
                pgscore._payload_texts(v.contract -> 'inputs', r.inputs) as texts
            from pgscore.golden_row r
            where r.model = v.model and r.version = v.version and r.ordinal between first and last
        ) g
        where v.model = _replay_estimator.model and v.version = _replay_estimator.version
        group by v.digest, v.contract
    ),
    answered as materialized (
        select
            a.width, a.ordinals, a.kind, a.positive,
            pgscore._estimate(
                _replay_estimator.model, _replay_estimator.version, a.digest, a.rows, a.numbers, a.texts, true
            ) as scored
        from asked a
    ),
    rows as (
        select
            a.ordinals[r.position] as ordinal, a.kind, a.positive, r.reason,
            (a.scored).scores[(r.position - 1) * a.width + 1 : r.position * a.width] as outputs
        from answered a, unnest((a.scored).reasons) with ordinality as r (reason, position)
    )
    -- One call for both: the score is one of the outputs.
    select
        r.ordinal,
        case r.kind
            when 'probability' then r.outputs[r.positive + 1]
            when 'indicator' then (r.outputs[1] = r.positive)::integer
            else r.outputs[1]
        end,
        r.reason, r.outputs
    from rows r
$$;

comment on function pgscore._replay_estimator(text, integer, integer, integer) is
    'Scores and outputs that the estimator engine gives for some golden rows of a version, in one call';

-- core/engine/_replay.sql
create or replace function pgscore._replay(engine text, model text, version integer, first integer, last integer) returns table (
    ordinal integer, score double precision, reason text, outputs double precision[]
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    arguments constant text[] := (
        select pgscore._payload_arguments(v.contract -> 'inputs', 'g.inputs')
        from pgscore.model_version v
        where v.model = _replay.model and v.version = _replay.version
    );
begin
    if engine = 'estimator' then
        return query select r.* from pgscore._replay_estimator(model, version, first, last) r;
        return;
    end if;
    return query execute format(
        'select g.ordinal, %s, null::text, %s from pgscore.golden_row g where g.model = $1 and g.version = $2'
            ' and g.ordinal between $3 and $4',
        pgscore._engine_call(engine, model, version, arguments),
        pgscore._engine_call(engine, model, version, arguments, true)
    )
    using model, version, first, last;
end
$$;

-- core/engine/_golden_differences.sql
create or replace function pgscore._golden_differences(
    model text, version integer, max_seconds double precision default 'Infinity', engines text[] default null
) returns table (
    engine text, ordinal integer, expected double precision, score double precision, reason text,
    difference double precision, ok boolean
)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    began constant timestamptz := clock_timestamp();
    last_row constant integer := (
        select max(g.ordinal) from pgscore.golden_row g
        where g.model = _golden_differences.model and g.version = _golden_differences.version
    );
    named text;
    first integer;
    last integer;
    turn_began timestamptz;
    seconds double precision;
    step integer;
begin
    foreach named in array coalesce(engines, pgscore._engines(model, version)) loop
        first := 1;
        step := 10;
        -- The clock is looked at between some rows and the next: a timeout that is set in here would interrupt nothing.
        while first <= last_row loop
            turn_began := clock_timestamp();
            last := least(first + step - 1, last_row);
            return query
            with replayed as materialized (
                select r.* from pgscore._replay(named, _golden_differences.model, _golden_differences.version, first, last) r
            ),
            compared as (
                select
                    g.ordinal, g.expected, r.score, r.reason, g.scale,
                    greatest(
                        pgscore._distance(g.expected, r.score),
                        (
                            select max(pgscore._distance(o.expected, o.output))
                            from unnest(g.outputs, r.outputs) as o (expected, output)
                            where g.outputs is not null
                        )
                    ) as difference
                from pgscore.golden_row g
                join replayed r on r.ordinal = g.ordinal
                where g.model = _golden_differences.model and g.version = _golden_differences.version
            )
            -- The same estimator may differ in the last bits when another processor's arithmetic adds in another order,
            -- and a sum of large terms in more of them.
            select named, c.ordinal, c.expected, c.score, c.reason, c.difference,
                -- Of an infinite score everything would be a small part.
                c.difference = 0
                    or c.difference < 'Infinity' and c.difference <= 1e-12 * greatest(1, abs(c.expected), c.scale)
            from compared c;
            seconds := extract(epoch from clock_timestamp() - began);
            if seconds > max_seconds then
                raise exception 'model "%" version % takes too long: % seconds to golden row % of % in the % engine, and % are allowed',
                    model, version, round(seconds::numeric, 1), last, last_row, named, max_seconds
                    using errcode = 'program_limit_exceeded',
                          hint = '--max-seconds, or max_seconds of pgscore.promote, allows more.';
            end if;
            step := case
                when clock_timestamp() < turn_began + interval '50 milliseconds' then least(10 * step, 1000)
                else greatest(step / 4, 1)
            end;
            first := last + 1;
        end loop;
    end loop;
end
$$;

create or replace function pgscore._measure(
    model text, version integer, engines text[], max_seconds double precision
) returns table (engine text, one_us double precision[], many_us double precision[])
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- A plan that is kept is what a trigger has. To compile one would take longer than all that is measured.
set plan_cache_mode = 'force_generic_plan'
set jit = off
as $$
declare
    described constant jsonb := (
        select v.contract -> 'inputs' from pgscore.model_version v
        where v.model = _measure.model and v.version = _measure.version
    );
    allowed constant interval := least(max_seconds, 3) * interval '1 second';
    began constant timestamptz := clock_timestamp();
    numbers double precision[];
    texts text[];
    count integer;
    source text;
    arguments text[];
    one jsonb;
    many jsonb;
    rows integer;
begin
    -- Rows that have a score: the others end before they cost anything.
    select count(*), array_agg(g.numbers) filter (where cardinality(g.numbers) > 0),
        array_agg(g.texts) filter (where cardinality(g.texts) > 0)
    into count, numbers, texts
    from (
        select pgscore._payload_numbers(described, g.inputs) as numbers, pgscore._payload_texts(described, g.inputs) as texts
        from pgscore.golden_row g
        where g.model = _measure.model and g.version = _measure.version and g.expected is not null
        order by g.ordinal
        limit 100
    ) g;
    if count = 0 then
        return;
    end if;
    select
        format('from (select %s from generate_series(1, $3) as g (i) offset 0) r', string_agg(
            format('%s[1 + mod(i, %s)][%s] as a%s', case when c.is_text then '($2)' else '($1)' end, count, c.position, c.ordinal),
            ', ' order by c.ordinal
        )),
        array_agg('r.a' || c.ordinal order by c.ordinal)
    into source, arguments
    from (
        select
            i.ordinal, i.input ->> 'type' = 'text' as is_text,
            row_number() over (partition by i.input ->> 'type' = 'text' order by i.ordinal) as position
        from jsonb_array_elements(described) with ordinality as i (input, ordinal)
    ) c;
    one := (
        select jsonb_object_agg(engines[t.query], t.times)
        from pgscore._time_in_turn(
            pgscore._measured_queries(model, version, engines, 'inlined', 'select %s ' || source, arguments),
            numbers, texts, 1, 30, began + allowed / 2
        ) t
    );
    -- What takes long for one row is not asked for many: half a second's worth.
    rows := (
        select least(2000, greatest(20, 5e5 / greatest(max(t.least_time), 1)))
        from (select min(u::double precision) as least_time from jsonb_each(one) e, jsonb_array_elements(e.value) u group by e.key) t
    );
    many := (
        select jsonb_object_agg(engines[t.query], t.times)
        from pgscore._time_in_turn(
            pgscore._measured_queries(model, version, engines, null, 'select count(%s) ' || source, arguments),
            numbers, texts, rows, 5, began + allowed
        ) t
    );
    return query
    select
        e, array(select u::double precision from jsonb_array_elements(one -> e) u),
        array(select u::double precision / rows from jsonb_array_elements(many -> e) u)
    from unnest(engines) e;
end
$$;

create or replace function pgscore._choose_engines(
    model text, version integer, named text, max_seconds double precision default 10,
    out one_engine text, out many_engine text, out measured jsonb
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    engines constant text[] := pgscore._engines(model, version);
    -- What has no score to measure, or one engine only, needs no choice; and scikit-learn is the last resort, since each
    -- new connection pays seconds for it: it is not even timed beside others.
    candidates constant text[] := coalesce(nullif(array_remove(engines, 'estimator'), '{}'), engines);
begin
    if named is not null and named <> all (engines) then
        raise exception 'model "%" version % has no engine "%" in this database', model, version, named
            using errcode = 'invalid_parameter_value', hint = format('It has %s.', array_to_string(engines, ', '));
    end if;
    with times as materialized (
        select e.engine, coalesce(m.one_us, '{}') as one_us, coalesce(m.many_us, '{}') as many_us
        from unnest(candidates) as e (engine)
        left join pgscore._measure(model, version, candidates, coalesce(max_seconds, 'Infinity')) m on m.engine = e.engine
    )
    select
        coalesce(named, pgscore._choose_engine(jsonb_object_agg(t.engine, t.one_us))),
        coalesce(named, pgscore._choose_engine(jsonb_object_agg(t.engine, t.many_us))),
        -- As text: JSON has no infinity.
        jsonb_object_agg(t.engine, jsonb_build_array(
            coalesce((select min(u) from unnest(t.one_us) u), 'Infinity')::text,
            coalesce((select min(u) from unnest(t.many_us) u), 'Infinity')::text
        ))
    into one_engine, many_engine, measured
    from times t;
end
$$;

-- core/functions/_publish.sql
create or replace function pgscore._publish(
    model text, digest text, sha256 text, size bigint, format text, contract jsonb, signature bytea, key_id text,
    metrics jsonb, golden jsonb, program jsonb, out version integer, out created boolean, out wanted boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    problem text;
begin
    if model is null or model !~ '^[a-z_][a-z0-9_]*$' or octet_length(model) > 50 then
        raise exception 'model name % is no identifier: lower-case letters, digits and _, at most 50',
            coalesce('"' || model || '"', 'NULL')
            using errcode = 'invalid_name';
    end if;
    if jsonb_array_length(golden) = 0 then
        raise exception 'model "%" comes without golden rows, and nothing is promoted unproved', model
            using errcode = 'invalid_parameter_value';
    end if;
    problem := case
        when program is not null then coalesce(
            pgscore._program_problem(program), pgscore._program_contract_problem(program, contract)
        )
    end;
    if problem is not null then
        raise exception 'the program of model "%" is refused: %', model, problem
            using errcode = 'invalid_parameter_value', hint = 'docs/program.md describes programs.';
    end if;
    insert into pgscore.model (name) values (model) on conflict do nothing;
    -- Versions are numbered one after the other. Not by a lock on the model's row: a publication that is left open would
    -- stand in the way of promotions. Whoever takes the same number, or publishes the same, waits and looks again.
    loop
        select v.version into version
        from pgscore.model_version v
        where v.model = _publish.model and v.digest = _publish.digest
            and (_publish.key_id is null or v.key_id = _publish.key_id)
        order by v.version desc
        limit 1;
        created := not found;
        exit when not created;
        select coalesce(max(v.version), 0) + 1 into version from pgscore.model_version v where v.model = _publish.model;
        begin
            insert into pgscore.model_version (
                model, version, digest, sha256, size, format, contract, signature, key_id, metrics
            ) values (
                _publish.model, _publish.version, _publish.digest, _publish.sha256, _publish.size, _publish.format,
                _publish.contract, _publish.signature, _publish.key_id, coalesce(_publish.metrics, '{}')
            );
            exit;
        exception when unique_violation then
            -- An older snapshot would never see what is there now.
            if current_setting('transaction_isolation') <> 'read committed' then
                raise;
            end if;
        end;
    end loop;
    if created then
        insert into pgscore.golden_row (model, version, ordinal, inputs, expected, outputs, scale)
        select
            _publish.model, _publish.version, g.ordinal, g.line -> 'inputs', (g.line ->> 'expected')::double precision,
            case when jsonb_typeof(g.line -> 'outputs') = 'array' then
                array(
                    select o.output::double precision
                    from jsonb_array_elements_text(g.line -> 'outputs') with ordinality as o (output, position)
                    order by o.position
                )
            end,
            coalesce((g.line ->> 'scale')::double precision, 0)
        from jsonb_array_elements(golden) with ordinality as g (line, ordinal);
        if program is not null then
            perform pgscore._store_program(model, version, program);
        end if;
    else
        -- An artifact that was pruned may come back, as its version stays the same.
        update pgscore.retirement r set pruned_at = null, pruned_by = null
        where r.model = _publish.model and r.version = _publish.version and r.pruned_at is not null;
        wanted := found;
    end if;
    wanted := created or wanted;
    if wanted then
        perform pgscore._compile_program(model, version);
    end if;
end
$$;

-- core/functions/scoring.sql
-- The text of the functions that answer for a model: by JSON, by rows of a profile table, and the ones in front of
-- them, which choose by the model's name. Those that are inlined are parsed under the caller's search_path, so
-- everything in them names its schema, operators too.
--
-- A function for rows of a table names a version. Whether that one answers, it asks "churn serving"(), which each
-- promotion replaces and the planner folds away. So a function that a promotion could not replace is slow, not wrong.

create or replace function pgscore._model_functions(model text) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    serving record;
    payload text[];
    split record;
    posture text;
    score text;
begin
    select
        v.version, v.contract -> 'inputs' as inputs, v.contract -> 'output' as output, m.one_engine, v.digest,
        pgscore._first_engine(m.name) as first_engine
    into strict serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _model_functions.model;
    posture := 'sql stable parallel ' || case serving.one_engine when 'estimator' then 'restricted' else 'safe' end;
    payload := pgscore._payload_arguments(serving.inputs, '$1');
    score := pgscore._lasting_call(serving.first_engine, serving.one_engine, model, serving.version, payload);
    split := pgscore._split_arguments(serving.inputs, payload);

    -- Stable, not immutable: plans depend on functions that were inlined, and not on constants that were computed.
    return next (
        pgscore._model_function(model, 'serving'), '{}', '{}', 'integer', 'sql stable parallel safe',
        'select ' || serving.version,
        format('Model "%s" version %s: the number of the version that answers', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, ''), '{payload}', '{jsonb}', 'double precision', posture,
        'select ' || score,
        format('Model "%s" version %s: a row as JSON', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'predict'), '{payload}', '{jsonb}', 'jsonb', posture,
        format(
            'select pgscore._prediction(%s, %L, %s)', serving.version, serving.output,
            pgscore._lasting_call(serving.first_engine, serving.one_engine, model, serving.version, payload, true)
        ),
        format('Model "%s" version %s: label and class probabilities, or value, of a row as JSON', model, serving.version)
    )::pgscore.generated_function;
    return next (
        pgscore._model_function(model, 'scored'), '{payload}', '{jsonb}', 'pgscore.scored',
        'plpgsql stable parallel restricted set search_path = pg_catalog, pg_temp',
        case serving.one_engine
            when 'estimator' then format(
                E'begin\n    return pgscore._estimate(%L, %s, %L, 1, %s, %s);\nend', model, serving.version, serving.digest,
                split.numbers, split.texts
            )
            else format(
                E'declare\n    score constant double precision := %s;\nbegin\n'
                    '    return (%s, array[score], array[case when score is null then pgscore._reason(%L, %s, %s, %s) end])'
                    '::pgscore.scored;\nend',
                score, serving.version, model, serving.version, split.numbers, split.texts
            )
        end,
        format('Model "%s" version %s: a row as JSON, with the version and the reason of a refusal', model, serving.version)
    )::pgscore.generated_function;
end
$$;

create or replace function pgscore._lasting_call(
    first_engine text, one_engine text, model text, version integer, arguments text[], every boolean default false
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if first_engine = one_engine then
        return pgscore._engine_call(one_engine, model, version, arguments, every);
    end if;
    -- Queries count nothing, since what is counted cannot be in parallel workers; they follow what a binding has counted.
    return format(
        E'case when pgscore._can_interpret()\n    then %s\n    else %s\nend',
        pgscore._engine_call(one_engine, model, version, arguments, every, manner => 'apart'),
        pgscore._engine_call(first_engine, model, version, arguments, every)
    );
end
$$;

comment on function pgscore._model_function(text, text) is
    'The name of a function of a model''s: no word: the score; serving: the version; rows, rescore: what bindings ask; predict, scored: by JSON';

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
    into strict serving
    from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where m.name = _profile_functions.model;
    says := format('Model "%s" version %s: ', model, serving.version);
    select p.* into problem from pgscore._profile_problem(profile, serving.inputs) p;
    if problem.message is null then
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
    return next (
        pgscore._model_function(model, ''), '{profile}', array[row_type], 'double precision', many_posture, score,
        format('%sa row of %s', says, profile)
    )::pgscore.generated_function;
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
    'The functions of a model that take rows of one profile table, naming the version that serves; where a column is missing, they say so';

create function pgscore._lasting_rescore_sql(
    model text, version integer, one_engine text, profile regclass, inputs jsonb, ordinary boolean[], is_current text, late text
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    arguments constant text[] := pgscore._profile_arguments(profile, inputs, '($2)');
    -- The table's number makes each plan depend on it: a change of its columns reaches open sessions.
    bound constant text := format('pg_catalog.pg_typeof(%L::pg_catalog.regclass) is not null', profile::oid);
    positive constant integer := (
        select (v.contract #>> '{output,positive}')::integer from pgscore.model_version v
        where v.model = _lasting_rescore_sql.model and v.version = _lasting_rescore_sql.version
    );
    sql_call constant text := pgscore._engine_call('sql', model, version, arguments, false, ordinary);
    interpreting text := '';
    walking text := '';
begin
    if one_engine = 'interpreter' then
        interpreting := format(
            $body$
    if mark operator(pg_catalog.=) 'on' then
        -- PL/Python has been paid for in this session, or is now. Where it does not work, sql goes on.
        begin
            score := case when %1$s then %2$s end;
            if score operator(pg_catalog.=) 'NaN' then
                -- This session does not have the program yet.
                score := case when %1$s then %3$s end;
            end if;
            return array[score, %4$s::pg_catalog.float8];
        exception
            when transaction_rollback then raise;
            when others then mark := pgscore._stop_interpreting(%5$L, sqlerrm);
        end;
    end if;$body$,
            bound, pgscore._engine_call('interpreter', model, version, arguments, manner => 'walk'),
            pgscore._engine_call('interpreter', model, version, arguments, manner => 'apart'), version, model
        );
    end if;
    if pgscore._has_walked(model, version) then
        -- In a statement of its own, so that most sessions do not plan what few rows need.
        walking := format(
            $body$
        score := case when %1$s then %2$s end;
        if score is null then
            score := case when %1$s then (%3$s)[%4$s] end;
        end if;
        return array[score, %5$s::pg_catalog.float8];$body$,
            bound, pgscore._engine_call('sql', model, version, arguments, false, ordinary, 'walk'),
            pgscore._scorer_call_sql(model, version, cardinality(arguments), arguments, true), coalesce(positive, 0) + 1, version
        );
    end if;
    return format(
        $body$declare
    score pg_catalog.float8;
    mark pg_catalog.text := pg_catalog.current_setting('pgscore.lasting', true);
begin
    if not %1$s then
        return %2$s;
    elsif not $3 then
        if not (%3$s and (%4$s)) then
            return null;
        end if;
    end if;%5$s
    if mark is null or not mark operator(pg_catalog.=) any ('{on,sql}'::pg_catalog.text[]) then
        -- A session that scores a few rows only plans and starts as little as it can. After the ninth it lasts.
        mark := pg_catalog.set_config(
            'pgscore.lasting',
            case when pg_catalog.length(mark) operator(pg_catalog.>=) 8 then 'on' else pg_catalog.concat(mark, '.') end, false
        );%6$s
    end if;
    return array[case when %3$s then %7$s end, %8$s::pg_catalog.float8];
end$body$,
        is_current, late, bound, pgscore._inputs_differ(profile, inputs, '($1)', '($2)'), interpreting, walking, sql_call, version
    );
end
$$;

comment on function pgscore._lasting_rescore_sql(text, integer, text, regclass, jsonb, boolean[], text, text) is
    'The body of a function that scores a row of a profile table: without a plan to make at first, and in sessions that last with the engine that was chosen';

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
        split := pgscore._split_arguments(inputs, row_arguments);
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

create or replace function pgscore._payload_dispatch() returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    models text[];
    posture text;
begin
    -- As safe as the least safe of what it calls.
    select
        coalesce(array_agg(m.name order by m.name), '{}'),
        'sql stable parallel ' || case when bool_or('estimator' = m.one_engine) then 'restricted' else 'safe' end
    into models, posture
    from pgscore.model m
    where m.serving is not null;
    return next (
        'pgscore.score', '{model,payload}', '{text,jsonb}', 'double precision', posture,
        pgscore._chosen(models, '', '$2', 'pgscore._no_answer($1)'),
        'The score that a model''s serving version gives for a row as JSON'
    )::pgscore.generated_function;
    return next (
        'pgscore.predict', '{model,payload}', '{text,jsonb}', 'jsonb', posture,
        pgscore._chosen(models, 'predict', '$2', 'pg_catalog.to_jsonb(pgscore._no_answer($1))'),
        'What a model''s serving version says of a row as JSON: label and class probabilities, or value'
    )::pgscore.generated_function;
    return next (
        'pgscore._scored', '{model,payload}', '{text,jsonb}', 'pgscore.scored', 'sql stable parallel restricted',
        pgscore._chosen(models, 'scored', '$2', 'null::pgscore.scored'),
        'The score of a row as JSON, the version that gave it and the reason of a refusal; NULL where no version is promoted'
    )::pgscore.generated_function;
end
$$;

create or replace function pgscore._profile_dispatch(profile regclass) returns setof pgscore.generated_function
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    models text[];
    many_posture text;
    rescore_posture text;
    row_type constant text := profile::text;
begin
    select
        coalesce(array_agg(m.name order by m.name), '{}'),
        'sql stable parallel ' || case when bool_or('estimator' = m.many_engine) then 'restricted' else 'safe' end,
        case
            when bool_or(pgscore._counts_scores(m.name)) then 'sql volatile parallel unsafe'
            when bool_or('estimator' = m.one_engine) then 'sql stable parallel restricted'
            else 'sql stable parallel safe'
        end
    into models, many_posture, rescore_posture
    from pgscore.model m
    join pgscore._scored_tables() t on t.model = m.name and t.profile = _profile_dispatch.profile
    where m.serving is not null
        -- What a promotion had to leave out.
        and to_regprocedure(format('%s(%s[])', pgscore._model_function(m.name, 'rows'), row_type)) is not null;
    return next (
        'pgscore.score', '{model,profile}', array['text', row_type], 'double precision', many_posture,
        pgscore._chosen(models, '', '$2', 'pgscore._late_score($1, $2)'),
        format('The score that a model''s serving version gives for a row of %s', profile)
    )::pgscore.generated_function;
    return next (
        'pgscore._rescore', '{model,former,present,forced}', array['text', row_type, row_type, 'boolean'], 'double precision[]',
        rescore_posture, pgscore._chosen(models, 'rescore', '$2, $3, $4', 'pgscore._late_rescore($1, $3)'),
        format('Score and version of a row of %s; NULL if what the model reads has not changed, or no version is promoted', profile)
    )::pgscore.generated_function;
    return next (
        'pgscore._score_rows', '{model,profiles}', array['text', row_type || '[]'], 'pgscore.scored',
        'sql stable parallel restricted', pgscore._chosen(models, 'rows', '$2', 'pgscore._late_rows($1, $2)'),
        format('Scores of rows of %s and the version that gave them; NULL where no version is promoted', profile)
    )::pgscore.generated_function;
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
    from pgscore.model m, pgscore._profile_functions(m.name, profile) f
    where m.name = any (scored) and m.name = any (models) and m.serving is not null;
    if cardinality(scored) > 0 or to_regprocedure(format('pgscore._score_rows(text, %s[])', profile)) is not null then
        perform pgscore._create_function(f) from pgscore._profile_dispatch(profile) f;
    end if;
    perform pgscore._drop_functions(profile, scored);
end
$$;

drop function pgscore._generate_profile(profile regclass, only_model text);

create function pgscore._generate_profile(profile regclass) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
    perform pgscore._note_tables();
    for attempt in 1 .. 3 loop
        begin
            perform pgscore._replace_profile(
                profile, array(select t.model from pgscore._scored_tables() t where t.profile = _generate_profile.profile)
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

comment on function pgscore._generate_profile(regclass) is
    'Generates the functions for rows of a table anew, from the models that score it; what is right stays as it is';

grant execute on function pgscore._generate_profile(regclass) to pgscore_reader;

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
            when m.serving is null then false
            -- Without it not even the names of functions are found.
            when has_schema_privilege(c.relnamespace, 'usage') then exists (
                select from pgscore._profile_functions(m.name, t.profile) f where not pgscore._is_generated(f)
                union all
                select from pgscore._profile_dispatch(t.profile) f where not pgscore._is_generated(f)
            )
            else true
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
    perform pgscore._generate_profile(profile);
end
$$;

-- core/functions/dependents.sql
-- What holds a score. PostgreSQL inlines a score to an immutable expression, and so lets it into indexes and the like.
-- What is stored there is of the version that answered, and a promotion makes it wrong. This reads the catalog, and
-- evaluates nothing of anybody's. Expressions are looked at as PostgreSQL keeps them: to have them written out would
-- lock tables.

create or replace function pgscore._answers() returns table (called oid, model text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Functions of one version, "churn 7" and its kind, stay what they are.
    select p.oid, split_part(p.proname, ' ', 1)
    from pg_catalog.pg_proc p
    where p.pronamespace = to_regnamespace('pgscore_models') and split_part(p.proname, ' ', 2) !~ '^[0-9]'
    union all
    select p.oid, null
    from pg_catalog.pg_proc p
    where p.pronamespace = 'pgscore'::regnamespace
        and p.proname in (
            'score', 'predict', '_scored', '_score_row', '_score_rows', '_rescore', '_late_score', '_late_rows',
            '_late_rescore'
        )
$$;

create or replace function pgscore._written_models(body text, path text) returns setof text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select distinct f.found[1]
    from (
        select regexp_matches(
            body,
            case when path ~ 'pgscore' then E'(?:pgscore\\s*\\.\\s*|\\m)' else E'pgscore"?\\s*\\.\\s*' end
                || E'"?(?:score|predict|_scored|_score_rows?|_rescore)"?\\s*\\('
                || E'(?:\\s*(?:model\\s*(?:=>|:=)\\s*)?''([a-z_][a-z0-9_]*)''(?:\\s*::\\s*text)?\\s*,)?',
            'gi'
        )
        union all
        select array[split_part(coalesce(m.found[1], m.found[2]), ' ', 1)]
        from regexp_matches(body, E'pgscore_models"?\\s*\\.\\s*(?:"([^"]+)"|([a-z_][a-z0-9_]*))', 'gi') as m (found)
        where split_part(coalesce(m.found[1], m.found[2]), ' ', 2) !~ '^[0-9]'
    ) f (found)
$$;

-- core/functions/release.sql
-- Which version answers. What takes long, replaying golden rows and measuring, comes first and is bounded in time; then
-- promotions, rollbacks, retirements and prunings wait for each other at pgscore.promotion, which only they lock.

create function pgscore._prove(model text, version integer, max_seconds double precision) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    worst record;
begin
    perform pgscore._refuse_pruned(model, version);
    select d.* into worst
    from pgscore._golden_differences(_prove.model, _prove.version, coalesce(max_seconds, 'Infinity')) d
    where d.ok is not true
    order by d.difference desc, d.ordinal
    limit 1;
    if found then
        raise exception 'model "%" version % is not promoted: golden row % gives % in the % engine, and the fitted estimator gave %',
            model, version, worst.ordinal, coalesce(worst.score::text, 'NULL'), worst.engine,
            coalesce(worst.expected::text, 'NULL')
            using errcode = 'data_exception',
                  detail = coalesce(worst.reason, format('They differ by %s.', worst.difference)),
                  hint = '`pgscore doctor` compares the libraries.';
    end if;
end
$$;

comment on function pgscore._prove(text, integer, double precision) is
    'Replays the golden rows of a version in each of its engines; refused where one differs, with the worst row, or where it takes longer';

create or replace function pgscore._serve(
    model text, version integer, engine text, one_engine text default null, many_engine text default null
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if one_engine is null then
        select c.one_engine, c.many_engine into one_engine, many_engine
        from pgscore._choose_engines(_serve.model, _serve.version, _serve.engine) c;
    end if;
    update pgscore.model m
    set serving = _serve.version, engine = _serve.engine, one_engine = _serve.one_engine, many_engine = _serve.many_engine
    where m.name = _serve.model;
    perform pgscore._create_function(f) from pgscore._model_functions(model) f;
    perform pgscore._create_function(f) from pgscore._payload_dispatch() f;
    perform pgscore._replace_profiles(model);
end
$$;

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
end
$$;

create or replace function pgscore.promote(
    model text, version integer, engine text default null, max_seconds double precision default 10,
    despite_dependents boolean default false
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    chosen record;
begin
    version := pgscore._existing_version(model, coalesce(version, 0));
    perform pgscore._prove(model, version, max_seconds);
    select c.* into chosen from pgscore._choose_engines(promote.model, promote.version, promote.engine, max_seconds) c;
    -- With the same version another engine may differ in the last digit, which is enough for an index.
    if despite_dependents is not true and exists (
        select from pgscore.model m
        where m.name = promote.model
            and (m.serving, m.one_engine, m.many_engine) <> (promote.version, chosen.one_engine, chosen.many_engine)
    ) then
        perform pgscore._refuse_dependents(
            model, version, format(
                'select pgscore.promote(%L, %s%s, despite_dependents => true)', model, version,
                case when engine is null then '' else format(', %L', engine) end
            )
        );
    end if;
    perform pgscore._lock_releases();
    perform pgscore._refuse_pruned(model, version);
    if exists (select from pgscore.retirement r where r.model = promote.model and r.version = promote.version) then
        raise exception 'model "%" version % is retired', model, version
            using errcode = 'object_not_in_prerequisite_state',
                  hint = format('`pgscore retire %s %s --undo` takes that back.', model, version);
    end if;
    if version is distinct from (select m.serving from pgscore.model m where m.name = promote.model) then
        insert into pgscore.promotion (model, version) values (promote.model, promote.version);
    end if;
    perform pgscore._note_measurements(model, version, chosen.measured);
    perform pgscore._serve(model, version, engine, chosen.one_engine, chosen.many_engine);
end
$$;

create or replace function pgscore.rollback(
    model text, max_seconds double precision default 10, despite_dependents boolean default false
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    target integer;
    chosen record;
begin
    perform pgscore._existing_version(model, null);
    target := pgscore._rollback_target(model);
    if target is not null then
        perform pgscore._prove(model, target, max_seconds);
        select c.* into chosen from pgscore._choose_engines(model, target, null, max_seconds) c;
        if despite_dependents is not true then
            perform pgscore._refuse_dependents(
                model, target, format('select pgscore.rollback(%L, despite_dependents => true)', model)
            );
        end if;
    end if;
    perform pgscore._lock_releases();
    if target is distinct from pgscore._rollback_target(model) then
        raise exception 'another version of model "%" was promoted meanwhile: nothing was rolled back', model
            using errcode = 'serialization_failure', hint = 'Look which one answers, and roll back again if it should not.';
    elsif target is null then
        raise exception 'model "%" has no version to go back to', model
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Only promotions can be taken back; `pgscore show` lists the versions that can be promoted.';
    end if;
    perform pgscore._refuse_pruned(model, target);
    update pgscore.promotion p
    set rolled_back_at = now(), rolled_back_by = session_user
    where p.model = rollback.model and p.rolled_back_at is null
        and p.id > (
            select max(t.id) from pgscore.promotion t
            where t.model = rollback.model and t.version = target and t.rolled_back_at is null
        );
    -- It answers again, whatever was thought of it meanwhile.
    delete from pgscore.retirement r where r.model = rollback.model and r.version = target;
    perform pgscore._note_measurements(model, target, chosen.measured);
    perform pgscore._serve(model, target, null, chosen.one_engine, chosen.many_engine);
    return target;
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
                and 'pgscore_models.' || quote_ident(f.proname) = pgscore._scorer_name(v.model, v.version)
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

create or replace function pgscore._primary_key(relation regclass) returns name[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(a.attname order by k.ordinal)
    from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
    join pg_catalog.pg_attribute a on a.attnum = k.number
    where i.indrelid = relation and i.indisprimary and a.attrelid = relation and k.ordinal <= i.indnkeyatts
$$;

create or replace function pgscore._partitions(relation regclass) returns setof regclass
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Statement triggers of a parent do not fire for rows that go into a partition directly, and those of both do not
    -- fire twice for one statement.
    select relation
    union
    select p.relid from pg_catalog.pg_partition_tree(relation) p
$$;

create or replace function pgscore._bindings_of(profile regclass) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.* from pgscore.binding b
    where b.profile = _bindings_of.profile and exists (select from pg_catalog.pg_class c where c.oid = b.events)
    order by b.number
$$;

create or replace function pgscore._targets_of(profile regclass) returns setof pgscore.binding
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A model that several bindings name is asked once; the first of them stands for it.
    select distinct on (b.model) b.* from pgscore._bindings_of(profile) b order by b.model, b.number
$$;

create or replace function pgscore._reducers_of(b pgscore.binding) returns setof pgscore.reducer_sql
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select r.*
    from jsonb_array_elements(b.reducers) with ordinality as e (reducer, ordinal),
        pgscore._reducer(e.reducer, e.ordinal::integer, b.events, b.profile, b.event_key) as r
    order by e.ordinal
$$;

-- core/binding/templates/insert.sql
create or replace function pgscore._insert_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: rows that come into {{events}} move {{profile}}. Generated; change it with pgscore.attach.
<<here>>
declare
    many boolean;
    {{declared}}
begin
    begin
        -- One event is what most statements bring, and to group it costs more than all the rest. No other columns are read
        -- or written below, or at commit, so what is wrong with them is found here, and said in one sentence.
        perform {{read}}
        from pgscore_new e offset 1;
        many := found;
    exception when others then
        {{unfit}}
    end;
    if many then
        {{insert_many}}
    else
        {{insert_one}}
    end if;
    return null;
end
$template$ $function$;

create or replace function pgscore._queue_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Folded by profile. The first row runs what is to be done with all of them.
insert into {{queue}}
    (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
select
    {{number}}, 'move', case when row_number() over () = 1 then '{{timing}}' end,
    {{folded_names}}
from (
    select {{folded}}
    from {{source}}
    where {{present}}
    group by {{event_keys}}
    {{having}}
) f;
$template$ $function$;

create function pgscore._queue_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
insert into {{queue}}
    (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
select {{number}}, 'move', '{{timing}}', {{ones}}
from {{source}}
where {{worth_one}};
$template$ $function$;

comment on function pgscore._queue_one_template() is
    'Template: the statement that queues the event of a statement that brought only one';

grant execute on function pgscore._queue_one_template() to pgscore_reader;

create function pgscore._move_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
select {{ones}} into {{variables}}
from {{source}}
where {{worth_one}};
if not found then
    return null;
elsif not {{recounted}} then
    update {{profile}} p set {{moved}}
    where {{match_variables}};
    if found then
        return null;
    end if;
end if;
-- No profile, or events of this statement were counted before: that is more than one UPDATE.
insert into {{queue}}
    (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
values ({{number}}, 'move', 'statement', {{variables}});
$template$ $function$;

comment on function pgscore._move_one_template() is
    'Template: what a trigger function does with one event where work is done at the end of each statement';

grant execute on function pgscore._move_one_template() to pgscore_reader;

create or replace function pgscore._queue_change_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
insert into {{queue}}
    (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
select
    {{number}}, {{task}}, case when row_number() over () = 1 then '{{timing}}' end,
    {{folded_names}}
from (
    select {{signed}}
    from (
        {{sources}}
    ) e
    where {{present}}
    group by {{event_keys}}
    {{having}}
) f;
$template$ $function$;

-- core/binding/templates/row.sql
create or replace function pgscore._row_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Binding {{binding}}: a row of {{events}} moves {{profile}}. Generated; change it with pgscore.attach.
-- For each row: partitions get this trigger when they are attached and lose it when they are detached.
<<here>>
declare
    missing integer;
    {{declared}}
begin
    begin
        -- What is wrong with the columns of events is found here, and said in one sentence.
        if tg_op = 'DELETE' then
            missing := case when {{bound}} then num_nulls({{read_old}}) end;
        else
            missing := case when {{bound}} then num_nulls({{read_new}}) end;
        end if;
    exception when others then
        {{unfit}}
    end;
    if tg_op = 'INSERT' then
        {{insert_one}}
    elsif tg_op = 'UPDATE' then
        {{queue_update}}
    else
        {{queue_delete}}
    end if;
    return null;
end
$template$ $function$;

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
    one := item.profile;
    {{assignments}}
    {{filled}}
    touched := item.forced or one operator(pg_catalog.*<>) item.profile;
    if touched or item.unscored then
        moved := array_append(moved, one);
        changed := array_append(changed, touched);
    end if;
end loop;
$template$ $function$;

create or replace function pgscore._score_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
{{starts}}
first := 1;
while first <= cardinality(moved) loop
    size := least(1000, cardinality(moved) - first + 1);
    failure := null;
    {{ask}}
    if failure is not null then
        select null::double precision[] as scores, null::integer as version, null::text[] as reasons into answer;
    end if;
    scores_{{number}} := scores_{{number}} || coalesce(answer.scores, array_fill(null::double precision, array[size]));
    versions_{{number}} := versions_{{number}} || array_fill(answer.version, array[size]);
    reasons_{{number}} := reasons_{{number}} || coalesce(answer.reasons, array_fill(failure, array[size]));
    first := first + size;
end loop;
names_{{number}} := array(select {{key_text}} from unnest(here.moved) m where {{bound}});
if num_nonnulls(variadic reasons_{{number}}) > 0 then
    {{refused}}
end if;
delete from pgscore.stale_row s
using unnest(here.names_{{number}}, here.reasons_{{number}}, here.versions_{{number}}) as a (key, reason, version)
where s.binding = {{number}} and s.cause = 'score' and s.key = a.key and a.reason is null and a.version is not null;
{{log}}
$template$ $function$;

create or replace function pgscore._ask_many_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    select s.scores, s.version, s.reasons into answer from pgscore._score_rows({{model}}, here.moved[here.first : here.first + here.size - 1]) s;
exception
    when transaction_rollback then raise;
    when others then failure := sqlerrm;
end;
$template$ $function$;

-- core/binding/templates/score.sql
create or replace function pgscore._score_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
-- Scores a row of {{profile}} if what a model reads has changed, whoever changed it. Generated; change it with pgscore.attach.
#variable_conflict use_column
declare
    rekeys boolean;
begin
    -- What pgscore wrote together with the score, and nothing that a trigger changes because of it.
    if current_setting('pgscore.scored', true) ~ ('^' || pg_trigger_depth() || '/[0-9]{1,18}$') then
        if exists (
            select from {{queue}} q
            where q.pgscore_transaction = pg_current_xact_id() and q.pgscore_task = 'scored'
                and q.pgscore_id = split_part(current_setting('pgscore.scored', true), '/', 2)::bigint
        ) then
            return new;
        end if;
    end if;
    {{rekeys}}
    {{scores}}
    return new;
end
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
        -- Where a counter has moved the model is asked, without the price of finding out what else has changed.
        if new.{{score}} is null or {{moved}} then
            answer := case when {{bound}} then pgscore._rescore({{model}}, null::{{profile}}, {{row}}, true) end;
        else
            answer := case when {{bound}} then pgscore._rescore({{model}}, old, {{row}}, false) end;
        end if;
        if answer is not null then
            if answer[1] is null then
                -- Refused, or not known to this session yet.
                select s.scores, s.version, s.reasons into alone from pgscore._score_rows({{model}}, array[{{row}}]) s;
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

create or replace function pgscore._arrive_one_template() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$ select $template$
begin
    perform {{fits}} from pgscore_new n, {{queue}} q limit 0;
exception when others then
    {{unfit}}
end;
insert into {{queue}} (pgscore_binding, pgscore_task, pgscore_runs, {{columns}})
select {{number}}, 'arrive', case when row_number() over () = 1 then '{{timing}}' end, {{values}}
from pgscore_new n
where {{present}};
$template$ $function$;

comment on function pgscore._arrive_one_template() is
    'Template: the statement that queues new profiles for a binding';

drop function pgscore._function_sql(signature text, returns text, posture text, body text, says text, owner regrole, has_owners_rights boolean);

-- core/binding/generating/statements.sql
create function pgscore._function_sql(signature text, returns text, posture text, body text, says text, owner regrole) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The body is a literal, never dollar-quoted: names stand in it, and could end the quote. Its hash in the comment tells
    -- what has been changed since, or is generated otherwise now.
    select s.statement
    from (select replace(format(e'\n%s\n', body), chr(2), chr(10)) as body) as text, lateral (
        values
            (1, format(
                e'create or replace function %s%s\nlanguage %s security definer set search_path = pg_catalog, pg_temp\nas %L',
                signature, coalesce(' returns ' || returns, ''), posture, text.body
            )),
            (2, format('comment on function %s is %L', signature, format('pgscore: %s (%s)', says, md5(text.body)))),
            (3, format('revoke all on function %s from public', signature)),
            (4, case when pg_get_userbyid(owner) <> current_user then format('alter function %s owner to %s', signature, owner) end)
    ) s (step, statement)
    where s.statement is not null
    order by s.step
$$;

comment on function pgscore._function_sql(text, text, text, text, text, regrole) is
    'What makes a function that works with the rights of the owner of tables, and that nobody else may call';

grant execute on function pgscore._function_sql(text, text, text, text, text, regrole) to pgscore_reader;

create or replace function pgscore._trigger_state(name text, fires text, relation regclass, details text, function regprocedure) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        (
            select case
                when t.tgenabled not in ('O', 'A') then 'disabled'
                when c.hash is null or t.tgfoid is distinct from function::oid
                    -- What its definition says, but for expressions: those are PostgreSQL's text of ours.
                    or (t.tgtype & 1 <> 0) <> (details ~ 'for each row') or (t.tgtype & 2 <> 0) <> (fires ~ '^before')
                    or (t.tgtype & 4 <> 0) <> (fires ~ ' insert') or (t.tgtype & 8 <> 0) <> (fires ~ ' delete')
                    or (t.tgtype & 16 <> 0) <> (fires ~ ' update') or (t.tgtype & 32 <> 0) <> (fires ~ ' truncate')
                    or (t.tgqual is not null) <> (details ~ 'when [(]') or array_length(t.tgattr::smallint[], 1) > 0
                    or (t.tgnewtable is not null) <> (details ~ 'new table') or (t.tgoldtable is not null) <> (details ~ 'old table')
                    or t.tginitdeferred <> (details ~ 'initially deferred')
                then 'edited'
                when c.hash <> pgscore._trigger_hash(fires, details) then 'outdated'
                else 'ok'
            end
            from pg_catalog.pg_trigger t,
                lateral (select substring(obj_description(t.oid, 'pg_trigger') from '^pgscore: .*[(]([0-9a-f]{32})[)]$') as hash) c
            where t.tgrelid = relation and t.tgname = _trigger_state.name
        ), 'missing'
    )
$$;

create or replace function pgscore._trigger_sql(name text, fires text, relation regclass, details text, function text, says text) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.statement
    from (values
        (1, format('create or replace trigger %I %s on %s %s execute function %s()', name, fires, relation, details, function)),
        (2, format(
            'comment on trigger %I on %s is %L', name, relation, format('pgscore: %s (%s)', says, pgscore._trigger_hash(fires, details))
        ))
    ) as s (step, statement)
    order by s.step
$$;

create or replace function pgscore._event_parts(b pgscore.binding) returns jsonb
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
        array_agg(r.one order by r.ordinal) filter (where r.kind <> 'look'),
        array_agg(r.folded order by r.ordinal) filter (where r.kind <> 'look'),
        string_agg(
            format('%I = %s', r.target, pgscore._fill(r.grown, jsonb_build_object(
                'present', format('p.%I', r.target), 'delta', format('here.delta_%s', r.ordinal)
            ))), ', ' order by r.ordinal
        )
    into targets, ones, folded, moved
    from pgscore._reducers_of(b) r;
    return jsonb_build_object(
        'binding', b.events, 'number', b.number, 'events', b.events, 'profile', b.profile, 'timing', b.timing,
        'queue', pgscore._profile_object(b, 'queue'), 'unfit', pgscore._unfit_sql(b), 'recounted', pgscore._recounted_sql(),
        'read', format(
            e'%s,\n    %s,\n    (select row(%s) from %s p, %s q where false)', pgscore._columns_sql(pgscore._read_columns(b), 'e'),
            pgscore._events_fit_sql(b, 'e'),
            concat_ws(', ', pgscore._columns_sql(array(
                select c.name from (
                    select 1 as step, k.ordinal, k.name from unnest(b.profile_key) with ordinality as k (name, ordinal)
                    union all
                    select 2, r.ordinal, r.target from pgscore._reducers_of(b) r
                    union all
                    select 3, n.ordinal, n.name
                    from pgscore._targets_of(b.profile) t, unnest(array[t.score, t.version, t.scored_at]) with ordinality as n (name, ordinal)
                    where n.name is not null
                ) c
                group by c.name order by min(c.step), min(c.ordinal), c.name
            ), 'p'), pgscore._profiles_fit_sql(b, 'p'), pgscore._columns_sql(b.profile_key || targets, 'q')), b.profile, pgscore._profile_object(b, 'queue')
        ),
        'columns', pgscore._columns_sql(b.profile_key || targets),
        'event_keys', pgscore._columns_sql(b.event_key, 'e'),
        'present', pgscore._present_sql(b.event_key, 'e'),
        'folded_names', pgscore._columns_sql(b.profile_key || targets, 'f'),
        'ones', concat_ws(', ', pgscore._columns_sql(b.event_key, 'e'), pgscore._list_sql(ones)),
        'worth_one', concat_ws(' and ', pgscore._present_sql(b.event_key, 'e'), pgscore._worth_sql(b, ones)),
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

create or replace function pgscore._can_move_at_once(b pgscore.binding) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.timing = 'statement' and not exists (select from pgscore._reducers_of(b) r where r.kind = 'look')
$$;

create or replace function pgscore._insert_one_sql(b pgscore.binding, parts jsonb) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(
        case when pgscore._can_move_at_once(b) then pgscore._move_one_template() else pgscore._queue_one_template() end, parts
    )
$$;

create or replace function pgscore._declared_sql(b pgscore.binding) returns text
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
    where pgscore._can_move_at_once(b)
$$;

create or replace function pgscore._truncate_sql(b pgscore.binding, parts jsonb) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._truncate_template(), parts || jsonb_build_object(
        -- A partition keeps its trigger for TRUNCATE when it is detached.
        'detached', case when pgscore._is_partitioned(b.events) then format(
            e'if pg_partition_root(tg_relid) is distinct from %L::regclass then\n    return null;\nend if;', b.events
        ) end,
        'recount_all', case when exists (select from jsonb_array_elements(b.reducers) r where not r ? 'deletes') then format(
            e'insert into %s (pgscore_binding, pgscore_task, pgscore_runs)\nvalues (%s, ''recount all'', %L);',
            pgscore._profile_object(b, 'queue'), b.number, b.timing
        ) end
    ))
$$;

-- core/binding/generating/event_triggers.sql
create or replace function pgscore._event_triggers(b pgscore.binding)
returns table (step integer, name text, fires text, relation regclass, details text, function text, says text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select t.step, n.name, t.fires, t.relation, t.details, pgscore._event_object(b, t.operation),
        format('moves counters of %s and scores of model %s', b.profile, b.model),
        pgscore._trigger_state(n.name, t.fires, t.relation, t.details, pgscore._procedure(b.event_schema, b.event_prefix || '_' || t.operation))
    from (
        select 1 as step, b.events as relation, o.operation, 'after ' || o.operation as fires, o.tables || ' for each statement' as details
        from (values
            ('insert', 'referencing new table as pgscore_new'),
            ('update', 'referencing new table as pgscore_new old table as pgscore_old'),
            ('delete', 'referencing old table as pgscore_old')
        ) as o (operation, tables)
        where not pgscore._is_partitioned(b.events)
        union all
        -- Partitions get it from their parent, also those that are attached later.
        select 2, b.events, 'row', 'after insert or update or delete', 'for each row' where pgscore._is_partitioned(b.events)
        union all
        select 3, p.relation, 'truncate', 'after truncate', 'for each statement' from pgscore._partitions(b.events) as p (relation)
    ) t,
        lateral (select substr(b.event_prefix::text || '_' || t.operation, 2) as name) n
$$;

create or replace function pgscore._queue_sql(b pgscore.binding) returns setof text
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

create or replace function pgscore._lost_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(
        format(
            e'exists (\n    select from unnest(here.work) w\n    where w.pgscore_binding = %s and %s and hashtext(%s) & 63 <> all (here.slots) and %s\n'
            '        and not exists (select from unnest(here.locked) as p where %s)\n)',
            b.number, pgscore._present_sql(b.profile_key, 'w'), pgscore._key_text_sql(b.profile_key, 'w'),
            pgscore._bound_sql(_lost_sql.profile), pgscore._match_sql(b.profile_key, 'p', b.profile_key, 'w')
        ), e'\nor ' order by b.number
    )
    from pgscore._bindings_of(profile) b
$$;

create or replace function pgscore._meet_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._meet_template(), jsonb_build_object(
        'arrival', min(pgscore._profile_object(b, 'arrival')),
        'slots', string_agg(
            format(
                e'select hashtext(%s) & 63 from unnest(here.work) w\nwhere w.pgscore_binding = %s and %s\n'
                '    and (w.pgscore_task in (''arrive'', ''rekey'') or not exists (select from %s p where %s))',
                pgscore._key_text_sql(b.profile_key, 'w'), b.number, pgscore._present_sql(b.profile_key, 'w'), b.profile,
                pgscore._match_sql(b.profile_key, 'p', b.profile_key, 'w')
            ), e'\nunion\n' order by b.number
        )
    ))
    from pgscore._bindings_of(profile) b
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
            ), e'\nor ' order by k.numbers
        )
    ))
    from (
        select b.profile_key, string_agg(b.number::text, ', ' order by b.number) as numbers
        from pgscore._bindings_of(_lock_sql.profile) b group by 1
    ) k
$$;

drop function pgscore._move_sql(profile regclass, bindings pgscore.binding[], targets pgscore.binding[]);

create function pgscore._move_sql(profile regclass) returns text
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
        'assignments', string_agg(c.assignments, e'\n' order by b.number),
        'filled', pgscore._fill_generated_sql(_move_sql.profile, 'here.one'),
        'bound', pgscore._bound_sql(_move_sql.profile)
    ))
    from pgscore._bindings_of(profile) b,
        lateral (
            select
                bool_or(r.kind <> 'add') as recounts,
                string_agg(format(e',\n%s as moved_%s_%s', pgscore._moved_value_sql(b, r), b.number, r.ordinal), '' order by r.ordinal) as columns,
                string_agg(format('one.%I := item.moved_%s_%s;', r.target, b.number, r.ordinal), e'\n' order by r.ordinal) as assignments
            from pgscore._reducers_of(b) r
        ) c
$$;

comment on function pgscore._move_sql(regclass) is
    'What the apply function does to find the rows as they will stand, from the locked rows, the work, and what the events say';

grant execute on function pgscore._move_sql(regclass) to pgscore_reader;

create or replace function pgscore._score_many_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    parts constant jsonb := jsonb_build_object(
        'number', b.number, 'model', quote_literal(b.model), 'binding', quote_literal(b.name), 'abort_hint', quote_literal(pgscore._abort_hint()),
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

drop function pgscore._update_sql(profile regclass, queue text, bindings pgscore.binding[], targets pgscore.binding[]);

create function pgscore._update_sql(profile regclass, queue text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    scores text;
    scoring text;
begin
    select
        string_agg(
            format(e',\n    %1$I = case when m.version_%2$s is null or m.reason_%2$s is not null then p.%1$I else %3$s end', f.name, t.number, f.source),
            '' order by t.number, f.name
        ) filter (where f.name is not null),
        string_agg(pgscore._score_many_sql(t), e'\n' order by t.number) filter (where f.first)
    into scores, scoring
    from pgscore._targets_of(profile) t, lateral (values
        (true, t.score, 'm.score_' || t.number), (false, t.version, 'm.version_' || t.number), (false, t.scored_at, 'now()')
    ) as f (first, name, source);
    return pgscore._fill(pgscore._update_template(), jsonb_build_object(
        'profile', profile, 'queue', queue,
        'relations', format('%L', array(select r from pgscore._partitions(profile) r order by r::text)),
        'counters', (
            select string_agg(format('%1$I = (m.row).%1$I', c.name), ', ' order by c.name)
            from (
                select distinct r ->> 'column' as name from pgscore._bindings_of(_update_sql.profile) b, jsonb_array_elements(b.reducers) r
            ) c
        ),
        'match', (select string_agg(format('p.%1$I = (m.row).%1$I', k), ' and ') from unnest(pgscore._row_key(profile)) k),
        'score_many', scoring, 'scores', scores,
        'arrays', (
            select string_agg(
                format(e',\n    unnest(here.scores_%1$s) as score_%1$s, unnest(here.versions_%1$s) as version_%1$s, unnest(here.reasons_%1$s) as reason_%1$s', t.number), ''
                order by t.number
            )
            from pgscore._targets_of(profile) t
        ),
        'scored', (
            select string_agg(format('(m.version_%1$s is not null and m.reason_%1$s is null)', t.number), ' or ' order by t.number)
            from pgscore._targets_of(profile) t
        )
    ));
end
$$;

comment on function pgscore._update_sql(regclass, text) is
    'What the apply function does to change the rows: one UPDATE, with the scores in it where there are many';

grant execute on function pgscore._update_sql(regclass, text) to pgscore_reader;

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
            'move', pgscore._move_sql(b.profile), 'update', pgscore._update_sql(b.profile, pgscore._profile_object(b, 'queue'))
        )),
        format('moves counters of %s and stores scores, in one UPDATE', b.profile), b.owner
    ) s
$$;

-- core/binding/generating/profiles.sql
create or replace function pgscore._score_one_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    counters constant name[] := array(
        select distinct r ->> 'column' from pgscore._bindings_of(b.profile) o, jsonb_array_elements(o.reducers) r order by 1
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
        'number', b.number, 'profile', b.profile, 'model', quote_literal(b.model), 'key_text', key_text,
        -- What is computed when the row is stored is computed here before, and what stands here then is not looked at.
        'filled', pgscore._fill_generated_sql(b.profile, 'new'), 'row', 'new',
        'score', quote_ident(b.score), 'moved', pgscore._changed_sql(counters), 'bound', pgscore._bound_sql(b.profile),
        'refused', pgscore._fill(case b.on_error when 'abort' then pgscore._abort_one_template() else pgscore._keep_one_template() end, told),
        'version', format('new.%s := answer[2];', quote_ident(b.version)), 'scored_at', format('new.%s := now();', quote_ident(b.scored_at)),
        'log', case when b.log then pgscore._fill(pgscore._log_one_template(), told) end
    ) || case when b.version is null then '{"version": null}' else '{}'::jsonb end
      || case when b.scored_at is null then '{"scored_at": null}' else '{}'::jsonb end);
end
$$;

create or replace function pgscore._rekey_one_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._rekey_one_template(), jsonb_build_object(
        'number', b.number, 'queue', pgscore._profile_object(b, 'queue'), 'changed', pgscore._changed_sql(b.profile_key),
        'bound', pgscore._bound_sql(b.profile), 'unfit', pgscore._unfit_sql(b), 'written', concat_ws(', ', 'new.' || quote_ident(b.score), 'new.' || quote_ident(b.version), 'new.' || quote_ident(b.scored_at)),
        'present', pgscore._present_sql(b.profile_key, 'new'),
        'present_text', pgscore._key_text_sql(b.profile_key, 'new'), 'former_text', pgscore._key_text_sql(b.profile_key, 'old'),
        'columns', string_agg(format('%I, pgscore_former_%s', a.attname, a.attnum), ', ' order by a.attnum),
        'values', string_agg(format('new.%1$I, old.%1$I', a.attname), ', ' order by a.attnum)
    ))
    from unnest(b.profile_key) k, pgscore._column(b.profile, k) a
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
    ) t
$$;

-- core/binding/problems/options.sql
create or replace function pgscore._options_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when num_nulls(b.model, b.events, b.profile, b.event_key, b.profile_key, b.reducers, b.score, b.timing, b.on_error, b.on_missing, b.log) > 0
            then 'of the arguments only version, scored_at, max_scoring_ms and backfill may be NULL'
        -- The names stand in comments of what is generated.
        when b.events::text || b.profile ~ e'[\\n\\r]' then 'tables with a line break in their names cannot be attached'
        when b.model !~ '^[a-z_][a-z0-9_]*$' or octet_length(b.model) > 50 then format('"%s" is no name of a model', b.model)
        when b.timing not in ('commit', 'statement') then format('timing is commit or statement, not "%s"', b.timing)
        when b.on_error not in ('keep', 'abort') then format('on_error is keep or abort, not "%s"', b.on_error)
        when b.on_missing not in ('ignore', 'insert', 'error') then format('on_missing is ignore, insert or error, not "%s"', b.on_missing)
        when b.max_scoring_ms <= 0 then format('max_scoring_ms is a positive number of milliseconds, not %s', b.max_scoring_ms)
        when cardinality(b.event_key) = 0 or cardinality(b.event_key) <> cardinality(b.profile_key)
            or array_position(b.event_key, null) is not null or array_position(b.profile_key, null) is not null
            then 'event_key and profile_key name the same number of columns, at least one'
    end
$$;

create or replace function pgscore._columns_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        pgscore._virtual_column_problem(b),
        (
            select format('model "%s" already scores table %s into column "%s": name the same columns', o.model, b.profile, o.score)
            from pgscore._targets_of(b.profile) o
            where o.model = b.model and o.number is distinct from b.number
                and (o.score, o.version, o.scored_at) is distinct from (b.score, b.version, b.scored_at)
        ),
        -- Each column has one meaning.
        (
            select format('column "%s" of table %s would have two meanings', c.name, b.profile)
            from (
                select r ->> 'column' as name from jsonb_array_elements(b.reducers) r
                union all select n from unnest(array[b.score, b.version, b.scored_at] || b.profile_key) n where n is not null
                union all
                select k from unnest(coalesce(pgscore._primary_key(b.profile), '{}')) k where k <> all (b.profile_key)
                union all
                select r ->> 'column'
                from pgscore._bindings_of(b.profile) o, jsonb_array_elements(o.reducers) r where o.number is distinct from b.number
                union all
                select n from pgscore._targets_of(b.profile) o, unnest(array[o.score, o.version, o.scored_at]) n
                where n is not null and o.model <> b.model
            ) c
            group by c.name having count(*) > 1
            order by c.name limit 1
        )
    )
$$;

-- core/binding/problems/tables.sql
create or replace function pgscore._tables_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wrong record;
    found_column pg_catalog.pg_attribute;
begin
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c
    where c.oid in (b.events, b.profile) and (c.relkind not in ('r', 'p') or c.relpersistence <> 'p');
    if found then
        return format('%s is no ordinary table: views, foreign, temporary and unlogged tables cannot be attached', wrong.relation);
    elsif b.events = b.profile then
        return 'a table cannot be attached to itself';
    elsif exists (select from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile)) then
        return format(
            'table %s is a partition or inherits: attach its parent',
            (select i.inhrelid::regclass from pg_catalog.pg_inherits i where i.inhrelid in (b.events, b.profile) limit 1)
        );
    end if;
    -- The parent's DELETE sees the rows of children, and an INSERT into a child fires no trigger of the parent's.
    select c.oid::regclass as relation, i.inhrelid::regclass as child into wrong
    from pg_catalog.pg_class c join pg_catalog.pg_inherits i on i.inhparent = c.oid
    where c.oid in (b.events, b.profile) and c.relkind = 'r' limit 1;
    if found then
        return format('table %s has a child, %s, that inherits from it, and rows of children cannot be counted right: use partitions', wrong.relation, wrong.child);
    end if;
    -- Rows that are hidden from their owner would be taken for rows that are not there.
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c where c.oid in (b.events, b.profile) and c.relforcerowsecurity limit 1;
    if found then
        return format(
            'row-level security of table %1$s hides rows from its owner, so its events cannot be counted; run: alter table %1$s no force row level security', wrong.relation
        );
    end if;
    select a.attrelid::regclass as relation, a.attname as name into wrong
    from pg_catalog.pg_attribute a
    where a.attrelid in (b.events, b.profile) and a.attnum > 0 and not a.attisdropped
        and (a.attname in ('pgscore_row', 'pgscore_sign', 'pgscore_transaction', 'pgscore_id', 'pgscore_binding', 'pgscore_task', 'pgscore_runs', 'pgscore_state',
            'pgscore_arrived', 'pgscore_undone', 'pgscore_absolute') or a.attname ~ '^pgscore_former_' or a.attname ~ e'[\\n\\r]')
    limit 1;
    if found then
        return format('column "%s" of table %s has a name that pgscore uses itself: rename it', wrong.name, wrong.relation);
    end if;
    for wrong in
        select n.name, n.type
        from (values (b.score, 'double precision'), (b.version, 'integer'), (b.scored_at, 'timestamp with time zone')) n (name, type)
        where n.name is not null
    loop
        found_column := pgscore._column(b.profile, wrong.name);
        if found_column.attname is null then
            return format(
                'table %1$s has no column "%2$s"; run: alter table %1$s add column %2$I %3$s', b.profile, wrong.name, wrong.type
            );
        elsif found_column.atttypid <> wrong.type::regtype or found_column.attgenerated <> '' or found_column.attnotnull then
            return format('column "%s" of table %s must be %s, nullable and not generated', wrong.name, b.profile, wrong.type);
        end if;
    end loop;
    return null;
end
$$;

create or replace function pgscore._column_numbers(b pgscore.binding) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_object_agg(t.kind, jsonb_build_object('table', t.relation::oid::text, 'numbers', (
        select jsonb_object_agg(n.name, (pgscore._column(t.relation, n.name)).attnum) from unnest(t.names) as n (name)
    )))
    from (values
        ('events', b.events, pgscore._read_columns(b)),
        ('profile', b.profile, array(
            select k from unnest(b.profile_key || array[b.score, b.version, b.scored_at]) k where k is not null
            union
            select (r ->> 'column')::name from jsonb_array_elements(b.reducers) r
        ))
    ) as t (kind, relation, names)
$$;

create or replace function pgscore._followed(b pgscore.binding) returns pgscore.binding
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    events constant jsonb := pgscore._renamed(b, 'events');
    profile constant jsonb := pgscore._renamed(b, 'profile');
begin
    if events || profile = '{}' then
        return b;
    end if;
    b.event_key := array(select coalesce(events ->> k.name, k.name) from unnest(b.event_key) with ordinality as k (name, ordinal) order by k.ordinal);
    b.profile_key := array(select coalesce(profile ->> k.name, k.name) from unnest(b.profile_key) with ordinality as k (name, ordinal) order by k.ordinal);
    b.score := coalesce(profile ->> b.score, b.score);
    b.version := coalesce(profile ->> b.version, b.version);
    b.scored_at := coalesce(profile ->> b.scored_at, b.scored_at);
    b.reducers := (
        select jsonb_agg(
            (
                select jsonb_object_agg(f.key, case
                    when f.key in ('of', 'order_by') then to_jsonb(coalesce(events ->> (f.value #>> '{}'), f.value #>> '{}'))
                    when f.key = 'column' then to_jsonb(coalesce(profile ->> (f.value #>> '{}'), f.value #>> '{}'))
                    when f.key = 'where' then (select jsonb_object_agg(coalesce(events ->> w.key, w.key), w.value) from jsonb_each(f.value) w)
                    else f.value
                end)
                from jsonb_each(r.reducer) f
            ) order by r.ordinal
        )
        from jsonb_array_elements(b.reducers) with ordinality as r (reducer, ordinal)
    );
    return b;
end
$$;

create or replace function pgscore._follow_columns(profile regclass) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    -- All of them: what they share names the columns of each.
    update pgscore.binding o
    set event_key = f.event_key, profile_key = f.profile_key, reducers = f.reducers, score = f.score, version = f.version, scored_at = f.scored_at
    from pgscore._bindings_of(_follow_columns.profile) b, pgscore._followed(b) f
    where o.number = b.number and o.owner = (select c.relowner from pg_catalog.pg_class c where c.oid = o.profile)
        and (o.event_key, o.profile_key, o.reducers, o.score, o.version, o.scored_at)
            is distinct from (f.event_key, f.profile_key, f.reducers, f.score, f.version, f.scored_at)
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
    )
    select t.tgname, t.tgrelid::regclass
    from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid join pg_catalog.pg_class c on c.oid = t.tgrelid
    where c.relowner = b.owner and t.tgname ~ '^~?pgscore_' and p.proname ~ '^_pgscore_' and not t.tgisinternal
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
        or (n.nspname = b.profile_schema and p.proname in (select b.profile_prefix || '_' || w from unnest(array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey']) w))
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
    )
$$;

create or replace function pgscore._backfill_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A function for this once: rows are changed with the owner's rights, whoever calls attach. Deferred triggers of the
    -- tables fire in it where a member calls, or at COMMIT they would have the rights of that member.
    select pgscore._function_sql(
        pgscore._event_object(b, 'backfill') || '()', 'void', 'plpgsql volatile',
        format(
            e'begin\n    insert into %s (pgscore_binding, pgscore_task) values (%s, ''recount all'');\n    perform %s(null);\n%send',
            pgscore._profile_object(b, 'queue'), b.number, pgscore._profile_object(b, 'apply'),
            case when pg_get_userbyid(b.owner) <> current_user then e'    set constraints all immediate;\n' else '' end
        ),
        'counts what an event table holds when it is attached', b.owner
    )
    union all
    select format('select %s()', pgscore._event_object(b, 'backfill'))
    union all
    select format('drop function %s()', pgscore._event_object(b, 'backfill'))
$$;

create or replace function pgscore._generate(b pgscore.binding) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Also where the row was not written by attach: it is its owner's to write.
    perform pgscore._refuse(pgscore._taken_problem(b));
    perform pgscore._run_all(array(select format('drop trigger %I on %s', t.name, t.relation) from pgscore._leftover_triggers(b) t));
    perform pgscore._run_all(array(select pgscore._former_functions_sql(b)));
    perform pgscore._run_all(array(select pgscore._queue_sql(b)));
    perform pgscore._run_all(array(select pgscore._event_functions_sql(b)));
    perform pgscore._run_all(array(select pgscore._profile_functions_sql(b)));
    perform pgscore._run_all(array(select pgscore._reconcile_sql(b)));
    perform pgscore._run_all(array(select pgscore._queue_triggers_sql(b)));
    perform pgscore._run_all(array(select pgscore._other_commits_sql(b)));
    perform pgscore._run_all(array(select pgscore._event_triggers_sql(b)));
    perform pgscore._run_all(array(select pgscore._profile_triggers_sql(b)));
end
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
            select b.profile_schema, b.profile_prefix || '_' || w from unnest(array['apply', 'commit', 'score', 'arrive', 'forget', 'rekey']) w
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
        max_scoring_ms, log, event_schema, event_prefix, profile_schema, profile_prefix, columns
    ) values (
        b.name, b.owner, b.events, b.profile, b.model, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing,
        b.on_error, b.on_missing, b.max_scoring_ms, b.log, b.event_schema, b.event_prefix, b.profile_schema, b.profile_prefix,
        pgscore._column_numbers(b)
    )
    returning number into b.number;
    return b;
end
$$;

drop function pgscore.attach(model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name, version name, scored_at name, timing text, on_error text, on_missing text, max_scoring_ms integer, log boolean, backfill boolean, without_index boolean, notify_above double precision, notify_below double precision, changes boolean, reasons name, top integer);

drop function pgscore.attach(model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name, version name, scored_at name, timing text, on_error text, on_missing text, max_scoring_ms integer, log boolean, backfill boolean, without_index boolean, notify_above double precision, notify_below double precision, changes boolean, reasons name, top integer);

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name[], profile_key name[], reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null, without_index boolean default false
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

comment on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean) is
    'Attaches an event table to a profile table by keys of several columns; see the function for keys of one column';

grant execute on function pgscore.attach(text, regclass, regclass, name[], name[], jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean)
    to pgscore_reader;

create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore', max_scoring_ms integer default null, log boolean default true,
    backfill boolean default null, without_index boolean default false
) returns text
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    select pgscore.attach(
        model, events, profile, array[event_key], array[profile_key], reducers, score, version, scored_at, timing, on_error,
        on_missing, max_scoring_ms, log, backfill, without_index
    )
$$;

comment on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean) is
    'Attaches an event table to a profile table of the same owner, who calls it, or a member: from now on its events move columns of the profile and the score of a model. Called again, it changes timing, policies and log, and mends triggers. backfill: count in this transaction what the tables hold (true), later by pgscore.reconcile (false), or as their size says (NULL). without_index: whether a large table is attached although no index finds the events of a profile';

grant execute on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text, integer, boolean, boolean, boolean)
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
        b.on_error, b.on_missing, b.max_scoring_ms, b.log
    )
    from pgscore.binding b where b.events = reattach.events and b.profile = reattach.profile;
    if not found then
        raise exception 'table % is not attached to %', events, profile using errcode = 'undefined_object';
    end if;
end
$$;

drop function pgscore._drop_functions_sql(b pgscore.binding, is_shared boolean);

-- core/binding/detach.sql
create function pgscore._drop_functions_sql(schema name, prefix name, endings text[], owner regrole) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- Triggers go with them.
    select format('drop function if exists %s cascade', p.oid::regprocedure)
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = schema and p.proowner = owner and p.proname in (select prefix || '_' || e from unnest(endings) e)
$$;

comment on function pgscore._drop_functions_sql(name, name, text[], regrole) is 'What drops generated functions, with their triggers';

grant execute on function pgscore._drop_functions_sql(name, name, text[], regrole) to pgscore_reader;

create or replace function pgscore._drop_binding_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._drop_functions_sql(
        b.event_schema, b.event_prefix, array['insert', 'update', 'delete', 'row', 'truncate', 'recount', 'reconcile'], b.owner
    )
$$;

create or replace function pgscore._drop_profile_sql(b pgscore.binding) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._drop_functions_sql(
        b.profile_schema, b.profile_prefix, array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey'], b.owner
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
                select b.profile_prefix || '_' || e from unnest(array['commit', 'apply', 'score', 'arrive', 'forget', 'rekey']) e
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

create or replace function pgscore._detach(gone pgscore.binding[]) returns table (kind text, object text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set jit = off
as $$
declare
    one constant pgscore.binding := gone[1];
    rest pgscore.binding;
    queues regclass[];
    former text[];
begin
    -- All of one profile table.
    perform pgscore._lock_owner(one.owner) where exists (select from pg_catalog.pg_roles r where r.oid = one.owner);
    perform pgscore._follow_columns(one.profile);
    perform pgscore._check_rest(one.profile, gone);
    queues := pgscore._queues_of(one.owner);
    perform pgscore._settle(q) from unnest(queues) q;
    -- Transactions that have queued work for a table of the owner's are over then: at commit each looks into all queues.
    perform pgscore._lock_tables((select array_agg(distinct g.events) from unnest(gone) g) || one.profile, 'access exclusive', queues);
    former := array(select distinct o.kind || ' ' || o.object from unnest(gone) g, pgscore._generated_objects(g) o);
    delete from pgscore.binding b where b.number in (select g.number from unnest(gone) g);
    if exists (select from pgscore.binding b where b.number in (select g.number from unnest(gone) g)) then
        raise exception '% owned table % when it was attached, and % is no member of it', one.owner, one.profile, current_user
            using errcode = 'insufficient_privilege', hint = format('Connect as a member of %s.', one.owner);
    end if;
    perform pgscore._run_all(array(select pgscore._drop_binding_sql(g) from unnest(gone) g));
    select b.* into rest from pgscore._bindings_of(one.profile) b order by b.number limit 1;
    if rest.number is not null and exists (select from pg_catalog.pg_class c where c.oid = one.profile) then
        perform pgscore._generate(rest);
    elsif rest.number is null then
        perform pgscore._run_all(array(select pgscore._drop_profile_sql(one)));
        perform pgscore._run_all(array(select pgscore._other_commits_sql(one)));
    end if;
    return query
        select 'binding', g.name from unnest(gone) g
        union all
        (
            select split_part(f, ' ', 1), substr(f, strpos(f, ' ') + 1) from unnest(former) f
            except
            select o.kind, o.object from unnest(gone) g, pgscore._generated_objects(g) o
            order by 1, 2
        );
end
$$;

create or replace function pgscore._doctor_attach_sql(b pgscore.binding, events text, profile text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'select pgscore.attach(%L, %L, %L, %L::name[], %L::name[], %L::jsonb, %L, %L, %L, %L, %L, %L, %s, %L)',
        b.model, events, profile, b.event_key, b.profile_key, b.reducers, b.score, b.version, b.scored_at, b.timing, b.on_error,
        b.on_missing, coalesce(b.max_scoring_ms::text, 'null'), b.log
    )
$$;

-- core/doctor/misfits.sql
-- Why attach would refuse now what it took once.

create or replace function pgscore._doctor_columns(b pgscore.binding) returns table (relation regclass, name name, type text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select b.events, k, null from unnest(pgscore._read_columns(b)) k
    union
    select b.profile, k, null from unnest(b.profile_key) k
    union
    select b.profile, (r ->> 'column')::name, null from jsonb_array_elements(b.reducers) r
    union
    select b.profile, n.name, n.type
    from (values (b.score, 'double precision'), (b.version, 'integer'), (b.scored_at, 'timestamp with time zone')) n (name, type)
    where n.name is not null
$$;

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
    where t.tgname ~ '^~?pgscore_' and p.proname ~ '^_pgscore_' and t.tgparentid = 0 and not t.tgisinternal
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
            from unnest(array['apply', 'commit', 'score', 'arrive', 'forget', 'rekey']) e
            where b.number = (
                select min(f.number) from pgscore.binding f join pg_catalog.pg_class x on x.oid = f.events where f.profile = b.profile
            )
        ) w
    left join pg_catalog.pg_namespace n on n.nspname = w.schema
    left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = w.prefix || '_' || w.what
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
    ) g
    where s like 'comment on function %'
$$;

create or replace function pgscore._doctor_functions() returns table (number integer, name text, state text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select g.number, g.name, s.state
    from pgscore._doctor_generated() g
    left join pg_catalog.pg_proc p on p.oid = g.function
    cross join lateral (
        select case
            when p.oid is null then 'missing'
            when p.proowner <> g.wanted_owner then 'owner'
            when position(md5(p.prosrc) in coalesce(obj_description(p.oid, 'pg_proc'), '')) = 0 then 'edited'
            when not p.prosecdef or not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)
                or has_function_privilege('public', p.oid, 'execute') then 'loose'
        end as state
    ) s
    where s.state is not null
    order by g.number, g.is_shared, g.name
$$;

create or replace function pgscore._doctor_log() returns table (bytes bigint, rows bigint, oldest timestamptz)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    bytes := pg_total_relation_size('pgscore.prediction_log');
    select greatest(c.reltuples, 0) into rows from pg_catalog.pg_class c where c.oid = 'pgscore.prediction_log'::regclass;
    if has_table_privilege('pgscore.prediction_log', 'select') then
        select l.logged_at into oldest from pgscore.prediction_log l order by l.id limit 1;
    end if;
    return next;
end
$$;

create or replace function pgscore._doctor_golden(max_seconds double precision, estimators boolean) returns table (
    model text, version integer, engine text, rows bigint, max_abs_diff double precision, ok boolean, problem text, hint text
)
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp set jit = off
as $$
declare
    began constant timestamptz := clock_timestamp();
    next record;
begin
    for next in
        select m.name, m.serving, e.engine
        from pgscore.model m
        left join pgscore.program p on p.model = m.name and p.version = m.serving,
            lateral (select distinct e as engine from unnest(array[m.one_engine, m.many_engine]) e) e
        where m.serving is not null and (estimators or e.engine <> 'estimator')
        -- What is cheap comes first.
        order by e.engine = 'estimator', p.size, m.name, e.engine
    loop
        model := next.name; version := next.serving; engine := next.engine;
        rows := null; max_abs_diff := null; ok := null; problem := null; hint := null;
        if clock_timestamp() <= began + make_interval(secs => max_seconds) then
            begin
                select count(*), max(d.difference), bool_and(d.ok) into rows, max_abs_diff, ok
                from pgscore._golden_differences(
                    next.name, next.serving,
                    greatest(0.1, max_seconds - extract(epoch from clock_timestamp() - began)), array[next.engine]
                ) d;
            exception
                when program_limit_exceeded then null;
                when others then
                    ok := false;
                    get stacked diagnostics problem = message_text, hint = pg_exception_hint;
            end;
        end if;
        return next;
    end loop;
end
$$;

drop function pgscore._characteristic_problem(place text, value jsonb);

drop function pgscore._reason_codes_problem(codes jsonb);

drop function pgscore._column_expression(wanted text, type oid, modifier integer, reference text, out expression text, out compared text);

drop function pgscore._bounds_problem(place text, bounded jsonb);

drop function pgscore._link_outputs(link text, scores integer);

drop function pgscore._link_problem(place text, link jsonb, listed text, scores integer);

drop function pgscore._constants(step jsonb);

drop function pgscore._numbers_problem(place text, value jsonb, low integer, high integer);

drop function pgscore._rows_problem(place text, value jsonb, width integer);

drop function pgscore._piecewise_problem(place text, step jsonb);

drop function pgscore._quadratic_problem(place text, step jsonb);

drop function pgscore._kernel_problem(place text, step jsonb);

drop function pgscore._function_names();

drop function pgscore._program_decide_problem(program jsonb, kinds text);

drop function pgscore._program_require_problem(require jsonb, kinds text);

drop function pgscore._expit(z double precision);

drop function pgscore._log(a double precision);

drop function pgscore._log10(a double precision);

drop function pgscore._log1p(a double precision);

drop function pgscore._expm1(a double precision);

drop function pgscore._logit(a double precision);

drop function pgscore._ratio(a double precision, b double precision);

drop function pgscore._product(numbers double precision[]);

drop function pgscore._piecewise(number double precision, knots double precision[], starts integer[], coefficients double precision[], is_left_closed boolean, missing double precision);

drop function pgscore._differences(numbers double precision[], others double precision[]);

drop function pgscore._quadratic(numbers double precision[], center double precision[], matrix double precision[]);

drop function pgscore._median(numbers double precision[], weights double precision[]);

drop function pgscore._tame_kernel(kernel text, numbers double precision[], vectors double precision[], coefficients double precision[], intercept double precision, gamma double precision, added double precision, degree integer);

drop function pgscore._kernel(kernel text, numbers double precision[], vectors double precision[], coefficients double precision[], intercept double precision, gamma double precision, added double precision, degree integer, is_tame boolean);

drop function pgscore._flat(lists jsonb);

drop function pgscore._piecewise_sql(step jsonb, value text);

drop function pgscore._is_tame_kernel(step jsonb);

drop function pgscore._formula_sql(step jsonb, given text[]);

drop function pgscore._careful_requirements_sql(require jsonb);

drop function pgscore._careful_function_sql(name text, value text);

drop function pgscore._careful_link_sql(step jsonb, register integer);

drop function pgscore._bare_signed_square(r pgscore.bare_register);

drop function pgscore._bare_log(name text, r pgscore.bare_register);

drop function pgscore._bare_reciprocal(r pgscore.bare_register);

drop function pgscore._bare_called(name text, r pgscore.bare_register);

drop function pgscore._bare_rounded(name text, r pgscore.bare_register);

drop function pgscore._bare_wave(name text, r pgscore.bare_register);

drop function pgscore._read_size(step jsonb, registers pgscore.bare_register[]);

drop function pgscore._hides_doubt(step jsonb, registers pgscore.bare_register[]);

drop function pgscore._bare_limited(r pgscore.bare_register, most double precision);

drop function pgscore._bare_exp(r pgscore.bare_register);

drop function pgscore._bare_expit(r pgscore.bare_register);

drop function pgscore._bare_complement(r pgscore.bare_register);

drop function pgscore._bare_sign(r pgscore.bare_register);

drop function pgscore._bare_shared_link(link text, of pgscore.bare_register[], most_nodes bigint);

drop function pgscore._bare_link(step jsonb, registers pgscore.bare_register[], most_nodes bigint);

drop function pgscore._reach(r pgscore.bare_register, center double precision);

drop function pgscore._bare_multiplied(r pgscore.bare_register, of pgscore.bare_register[]);

drop function pgscore._piecewise_reach(step jsonb, r pgscore.bare_register);

drop function pgscore._quadratic_reach(step jsonb, of pgscore.bare_register[]);

drop function pgscore._kernel_reach(step jsonb);

drop function pgscore._kernel_may_miss(step jsonb, of pgscore.bare_register[]);

drop function pgscore._bare_formula(step jsonb, registers pgscore.bare_register[], most_nodes bigint);

drop function pgscore._is_read(program jsonb, register integer);

drop function pgscore._meets_requirements(program jsonb, registers pgscore.bare_register[]);

drop function pgscore._is_repeated(program jsonb);

drop function pgscore._stepwise_register(r pgscore.bare_register, number integer);

drop function pgscore._stepwise_body_sql(program jsonb, score integer, registers pgscore.bare_register[]);

drop function pgscore._stepwise_sql(program jsonb, positive integer, arguments text[]);

drop function pgscore._is_stepwise(bare pgscore.bare_expression);

drop function pgscore._without_decision(program jsonb);

drop function pgscore._has_expression(model text, version integer);

drop function pgscore._players(program jsonb, out players integer[], out step_of integer[], out output_of integer[]);

drop function pgscore._score_register(program jsonb, positive integer, out register integer, out sign double precision);

drop function pgscore._slope(step jsonb, out factor double precision, out shift double precision);

drop function pgscore._take_apart(program jsonb, positive integer, out problem text, out has_trees boolean, out base double precision, out terms integer[], out weights double precision[], out centers double precision[], out players integer[]);

drop function pgscore._explaining_program(program jsonb, positive integer);

drop function pgscore._explanation_problem(program jsonb, positive integer);

drop function pgscore._interpret_reasons(model text, version integer, digest text, numbers double precision[], texts text[]);

drop function pgscore._load_reasons(model text, version integer);

drop function pgscore._array_arguments_sql(inputs jsonb);

drop function pgscore._create_explainer(model text, version integer);

drop function pgscore._reason_registers_problem(program jsonb, contract jsonb);

drop function pgscore._create_coder(model text, version integer);

drop function pgscore._refuse_uncoded(model text, version integer);

drop function pgscore._ranked(codes jsonb, numbers double precision[]);

drop function pgscore.reason_codes(model text, payload jsonb, version integer, most integer);

drop function pgscore.reason_codes(model text, profile record, version integer, most integer);

drop function pgscore._takes_arrays(engine text);

drop function pgscore._called_engine(model text, version integer);

drop function pgscore._ask_estimator(digest text, rows integer, numbers double precision[], texts text[], every boolean, out scores double precision[], out reasons text[]);

drop function pgscore._estimate_row(model text, version integer, digest text, numbers double precision[], texts text[], every boolean);

drop function pgscore._with_decided_label(outputs double precision[], tie text);

drop function pgscore._present_arguments(inputs jsonb, arguments text[]);

drop function pgscore._array_elements(inputs jsonb, source text);

drop function pgscore._golden_arrays(model text, version integer, first integer, last integer);

drop function pgscore._measure_arrays(model text, version integer, numbers double precision[], texts text[], allowed interval);

drop function pgscore._given_call(engine text, model text, version integer, inputs jsonb, manner text);

drop function pgscore._lasting_row_sql(model text, version integer, one_engine text, inputs jsonb);

drop function pgscore._unexplained(model text, version integer, out message text, out hint text);

drop function pgscore._reasons(model text, version integer, payload jsonb, out inputs jsonb, out reasons double precision[]);

drop function pgscore.explain(model text, payload jsonb, version integer);

drop function pgscore.explain(model text, profile record, version integer);

drop function pgscore._table_columns(source regclass);

drop function pgscore._described_columns(columns jsonb);

drop function pgscore._aliases_sql(columns integer);

drop function pgscore._names_sql(query text);

drop function pgscore._types_sql(query text, names json);

drop function pgscore._query_columns(names json, types oid[]);

drop function pgscore._is_name(query text);

drop function pgscore._json_value(value anyelement, name text, type text);

drop function pgscore._rows_version(model text, version integer);

drop function pgscore._rows_engine(model text, version integer);

drop function pgscore._key_expression(columns jsonb, key name[], words text);

drop function pgscore._source_arguments(model text, inputs jsonb, columns jsonb, source regclass, words text, out arguments text[], out ordinary boolean[]);

drop function pgscore._rows_plan(model text, asked integer, columns jsonb, source regclass, key name[], out version integer, out digest text, out first integer, out most integer, out is_chunked boolean, out statement text);

drop function pgscore._fetch(source refcursor, rows integer);

drop function pgscore._most_chunk_rows(inputs jsonb);

drop function pgscore._next_chunk_rows(rows integer, most integer, texts text[]);

drop function pgscore._refuse_source(query text);

drop function pgscore._score_source(model text, query text, source regclass, asked integer, keys name[]);

drop function pgscore.score_rows(model text, query text, version integer, key name[]);

drop function pgscore.score_rows(model text, profile regclass, version integer, key name[]);

drop function pgscore._proof(model text, version integer, max_seconds double precision, out proved jsonb);

drop function pgscore._promote(model text, version integer, engine text, max_seconds double precision, despite_dependents boolean, out proved jsonb);

drop function pgscore._is_together(b pgscore.binding);

drop function pgscore._run_trigger(b pgscore.binding);

drop function pgscore._keys_of(profile regclass);

drop function pgscore._strongest(model text, version integer, profile record, top integer);

drop function pgscore._reason_names(reasons jsonb);

drop function pgscore._refuse_unexplained(model text, version integer);

drop function pgscore._check_reasons(b pgscore.binding);

drop function pgscore._explain_sql(b pgscore.binding, version text, source text);

drop function pgscore._explained_sql(b pgscore.binding, explanation text);

drop function pgscore._insert_one_template();

drop function pgscore._move_at_once_template();

drop function pgscore._run_template();

drop function pgscore._move_light_template();

drop function pgscore._move_each_template();

drop function pgscore._deltas_join_template();

drop function pgscore._is_marked_template();

drop function pgscore._has_mark_template();

drop function pgscore._ask_only_template();

drop function pgscore._ask_among_template();

drop function pgscore._tell_template();

drop function pgscore._fits_one_template();

drop function pgscore._change_one_template();

drop function pgscore._crossing_one_template();

drop function pgscore._notify_template();

drop function pgscore._notify_one_template();

drop function pgscore._rescore_template();

drop function pgscore._rescore_target_template();

drop function pgscore._rescore_work_template();

drop function pgscore._rescore_at_once_template();

drop function pgscore._rescore_ask_template();

drop function pgscore._rescore_write_template();

drop function pgscore._rescore_log_template();

drop function pgscore._generated_names(b pgscore.binding);

drop function pgscore._generated_functions(b pgscore.binding);

drop function pgscore._generated_tables(b pgscore.binding);

drop function pgscore._is_wanted(b pgscore.binding, what text);

drop function pgscore._written_sql(b pgscore.binding, targets name[]);

drop function pgscore._run_sql(b pgscore.binding);

drop function pgscore._move_each_sql(profile regclass, bindings pgscore.binding[]);

drop function pgscore._deltas_join_sql(profile_key name[], name text, bindings pgscore.binding[]);

drop function pgscore._move_light_sql(profile regclass, bindings pgscore.binding[], targets pgscore.binding[]);

drop function pgscore._applying_sql(b pgscore.binding, name text, bindings pgscore.binding[], targets pgscore.binding[], says text);

drop function pgscore._backfill_targets(b pgscore.binding);

drop function pgscore._threshold_sql(threshold double precision);

drop function pgscore._crosses_sql(b pgscore.binding, has_old boolean, has_new boolean);

drop function pgscore._tell_triggers(profile regclass);

drop function pgscore._known_here_sql(b pgscore.binding);

drop function pgscore._tell_one_sql(b pgscore.binding);

drop function pgscore._notify_one_sql(b pgscore.binding);

drop function pgscore._tell_functions_sql(b pgscore.binding);

drop function pgscore._arrivals_sql(bindings pgscore.binding[]);

drop function pgscore._mark_functions_sql(b pgscore.binding);

drop function pgscore._has_rescore(b pgscore.binding);

drop function pgscore._page_key(profile regclass);

drop function pgscore._bound_keys_sql(key name[], types text[], variable text);

drop function pgscore._places_sql(key name[], source text);

drop function pgscore._wanted_sql(b pgscore.binding);

drop function pgscore._rescore_target_sql(b pgscore.binding);

drop function pgscore._rescore_function(b pgscore.binding);

drop function pgscore._rescore_sql(b pgscore.binding, name text);

drop function pgscore._regrouped(b pgscore.binding);

drop function pgscore._partitioned_table(parent name);

drop function pgscore._partition_bounds(relation regclass);

drop function pgscore._default_partition(relation regclass);

drop function pgscore._partition_start(at timestamptz, step interval);

drop function pgscore._empty_partition(relation regclass, begins timestamptz);

drop function pgscore._move_from_default(relation regclass, target regclass, begins timestamptz, ends timestamptz);

drop function pgscore._add_partition(relation regclass, begins timestamptz, ends timestamptz);

drop function pgscore._add_partition_of(relation regclass, at timestamptz, step interval);

drop function pgscore._left_behind(relation regclass, step interval);

drop function pgscore._make_partitions(parent name, step interval, ahead integer);

drop function pgscore._drop_all(relation regclass, doomed regclass[]);

drop function pgscore._drop_partitions(parent name, older_than interval);

drop function pgscore._drop_partitions_beyond(parent name, keep bigint);

drop function pgscore._partition_state(parent name, out partitions integer, out bytes bigint, out rows bigint, out until timestamptz, out in_default bigint);

drop function pgscore._prepares();

drop function pgscore._notify(model text, key text, score double precision, version integer);

drop function pgscore._tell_release();

drop function pgscore._change_server();

drop function pgscore._has_foreign_changes();

drop function pgscore._change_line();

drop function pgscore._change_since(since text, model text, out "position" xid8, out ordinal bigint);

drop function pgscore.score_change_horizon();

drop function pgscore.score_changes(since text, of_model text, up_to integer);

drop function pgscore._doctor_consumers();

drop function pgscore.prune_score_changes(older_than interval);

drop function pgscore._refuse_old_snapshot(profile regclass);

drop function pgscore._into_problem(profile regclass, target regclass, out problem text, out hint text);

drop function pgscore._into_columns_sql(profile regclass);

drop function pgscore._check_into(profile regclass, target regclass);

drop function pgscore._into_page(j pgscore.job, out page_first text[], out page_last text[], out checked bigint);

drop function pgscore._into_work(j pgscore.job, part pgscore.job_part, out changed bigint, out refused bigint);

drop function pgscore._fill_new(model text, profile regclass, schema_name name, table_name name);

drop function pgscore._serving_version(model text);

drop function pgscore._promotions(model text);

drop function pgscore._rescored_binding(model text, profile regclass);

drop function pgscore._make_rescore(b pgscore.binding);

drop function pgscore._drop_rescore(b pgscore.binding);

drop function pgscore._start_job(model text, profile regclass, whole boolean, target regclass, batch integer);

drop function pgscore._rows_to_rescore(j pgscore.job);

drop function pgscore._run_rescore(j pgscore.job, task text, part pgscore.job_part, out page_first text[], out page_last text[], out checked bigint, out changed bigint, out refused bigint, out skipped text[]);

drop function pgscore._hand_out(job pgscore.job);

drop function pgscore._end_pass(job pgscore.job, out ends text, out waits double precision);

drop function pgscore._do_part(j pgscore.job, part pgscore.job_part);

drop function pgscore._rescore_step(job bigint, out state text, out waits double precision, out total bigint, out done bigint, out changed bigint, out refused bigint, out left_out bigint);

drop function pgscore._report_rescore(job bigint);

drop procedure pgscore.rescore(model text, profile regclass, whole boolean, target regclass, batch integer);

drop function pgscore._reading_problem(relation regclass, out sqlstate text, out problem text, out hint text);

drop function pgscore._is_free(relation regclass);

drop function pgscore._query_cost(query text, out cost double precision, out is_index_only boolean);

drop function pgscore._guess_versions(profile regclass, version_column name);

drop function pgscore._count_versions(profile regclass, version_column name, score_column name, every boolean);

drop function pgscore._versions_of(b pgscore.binding);

drop function pgscore._outdated_rows(chosen text);

drop function pgscore._version_score_sql(model text, version integer, profile regclass);

drop function pgscore._compared_profile(model text);

drop function pgscore._refuse_comparing(profile regclass);

drop function pgscore._part_of(profile regclass, key text, sample integer, is_counted boolean, out source text, out total bigint, out is_sample boolean);

drop function pgscore._change(former double precision, latter double precision);

drop function pgscore._comparison_sql(scored text, bins integer, top integer);

drop function pgscore._both_scores_sql(model text, version integer, other integer, profile regclass, key name[], key_sql text, source text);

drop function pgscore._refuse_comparison(model text, version integer, other integer, sample integer, threshold double precision, top integer);

drop function pgscore.compare(model text, version integer, other integer, profile regclass, sample integer, threshold double precision, top integer, out compared_table text, out total bigint, out is_sample boolean, out rows bigint, out compared bigint, out moved bigint, out lost bigint, out gained bigint, out mean double precision, out quantiles jsonb, out histogram jsonb, out most jsonb, out border double precision, out above bigint, out other_above bigint, out upward bigint, out downward bigint);

drop function pgscore._is_rescore_due(b pgscore.binding, retry interval);

drop function pgscore._maintenance_tasks(rescores boolean, retry interval);

drop function pgscore._maintain_log(keep interval, keep_rows bigint);

drop function pgscore._maintain_jobs(keep interval);

drop function pgscore._maintain_step(task text, model text, relation regclass, job bigint, keep interval, keep_rows bigint, step interval, ahead integer, keep_jobs interval, keep_changes interval, out state text, out says text, out unfinished bigint, out waits double precision);

drop function pgscore._report_task(model text, relation regclass, state text, says text);

drop function pgscore._end_maintenance(tasks integer, failures text[]);

drop procedure pgscore.maintain(keep interval, keep_rows bigint, step interval, ahead integer, rescores boolean, retry interval, keep_jobs interval, keep_changes interval);

revoke execute on function pgscore._scorer_name(text, integer, text) from pgscore_reader;

revoke execute on function pgscore._model_function(text, text) from pgscore_reader;




































-- What explanations and reason codes call: the former release does not know them, so it would never drop them.
do $$
declare
    doomed record;
begin
    for doomed in
        select p.oid::regprocedure as function
        from pg_catalog.pg_proc p
        where p.pronamespace = to_regnamespace('pgscore_models') and p.proname ~ '^_[^ ]+ [0-9]+[rc]$'
    loop
        execute format('drop function %s', doomed.function);
    end loop;
end
$$;

-- What only this revision has.
drop table pgscore.job_part;
drop table pgscore.job;
drop table pgscore.stream_batch;
drop table pgscore.stream_offset;
drop table pgscore.export;
drop table pgscore.change_consumer;
drop table pgscore.change_origin;
drop table pgscore.pruned_change;
drop table pgscore.score_change;
drop table pgscore.crossing;
drop sequence pgscore.score_change_ordinal;

-- What promotions have generated, anew.
select pgscore._regenerate_models(recompile => true);

-- core/become_oneself.sql
reset search_path;

reset role;
