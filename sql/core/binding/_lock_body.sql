create function pgscore._lock_body(b pgscore.binding) returns text
language sql stable
set search_path = ''
as $$
    -- All or some: a plan for both would read the whole table each time.
    select format(
        'if ''recount all'' = any ($2) then
            %4$s
            select array_agg(l.pgscore_row) into here.locked
            from (select pgscore_row from %1$s pgscore_row order by %2$s for no key update) l;
        else
            select array_agg(l.pgscore_row) into here.locked
            from (select pgscore_row from %1$s pgscore_row where %3$s order by %2$s for no key update) l;
        end if;',
        b.profile, pgscore._row_order(b.profile, pgscore._row_key(b.profile, b.profile_key)),
        (
            select string_agg(
                format(
                    'pgscore_row.%I = any (array(select q.key::%s from unnest($1, $3) as q (binding, key) where q.binding = any (%L)))',
                    k.profile_key, k.key_type, k.numbers
                ), ' or '
            )
            from (
                select o.profile_key, o.key_type, array_agg(o.number) as numbers
                from pgscore._bindings_of(b.profile) o group by 1, 2
            ) k
        ),
        (
            select string_agg(
                format(
                    'here.every_%1$s := exists (select from unnest($1, $2) as q (binding, task) where q.binding = %1$s and q.task = ''recount all'');',
                    o.number
                ), ' ' order by o.number
            )
            from pgscore._bindings_of(b.profile) o
        )
    )
$$;

comment on function pgscore._lock_body(pgscore.binding) is
    'What the apply function does to lock the touched rows of a profile table, in the one order, and to read them';
