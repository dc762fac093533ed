create function pgscore._trigger_statements(
    name text, fires text, relation regclass, details text, function text, says text
) returns setof text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A trigger that stands as it should is left alone: to replace it would lock the table.
    select s.statement
    from (values
        (1, format('create or replace trigger %I %s on %s %s execute function %s()', name, fires, relation, details, function)),
        (2, format('comment on trigger %I on %s is %L', name, relation, says))
    ) as s (step, statement)
    where not exists (
        select from pg_catalog.pg_trigger t
        where t.tgrelid = relation and t.tgname = name and t.tgfoid = to_regprocedure(function || '()') and t.tgenabled = 'O'
    )
    order by s.step
$$;

comment on function pgscore._trigger_statements(text, text, regclass, text, text, text) is
    'What the owner of a table runs to have a trigger with its comment; nothing, where it has it';
