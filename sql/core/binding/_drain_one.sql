create function pgscore._drain_one(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'if here.first.binding = %s then %s %s if found then return; end if; end if;', b.number,
        -- What several statements did may come to nothing.
        case when b.on_missing = 'ignore' and pgscore._merge_one(b) is not null then format(
            'if here.rows > 1 and %s then return; end if;',
            (
                select string_agg(format('coalesce(here.delta[%s]::numeric, 0) = 0', r.ordinal), ' and ' order by r.ordinal)
                from pgscore._reducers_of(b) r
            )
        ) end,
        u.statement
    )
    from (
        select pgscore._one_update(
            b,
            array(
                select pgscore._key_part('here.first.keys[1]', pgscore._key_types(b.profile, b.profile_key), n::integer)
                from generate_subscripts(b.profile_key, 1) n order by n
            ),
            array(select format('here.delta[%s]::%s', r.ordinal, r.typed) from pgscore._reducers_of(b) r order by r.ordinal)
        ) as statement
    ) u
    where u.statement is not null
$$;

comment on function pgscore._drain_one(pgscore.binding) is
    'What the drain function does where the work is one profile and new events; NULL where a reducer has to look at them';
