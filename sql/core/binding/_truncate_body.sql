create function pgscore._truncate_body(b pgscore.binding) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select format(
        'begin %s return null; end',
        case when exists (select from jsonb_array_elements(b.reducers) r where not r ? 'deletes')
            then pgscore._hand_over(b, '''recount all''', '''{}''::text[]', '''{}''::text[]', '')
        end
    )
$$;

comment on function pgscore._truncate_body(pgscore.binding) is 'The body of the trigger function for TRUNCATE, which tells no rows: all profiles are recounted';
