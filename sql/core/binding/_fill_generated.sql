create function pgscore._fill_generated(profile regclass, variable text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- They are computed after all BEFORE triggers.
    select format(
        'select %s into %s from (select (%s).*) as filled where %s;',
        string_agg(pg_get_expr(d.adbin, d.adrelid), ', ' order by a.attnum),
        string_agg(format('%s.%I', variable, a.attname), ', ' order by a.attnum), variable, pgscore._tied(profile)
    )
    from pg_catalog.pg_attribute a join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = profile and a.attgenerated <> '' and not a.attisdropped
    having count(*) > 0
$$;

comment on function pgscore._fill_generated(regclass, text) is
    'The statement that computes the generated columns of a row that is not stored yet; NULL where a table has none';
