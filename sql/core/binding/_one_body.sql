create function pgscore._one_body(b pgscore.binding) returns text
language sql stable
set search_path = ''
as $$
    -- An event of one customer, or some, is what most transactions bring; queries over arrays cost more than it.
    select format(
        'if cardinality($3) = 1 and $2[1] = ''move'' and $1[1] = %1$s then
            select pgscore_row.* into here.one from %2$s pgscore_row where pgscore_row.%3$I = $3[1]::%4$s for no key update;
            if not found then
                return;
            end if;
            %5$s
            here.moved := array[here.one];
            here.forced := array[false];
            here.names := array[here.one.%6$I::text];
        els',
        b.number, b.profile, b.profile_key, b.key_type,
        string_agg(
            format('here.one.%1$I := coalesce(here.one.%1$I, 0) + ($4[1]::numeric[])[%2$s];', r ->> 'column', ordinal), ' '
            order by ordinal
        ),
        (select o.profile_key from pgscore._bindings_of(b.profile) o limit 1)
    )
    from jsonb_array_elements(b.reducers) with ordinality as e (r, ordinal)
    having not coalesce(bool_or(pgscore._is_recounted(r, b.events)), false)
$$;

comment on function pgscore._one_body(pgscore.binding) is
    'What the apply function does first where the work is one key and columns that add up; NULL for bindings that recount';
