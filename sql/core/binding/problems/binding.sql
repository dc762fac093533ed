create function pgscore._binding_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- In this order: each looks at what the one before has found to be there.
    return coalesce(
        pgscore._tables_problem(b), pgscore._table_keys_problem(b), pgscore._reducers_problem(b), pgscore._columns_problem(b)
    );
end
$$;

comment on function pgscore._binding_problem(pgscore.binding) is
    'Why nothing could be generated for a binding as its tables are now, in a sentence; NULL where it could';
grant execute on function pgscore._binding_problem(pgscore.binding) to pgscore_reader;

create function pgscore._shared_problem(b pgscore.binding, out problem text, out hint text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format('the binding %s, which moves table %s too, does not fit its tables any more: %s', o.name, b.profile, p.problem),
        format('Mend that, or detach both: select * from pgscore.detach(array[%L, %L])', o.name, b.name)
    from pgscore._bindings_of(b.profile) o, lateral (select pgscore._binding_problem(o) as problem) p
    where o.number is distinct from b.number and p.problem is not null
    order by o.number limit 1
$$;

comment on function pgscore._shared_problem(pgscore.binding) is
    'Why what the bindings of a profile table share cannot be generated, because of another one than this, in a sentence, and what to do; NULL where it can';
grant execute on function pgscore._shared_problem(pgscore.binding) to pgscore_reader;

create function pgscore._check_shared(b pgscore.binding) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    reason text;
    remedy text;
begin
    select s.problem, s.hint into reason, remedy from pgscore._shared_problem(b) s;
    if reason is not null then
        raise exception '%', reason using errcode = 'object_not_in_prerequisite_state', hint = remedy;
    end if;
end
$$;

comment on function pgscore._check_shared(pgscore.binding) is
    'Refuses to generate what several bindings share where another one of them does not fit its tables any more';
grant execute on function pgscore._check_shared(pgscore.binding) to pgscore_reader;

create function pgscore._column_numbers(b pgscore.binding) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select jsonb_object_agg(t.kind, jsonb_build_object('table', t.relation::oid::text, 'numbers', (
        select jsonb_object_agg(n.name, (pgscore._column(t.relation, n.name)).attnum) from unnest(t.names) as n (name)
    )))
    from (values
        ('events', b.events, pgscore._read_columns(b)),
        ('profile', b.profile, array(
            select k from unnest(b.profile_key || array[b.score, b.version, b.scored_at, b.reasons]) k where k is not null
            union
            select (r ->> 'column')::name from jsonb_array_elements(b.reducers) r
        ))
    ) as t (kind, relation, names)
$$;

comment on function pgscore._column_numbers(pgscore.binding) is 'The columns that a binding names, with their numbers in the catalog, by which they are found again when they are renamed';
grant execute on function pgscore._column_numbers(pgscore.binding) to pgscore_reader;

create function pgscore._renamed(b pgscore.binding, kind text) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A column that has the name is the one, whatever its number. A restored table has another oid, and its columns other numbers.
    select coalesce(jsonb_object_agg(n.key, a.attname), '{}')
    from (values ('events', b.events), ('profile', b.profile)) as t (kind, relation),
        jsonb_each_text(b.columns -> t.kind -> 'numbers') n
    join pg_catalog.pg_attribute a on a.attnum = n.value::smallint and a.attnum > 0 and not a.attisdropped
    where t.kind = _renamed.kind and b.columns -> t.kind ->> 'table' = t.relation::oid::text and a.attrelid = t.relation
        and (pgscore._column(t.relation, n.key)).attname is null
$$;

comment on function pgscore._renamed(pgscore.binding, text) is 'The columns of the events or of the profile that a binding names and that are called otherwise now: {"former": "present"}';
grant execute on function pgscore._renamed(pgscore.binding, text) to pgscore_reader;

create function pgscore._renamed_sentence(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select string_agg(format('column "%s" of %s is called "%s" now', n.key, t.relation, n.value), ', ' order by t.kind, n.key)
    from (values ('events', b.events), ('profile', b.profile)) as t (kind, relation), jsonb_each_text(pgscore._renamed(b, t.kind)) n
$$;

comment on function pgscore._renamed_sentence(pgscore.binding) is 'Which of its columns a binding names otherwise than they are called now, in a sentence; NULL where none';
grant execute on function pgscore._renamed_sentence(pgscore.binding) to pgscore_reader;

create function pgscore._followed(b pgscore.binding) returns pgscore.binding
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
    b.reasons := coalesce(profile ->> b.reasons, b.reasons);
    b.reducers := (
        select jsonb_agg(
            (
                select jsonb_object_agg(f.key, case
                    when f.key in ('of', 'order_by', 'time') then to_jsonb(coalesce(events ->> (f.value #>> '{}'), f.value #>> '{}'))
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

comment on function pgscore._followed(pgscore.binding) is 'A binding with its columns as they are called now';
grant execute on function pgscore._followed(pgscore.binding) to pgscore_reader;

create function pgscore._follow_columns(profile regclass) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
    -- All of them: what they share names the columns of each.
    update pgscore.binding o
    set event_key = f.event_key, profile_key = f.profile_key, reducers = f.reducers, score = f.score, version = f.version, scored_at = f.scored_at,
        reasons = f.reasons
    from pgscore._bindings_of(_follow_columns.profile) b, pgscore._followed(b) f
    where o.number = b.number and o.owner = (select c.relowner from pg_catalog.pg_class c where c.oid = o.profile)
        and (o.event_key, o.profile_key, o.reducers, o.score, o.version, o.scored_at, o.reasons)
            is distinct from (f.event_key, f.profile_key, f.reducers, f.score, f.version, f.scored_at, f.reasons)
$$;

comment on function pgscore._follow_columns(regclass) is 'Has the bindings of a profile table name columns as they are called now';
grant execute on function pgscore._follow_columns(regclass) to pgscore_reader;
