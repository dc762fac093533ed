create function pgscore._reconcile_sql(b pgscore.binding) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    shown text;
    differ text;
begin
    select
        coalesce(string_agg(
            format(
                e',\n    case when %1$s then format(''%%s is %%s and the events give %%s'', %2$L, coalesce(pgscore_row.%3$I::text, ''NULL''), coalesce(r.value_%4$s::text, ''NULL'')) end',
                d.differs, r.target, r.target, r.ordinal
            ), '' order by r.ordinal
        ), ''),
        coalesce(string_agg(d.differs, e'\n    or ' order by r.ordinal), 'false')
    into shown, differ
    from pgscore._reducers_of(b) r,
        lateral (select pgscore._fill(r.differs, jsonb_build_object(
            'present', format('pgscore_row.%I', r.target), 'recounted', format('r.value_%s', r.ordinal)
        )) as differs) d
    where r.differs is not null;
    return query select * from pgscore._function_sql(
        format(
            '%s(rows integer, repair boolean, out checked bigint, out differing bigint, out examples text[], out finished boolean)',
            pgscore._event_object(b, 'reconcile')
        ),
        null, 'plpgsql volatile set jit = off',
        pgscore._fill(pgscore._reconcile_template(), jsonb_build_object(
            'binding', b.events, 'number', b.number, 'events', b.events, 'fail', pgscore._fail_sql(b), 'profile', b.profile, 'queue', pgscore._profile_object(b, 'queue'),
            'apply', pgscore._profile_object(b, 'apply'), 'recount', pgscore._event_object(b, 'recount'),
            'present', pgscore._present_sql(b.profile_key, 'pgscore_row'), 'order', pgscore._columns_sql(b.profile_key, 'pgscore_row'),
            'page_order', (select string_agg(format('(l.pgscore_row).%I', k), ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o)),
            'after', (
                select string_agg(format('here.after[%s]::%s', k.ordinal, k.type), ', ' order by k.ordinal)
                from unnest(pgscore._key_types(b.profile, b.profile_key)) with ordinality as k (type, ordinal)
            ),
            'last', (
                select format('array[%s]', string_agg(format('here.page[cardinality(here.page)].%I::text', k), ', ' order by o))
                from unnest(b.profile_key) with ordinality u (k, o)
            ),
            'page_match', pgscore._match_sql(b.profile_key, 'pgscore_row', b.profile_key, 'u'),
            'key_text', pgscore._key_text_sql(b.profile_key, 'pgscore_row'),
            'shown', format(e'concat_ws(''; '', null%s)', shown), 'differ', differ,
            -- Of a row that is due what it was when time alone had changed nothing yet.
            'instant', ', ' || pgscore._instant_sql(b), 'or_due', case when pgscore._due_column(b) is not null then format(e'\n    or pgscore_row.%I <= clock_timestamp()', pgscore._due_column(b)) end,
            'arguments', pgscore._columns_sql(b.profile_key, 'pgscore_row'), 'columns', pgscore._columns_sql(b.profile_key),
            'values', pgscore._columns_sql(b.profile_key, 'pgscore_row')
        )),
        format('binding %s, compares counters of some rows of %s with their events, and mends them', b.events, b.profile), b.owner
    );
end
$$;

comment on function pgscore._reconcile_sql(pgscore.binding) is 'What makes the function that compares a binding''s counters with its events';
grant execute on function pgscore._reconcile_sql(pgscore.binding) to pgscore_reader;
