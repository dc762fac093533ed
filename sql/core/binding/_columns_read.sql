create function pgscore._columns_read(models text[]) returns text[]
language sql stable security definer
set search_path = ''
as $$
    select array_agg(distinct i ->> 'name')
    from pgscore.model m
    join pgscore.model_version v on v.model = m.name and v.version = m.serving,
        jsonb_array_elements(v.contract -> 'inputs') i
    where m.name = any (models)
$$;

comment on function pgscore._columns_read(text[]) is 'The columns of profiles that the serving versions of some models read';
grant execute on function pgscore._columns_read(text[]) to pgscore_reader;
