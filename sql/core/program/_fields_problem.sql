create function pgscore._fields_problem(place text, value jsonb, required text[], optional text[]) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when jsonb_typeof(value) is distinct from 'object' then
            format('%s is %s, and an object is wanted', place, pgscore._shown(value))
        else coalesce(
            (
                select format('%s has no field "%s"', place, f.name)
                from unnest(required) with ordinality as f (name, ordinal)
                where value -> f.name is null
                order by f.ordinal limit 1
            ),
            (
                select format('%s has a field %s, which programs do not have', place, pgscore._shown(to_jsonb(k.name)))
                from jsonb_object_keys(value) as k (name)
                where k.name <> all (required || optional)
                order by k.name collate "C" limit 1
            )
        )
    end
$$;

comment on function pgscore._fields_problem(text, jsonb, text[], text[]) is
    'What is wrong with the fields of an object: one is missing, or one is not known; NULL where nothing is';
