create function pgscore._tick_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    due constant name := pgscore._due_column(b);
begin
    if due is null then
        return;
    end if;
    return query select * from pgscore._function_sql(
        format(
            '%s(rows integer, until timestamptz, after_due timestamptz, after_key text[], '
            'out ticked bigint, out locked bigint, out last_due timestamptz, out last_key text[], out finished boolean)',
            pgscore._event_object(b, 'tick')
        ),
        null, 'plpgsql volatile set jit = off',
        pgscore._fill(pgscore._tick_template(), jsonb_build_object(
            'binding', b.events, 'number', b.number, 'fail', pgscore._fail_sql(b), 'profile', b.profile, 'due', quote_ident(due),
            'queue', pgscore._profile_object(b, 'queue'), 'apply', pgscore._profile_object(b, 'apply'),
            'present', pgscore._present_sql(b.profile_key, 'pgscore_row'), 'order', pgscore._columns_sql(due || b.profile_key, 'pgscore_row'),
            'page_order', pgscore._columns_sql(due || b.profile_key, '(l.pgscore_row)'),
            'after', (
                select '$3, ' || string_agg(format('$4[%s]::%s', k.ordinal, k.type), ', ' order by k.ordinal)
                from unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as k (type, ordinal)
            ),
            'last', (
                select format('array[%s]', string_agg(format('page[cardinality(page)].%I::text', k), ', ' order by o))
                from unnest(b.profile_key) with ordinality u (k, o)
            ),
            'page_match', pgscore._match_sql(b.profile_key, 'pgscore_row', b.profile_key, 'u'),
            'columns', pgscore._columns_sql(b.profile_key), 'values', pgscore._columns_sql(b.profile_key, '(l.pgscore_row)')
        )),
        format('binding %s, brings up rows of %s that are due', b.events, b.profile), b.owner
    );
end
$$;

comment on function pgscore._tick_sql(pgscore.binding) is 'What makes the function that brings up profiles which are due; nothing for a binding without windows';
grant execute on function pgscore._tick_sql(pgscore.binding) to pgscore_reader;
