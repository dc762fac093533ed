-- Generated functions: written where they are not there, replaced where they differ, left alone where they do not, so
-- that nothing is locked for nothing.

create function pgscore._publish_function(signature text, says text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('comment on function %s is %L', signature, says);
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to pgscore_reader', signature);
end
$$;

comment on function pgscore._publish_function(text, text) is
    'Gives a generated function its comment and its only privilege: readers may call it';

create function pgscore._is_generated(f pgscore.generated_function) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_catalog.pg_proc p
        where p.oid = to_regprocedure(format('%s(%s)', f.name, array_to_string(f.types, ', ')))
            and p.prosrc = f.body and obj_description(p.oid, 'pg_proc') = f.says
            and (p.proparallel = 's') = (f.posture like '%parallel safe%')
            and (p.provolatile = 'v') = (f.posture like '%volatile%')
    )
$$;

comment on function pgscore._is_generated(pgscore.generated_function) is 'Whether a function stands in the database as it is to be';

create function pgscore._create_function(f pgscore.generated_function) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- Bodies are parsed when they run: to look at columns now would wait for whoever alters the table.
set check_function_bodies = off
as $$
declare
    signature constant text := format('%s(%s)', f.name, array_to_string(f.types, ', '));
    is_new constant boolean := to_regprocedure(signature) is null;
begin
    if pgscore._is_generated(f) then
        return;
    end if;
    -- The body is a literal, never dollar-quoted: names of inputs and categories stand in it, and could end the quote.
    execute format(
        'create or replace function %s(%s) returns %s language %s as %L', f.name,
        (select string_agg(a.name || ' ' || a.type, ', ' order by a.ordinal)
            from unnest(f.names, f.types) with ordinality as a (name, type, ordinal)),
        f.returns, f.posture, f.body
    );
    if is_new then
        perform pgscore._publish_function(signature, f.says);
    else
        execute format('comment on function %s is %L', signature, f.says);
    end if;
end
$$;

comment on function pgscore._create_function(pgscore.generated_function) is
    'Writes a generated function with its comment, or replaces it; what stands as it is to be is not touched';
