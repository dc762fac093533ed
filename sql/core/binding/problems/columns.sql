create function pgscore._virtual_column_problem(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- From PostgreSQL 18 on. Of what a statement has changed such columns cannot be read, and in a row's trigger they are NULL.
    select format('column "%s" of table %s is generated and virtual, which triggers cannot read: make it stored', c.name, b.events)
    from (
        select k as name from unnest(b.event_key) k
        union all select r ->> f from jsonb_array_elements(b.reducers) r, unnest(array['of', 'order_by', 'time']) f
        union all select w from jsonb_array_elements(b.reducers) r, jsonb_object_keys(r -> 'where') w
    ) c
    where (pgscore._column(b.events, c.name)).attgenerated = 'v'
    limit 1
$$;

comment on function pgscore._virtual_column_problem(pgscore.binding) is
    'Which column of an event table that a binding reads is virtual, in a sentence; NULL where none';
grant execute on function pgscore._virtual_column_problem(pgscore.binding) to pgscore_reader;

create function pgscore._columns_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Asked for each binding of a profile table: PL/pgSQL plans its query once.
    return coalesce(
        pgscore._virtual_column_problem(b),
        (
            select format('model "%s" already scores table %s into column "%s": name the same columns', o.model, b.profile, o.score)
            from pgscore._targets_of(b.profile) o
            where o.model = b.model and o.number is distinct from b.number
                and (
                    (o.score, o.version, o.scored_at) is distinct from (b.score, b.version, b.scored_at)
                    -- Attached again, one binding changes them for all.
                    or b.number is null and (o.reasons, o.top) is distinct from (b.reasons, b.top)
                )
        ),
        -- Each column has one meaning.
        (
            select format('column "%s" of table %s would have two meanings', c.name, b.profile)
            from (
                select r ->> 'column' as name from jsonb_array_elements(b.reducers) r
                union all select n from unnest(array[b.score, b.version, b.scored_at, b.reasons] || b.profile_key) n where n is not null
                union all
                select k from unnest(coalesce(pgscore._primary_key(b.profile), '{}')) k where k <> all (b.profile_key)
                union all
                select r ->> 'column'
                from pgscore._bindings_of(b.profile) o, jsonb_array_elements(o.reducers) r where o.number is distinct from b.number
                union all
                select n from pgscore._targets_of(b.profile) o, unnest(array[o.score, o.version, o.scored_at, o.reasons]) n
                where n is not null and o.model <> b.model
            ) c
            group by c.name having count(*) > 1
            order by c.name limit 1
        )
    );
end
$$;

comment on function pgscore._columns_problem(pgscore.binding) is
    'Which column of a profile table two things would write, in a sentence; NULL where none';
grant execute on function pgscore._columns_problem(pgscore.binding) to pgscore_reader;
