create function pgscore.attach(
    model text, events regclass, profile regclass, event_key name, profile_key name, reducers jsonb, score name,
    version name default null, scored_at name default null, timing text default 'commit', on_error text default 'keep',
    on_missing text default 'ignore'
) returns text
language plpgsql volatile
set search_path = ''
set lock_timeout = '5s'
as $$
declare
    step record;
    made text;
begin
    for step in
        select s.* from pgscore._bind(
            model, events, profile, event_key, profile_key, reducers, score, version, scored_at, timing, on_error, on_missing
        ) s
    loop
        made := step.binding_name;
        perform pgscore._as_role(step.role, step.statement);
    end loop;
    if not exists (
        select from pg_catalog.pg_index i
        join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = events and i.indisvalid and i.indpred is null and a.attname = event_key
    ) then
        raise notice 'no index of % begins with "%": each recount of a profile will read the whole table', events, event_key
            using hint = format('create index on %s (%I)', events, event_key);
    end if;
    return made;
end
$$;

comment on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text) is
    'Ties an event table to a profile table: from now on its events move columns of the profile and the score of a model. Called by a member of the owners of both';
grant execute on function pgscore.attach(text, regclass, regclass, name, name, jsonb, name, name, name, text, text, text)
    to pgscore_reader;
