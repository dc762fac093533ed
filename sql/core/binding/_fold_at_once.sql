create function pgscore._fold_at_once(b pgscore.binding, brought text[], source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- The owner of both tables needs no other function for it.
    select format(
        '<<here>>
        declare
            %s
        begin
            select %s into %s %s;
            if found then
                %s
                if not found then
                    perform %s(array[%s]);
                end if;
            end if;
        end;',
        (
            select string_agg(format('k%s %s; ', o, t), '' order by o)
            from unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality u (t, o)
        ) || (select string_agg(format('v%s %s; ', r.ordinal, r.type), '' order by r.ordinal) from pgscore._reducers_of(b) r),
        (select string_agg(format('e.%I, ', k), '' order by o) from unnest(b.event_key) with ordinality u (k, o))
            || array_to_string(brought, ', '),
        (select string_agg(format('here.k%s, ', n), '' order by n) from generate_subscripts(b.event_key, 1) n)
            || (select string_agg(format('here.v%s', n), ', ' order by n) from generate_subscripts(brought, 1) n),
        source, s.statement, pgscore._generated_name(b.profile, 'profile', b.profile_number, 'apply'),
        pgscore._work_of(
            b, '''move''', format('array[%s]', pgscore._key_of_parts(b.event_key)),
            format(
                'array[array[%s]::text[]::text]',
                (select string_agg(format('here.v%s::text', n), ', ' order by n) from generate_subscripts(brought, 1) n)
            )
        )
    )
    from (
        select pgscore._one_update(
            b, array(select format('here.k%s', n) from generate_subscripts(b.profile_key, 1) n order by n),
            array(select format('here.v%s', n) from generate_subscripts(brought, 1) n order by n)
        ) as statement
    ) s
    where b.timing = 'statement' and b.events_owner = b.profile_owner and s.statement is not null
$$;

comment on function pgscore._fold_at_once(pgscore.binding, text[], text) is
    'What the trigger function for inserted events does with the event of a statement where it may change the profile itself; NULL where it may not';
