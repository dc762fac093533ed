create function pgscore._follow_keys_body(profile regclass) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A counter that ignores deletes cannot be recounted. Its row carries it to the new key, and what events did under the
    -- former key, a cascade's too, is done to the same row.
    select 'if exists (select from unnest(here.work) w where w.task = ''rekey'') then
        here.work := array(
            select row(
                w.binding, w.task,
                case when w.task in (''rekey'', ''arrive'') then w.keys
                else array(
                    select coalesce(
                        (
                            select k.present
                            from unnest(here.work) r, unnest(r.keys, r.deltas) as k (present, former)
                            where r.binding = w.binding and r.task = ''rekey'' and k.former = u.key limit 1
                        ), u.key
                    )
                    from unnest(w.keys) with ordinality as u (key, ordinal) order by u.ordinal
                ) end,
                w.deltas
            )::pgscore.work
            from unnest(here.work) w
        );
    end if;'
    where exists (
        select from pgscore._bindings_of(profile) b, jsonb_array_elements(b.reducers) r where r ? 'deletes'
    )
$$;

comment on function pgscore._follow_keys_body(regclass) is
    'What the apply function does where profiles got other keys; NULL where all counters can be recounted';
