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
        e'here.whole\nor pgscore_row.%1$I is distinct from here.serving and (here.outdated or not %2$s)\n'
            'or here.outdated and (pgscore_row.%3$I is null or %2$s)',
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

create function pgscore._rescore_target_sql(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    key constant name[] := pgscore._page_key(b.profile);
    types constant text[] := pgscore._key_types(b.profile, key);
    arrays constant text := (select string_agg('here.keys_' || o, ', ' order by o) from generate_subscripts(key, 1) o);
    others constant text[] := array(select t.model from pgscore._targets_of(b.profile) t where t.model <> b.model order by 1);
    written constant name[] := array_remove(array[b.score, b.version, b.scored_at, b.reasons], null);
    range constant text := format(
        e'(%%1$s) >= (%s)\n    and (%%1$s) <= (%s)', pgscore._bound_keys_sql(key, types, 'here.first'),
        pgscore._bound_keys_sql(key, types, 'here.last')
    );
    logged text;
    parts jsonb := jsonb_build_object(
        'number', b.number, 'model', quote_literal(b.model), 'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'),
        'keys', pgscore._columns_sql(key, 'pgscore_row'), 'present', pgscore._present_sql(key, 'pgscore_row'),
        'first', pgscore._bound_keys_sql(key, types, 'here.first'), 'wanted', pgscore._wanted_sql(b),
        'place', pgscore._places_sql(key, 'pgscore_row'), 'last_place', (
            select format('array[%s]', string_agg(format('(array_agg(u.key_%s))[count(*)]::text', o), ', ' order by o))
            from generate_subscripts(key, 1) o
        ),
        'page_first', pgscore._bound_keys_sql(key, types, 'page_first'),
        'range', format(
            -- The planner takes a case for half of the rows: an OR it took for so few that it looked each of them up again.
            e'%s\n    and case when here.among is null then true else %s = any (here.among) end', format(range, pgscore._columns_sql(key, 'pgscore_row')),
            pgscore._key_text_sql(key, 'pgscore_row')
        ),
        -- Rows that are to be written are read as those that were locked are: range beside range.
        'own_range', format(range, pgscore._columns_sql(key, 'p')),
        'key_text', pgscore._key_text_sql(b.profile_key, 'pgscore_row'), 'row_text', pgscore._key_text_sql(key, 'pgscore_row'),
        'unnested_text', pgscore._key_text_sql(array(select ('key_' || o)::name from generate_subscripts(key, 1) o), 'u'),
        'order', pgscore._row_order_sql(b.profile, 'pgscore_row'), 'known', pgscore._known_sql(b),
        'arrays', arrays, 'collectors', arrays,
        'key_names', (select string_agg('key_' || o, ', ' order by o) from generate_subscripts(key, 1) o),
        'collected', (select string_agg(format('array_agg(u.key_%s)', o), ', ' order by o) from generate_subscripts(key, 1) o),
        'collected_without', (
            select string_agg(format('array_agg(u.key_%s) filter (where u.score is null)', o), ', ' order by o) from generate_subscripts(key, 1) o
        ),
        'aliased', (select string_agg(format('pgscore_row.%I as key_%s', k, o), ', ' order by o) from unnest(key) with ordinality u (k, o)),
        'unnested_match', (select string_agg(format('pgscore_row.%I = u.key_%s', k, o), ' and ' order by o) from unnest(key) with ordinality u (k, o)),
        'match', (select string_agg(format('p.%I = u.key_%s', k, o), ' and ' order by o) from unnest(key) with ordinality u (k, o)),
        'relations', format('%L', array(select r from pgscore._partitions(b.profile) r order by r::text)),
        'fail', format('perform pgscore._fail(%s, %L, sqlstate, sqlerrm, detail, hint);', b.number, b.events)
    );
begin
    if b.log then
        logged := pgscore._fill(pgscore._rescore_log_template(), jsonb_build_object('number', b.number, 'profile', quote_literal(b.profile)));
    end if;
    parts := parts || jsonb_build_object(
        'explain', case when b.reasons is not null then format(
            e'explanations := explanations || (\n    select array_agg(case when u.score is not null then %s end)\n'
                '    from (select unnest(here.given[here.start : here.start + 999]) as row, unnest(answer.scores) as score offset 0) u\n);',
            pgscore._explain_sql(b, 'here.serving', 'u.row')
        ) end
    );
    parts := parts || jsonb_build_object(
        -- A model may read the score of another one.
        'alone', case when cardinality(others) > 0 then format(
            e' and not exists (\n    select from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving,\n'
                '        jsonb_array_elements(v.contract -> ''inputs'') i\n    where m.name = any (%L::text[]) and i ->> ''name'' = any (%L::text[])\n)',
            others, written
        ) end,
        'score', quote_ident(b.score),
        'columns', concat(
            case when b.version is not null then format(', %I = here.serving', b.version) end,
            case when b.scored_at is not null then format(', %I = now()', b.scored_at) end,
            case when b.reasons is not null then format(', %I = %s', b.reasons, pgscore._explained_sql(b, 'u.explanation')) end
        ),
        'given', case when b.reasons is not null then ', pgscore_row as given' end,
        'locked', case when b.reasons is null then 'locked' else format(
            e'(\n        select l.*, case when l.score is not null then %s end as explanation from locked l offset 0\n    )',
            pgscore._explain_sql(b, 'here.serving', 'l.given')
        ) end,
        'explanations', case when b.reasons is not null then ', here.explanations' end,
        'explanation', case when b.reasons is not null then ', explanation' end,
        'former', concat_ws(
            ', ', format('pgscore_row.%I as former', b.score), case when b.version is not null then format('pgscore_row.%I as former_version', b.version) end,
            case when b.reasons is not null then format('pgscore_row.%I as former_reasons', b.reasons) end
        ),
        'former_differs', 'u.former is distinct from u.score'
            || case when b.version is null then '' else ' or u.former_version is distinct from here.serving' end
            || case when b.reasons is null then '' else format(' or u.former_reasons is distinct from %s', pgscore._explained_sql(b, 'u.explanation')) end,
        'differs', format('p.%I is distinct from u.score', b.score)
            || case when b.version is null then '' else format(' or p.%I is distinct from here.serving', b.version) end
            || case when b.reasons is null then '' else format(' or p.%I is distinct from %s', b.reasons, pgscore._explained_sql(b, 'u.explanation')) end,
        'returned', case when b.log then format('%s as key, u.score', pgscore._key_text_sql(b.profile_key, 'p')) else 'true' end,
        'logged', logged || ', ', 'also_logged', ', ' || logged,
        'ask', pgscore._fill(pgscore._rescore_ask_template(), parts)
    );
    parts := parts || jsonb_build_object(
        'work_at_once', pgscore._fill(pgscore._rescore_at_once_template(), parts),
        'write', pgscore._fill(pgscore._rescore_write_template(), parts)
    );
    return pgscore._fill(
        pgscore._rescore_target_template(), parts || jsonb_build_object('work', pgscore._fill(pgscore._rescore_work_template(), parts))
    );
end
$$;

comment on function pgscore._rescore_target_sql(pgscore.binding) is 'What the function that rescores does for the model of a binding';
grant execute on function pgscore._rescore_target_sql(pgscore.binding) to pgscore_reader;

create function pgscore._rescore_function(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select case when pg_get_userbyid(b.owner) = current_user then 'rescore' else pg_backend_pid()::text end
$$;

comment on function pgscore._rescore_function(pgscore.binding) is
    'What the name of the function that rescores ends with: for a member of the owner, of one that only this session sees';
grant execute on function pgscore._rescore_function(pgscore.binding) to pgscore_reader;

create function pgscore._rescore_sql(b pgscore.binding, name text default 'rescore') returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select s.*
    from pgscore._function_sql(
        format(
            '%s(binding integer, what text, which text, version integer, first_key text[], last_key text[], some_keys text[], rows integer, '
            'out page_first text[], out page_last text[], out checked bigint, out changed bigint, out refused bigint, out skipped text[])',
            pgscore._profile_object(b, name)
        ),
        -- The ranges of all batches are alike: one plan in a session.
        null, 'plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan set enable_sort = on',
        pgscore._fill(pgscore._rescore_template(), jsonb_build_object(
            'profile', b.profile,
            'declared', (
                select string_agg(format('keys_%s %s[];', k.ordinal, k.type), e'\n' order by k.ordinal)
                from unnest(pgscore._key_types(b.profile, pgscore._page_key(b.profile))) with ordinality as k (type, ordinal)
            ) || case when exists (select from pgscore._targets_of(b.profile) t where t.reasons is not null) then e'\nexplanations jsonb[];' else '' end,
            'targets', (select string_agg(pgscore._rescore_target_sql(t), e'\n' order by t.number) from pgscore._targets_of(b.profile) t)
        )),
        format('brings scores of %s up to the version that serves', b.profile), b.owner
    ) s
$$;

comment on function pgscore._rescore_sql(pgscore.binding, text) is 'What makes the function that brings scores of a profile table up to the version that serves';
grant execute on function pgscore._rescore_sql(pgscore.binding, text) to pgscore_reader;
