create function pgscore._function_sql(
    signature text, returns text, posture text, body text, says text, owner regrole, has_owners_rights boolean default true
) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The body is a literal, never dollar-quoted: names stand in it, and could end the quote. Its hash in the comment tells
    -- what has been changed since, or is generated otherwise now.
    select s.statement
    from (select replace(format(e'\n%s\n', body), chr(2), chr(10)) as body) as text, lateral (
        values
            (1, format(
                e'create or replace function %s%s\nlanguage %s%s\nas %L',
                signature, coalesce(' returns ' || returns, ''), posture,
                case when has_owners_rights then ' security definer set search_path = pg_catalog, pg_temp' end, text.body
            )),
            (2, format('comment on function %s is %L', signature, format('pgscore: %s (%s)', says, md5(text.body)))),
            (3, format('revoke all on function %s from public', signature)),
            (4, case when pg_get_userbyid(owner) <> current_user then format('alter function %s owner to %s', signature, owner) end)
    ) s (step, statement)
    where s.statement is not null
    order by s.step
$$;

comment on function pgscore._function_sql(text, text, text, text, text, regrole, boolean) is
    'What makes a function that works with the rights of the owner of tables, or with its caller''s, and that nobody else may call';
grant execute on function pgscore._function_sql(text, text, text, text, text, regrole, boolean) to pgscore_reader;

create function pgscore._trigger_hash(fires text, details text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select md5(concat_ws(' ', fires, details))
$$;

comment on function pgscore._trigger_hash(text, text) is 'What stands in the comment of a generated trigger: a hash of when it fires';
grant execute on function pgscore._trigger_hash(text, text) to pgscore_reader;

create function pgscore._trigger_state(name text, fires text, relation regclass, details text, function regprocedure) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        (
            select case
                when t.tgenabled not in ('O', 'A') then 'disabled'
                when c.hash is null or t.tgfoid is distinct from function::oid then 'edited'
                when c.hash <> pgscore._trigger_hash(fires, details) then 'outdated'
                when
                    -- What its definition says, but for expressions: those are PostgreSQL's text of ours.
                    (t.tgtype & 1 <> 0) <> (details ~ 'for each row') or (t.tgtype & 2 <> 0) <> (fires ~ '^before')
                    or (t.tgtype & 4 <> 0) <> (fires ~ ' insert') or (t.tgtype & 8 <> 0) <> (fires ~ ' delete')
                    or (t.tgtype & 16 <> 0) <> (fires ~ ' update') or (t.tgtype & 32 <> 0) <> (fires ~ ' truncate')
                    or (t.tgqual is not null) <> (details ~ 'when [(]') or array_length(t.tgattr::smallint[], 1) > 0
                    or (t.tgnewtable is not null) <> (details ~ 'new table') or (t.tgoldtable is not null) <> (details ~ 'old table')
                    or t.tginitdeferred <> (details ~ 'initially deferred')
                    -- One that names no columns is written alike.
                    or details ~ ' when [(]not ' and strpos(pg_get_triggerdef(t.oid), format('WHEN ((NOT %s))', substring(details from ' when [(]not (.*)[)]$'))) = 0
                then 'edited'
                else 'ok'
            end
            from pg_catalog.pg_trigger t,
                lateral (select substring(obj_description(t.oid, 'pg_trigger') from '^pgscore: .*[(]([0-9a-f]{32})[)]$') as hash) c
            where t.tgrelid = relation and t.tgname = _trigger_state.name
        ), 'missing'
    )
$$;

comment on function pgscore._trigger_state(text, text, regclass, text, regprocedure) is
    'How a trigger of a table compares with the generated one: ok, missing, disabled, edited by hand, or outdated, which is as another release generated it';
grant execute on function pgscore._trigger_state(text, text, regclass, text, regprocedure) to pgscore_reader;

create function pgscore._trigger_sql(name text, fires text, relation regclass, details text, function text, says text) returns setof text
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

comment on function pgscore._trigger_sql(text, text, regclass, text, text, text) is 'What makes a trigger with its comment';
grant execute on function pgscore._trigger_sql(text, text, regclass, text, text, text) to pgscore_reader;

create function pgscore._recounted_sql() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Most sessions have never recounted, and are spared the time in text form.
    select 'coalesce(nullif(current_setting(''pgscore.recounted'', true), '''') = extract(epoch from statement_timestamp())::text, false)'
$$;

comment on function pgscore._recounted_sql() is
    'SQL that says whether profiles have been recounted in this statement of the client: events that were seen then may yet be queued';
grant execute on function pgscore._recounted_sql() to pgscore_reader;

create function pgscore._bound_sql(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A plan that works on rows of a table and does not read it would not notice that its columns change. A constant of type
    -- regclass makes it depend on the table, and a function that is not immutable keeps the planner from folding it away.
    select format('pg_typeof(%L::regclass) is not null', profile)
$$;

comment on function pgscore._bound_sql(regclass) is 'SQL that is true, and makes a plan depend on a table: a change of its columns reaches the plans of open sessions';
grant execute on function pgscore._bound_sql(regclass) to pgscore_reader;

create function pgscore._known_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A copy of a schema has the functions, and may stand where the number is another binding's, or nobody's.
    select format('exists (select from pgscore.binding b where b.number = %s and b.profile = %L::regclass)', b.number, b.profile)
$$;

comment on function pgscore._known_sql(pgscore.binding) is 'SQL that says whether a binding is the one that a function was generated for';
grant execute on function pgscore._known_sql(pgscore.binding) to pgscore_reader;

create function pgscore._fail_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._fail_template(), jsonb_build_object('number', b.number, 'binding', quote_literal(b.events)))
$$;

comment on function pgscore._fail_sql(pgscore.binding) is 'What a generated function does with an error';
grant execute on function pgscore._fail_sql(pgscore.binding) to pgscore_reader;

create function pgscore._unfit_sql(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pgscore._fill(pgscore._unfit_template(), jsonb_build_object('number', b.number, 'binding', quote_literal(b.events)))
$$;

comment on function pgscore._unfit_sql(pgscore.binding) is 'What a generated function does where the columns are not what it was generated for';
grant execute on function pgscore._unfit_sql(pgscore.binding) to pgscore_reader;
