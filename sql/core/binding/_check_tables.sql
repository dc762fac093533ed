create function pgscore._check_tables(b pgscore.binding) returns void
language plpgsql stable
set search_path = ''
as $$
declare
    space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = b.profile);
    event_space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = b.events);
    event_key constant pg_catalog.pg_attribute := pgscore._column(b.events, b.event_key);
    profile_key constant pg_catalog.pg_attribute := pgscore._column(b.profile, b.profile_key);
    wrong record;
    problem text;
begin
    select c.oid::regclass as relation into wrong
    from pg_catalog.pg_class c
    where c.oid in (b.events, b.profile) and (c.relkind not in ('r', 'p') or c.relpersistence <> 'p');
    if found then
        problem := format('%s is not a permanent table: views, foreign and temporary tables cannot be tied', wrong.relation);
    elsif b.events = b.profile then
        problem := 'a table cannot be tied to itself';
    elsif event_key.attname is null then
        problem := format('table %s has no column "%s"', b.events, b.event_key);
    elsif profile_key.attname is null then
        problem := format('table %s has no column "%s"', b.profile, b.profile_key);
    elsif pgscore._key_type(event_key.atttypid) is distinct from pgscore._key_type(profile_key.atttypid) then
        problem := format(
            'the keys do not match: "%s" of %s is %s, "%s" of %s is %s',
            b.event_key, b.events, format_type(event_key.atttypid, event_key.atttypmod),
            b.profile_key, b.profile, format_type(profile_key.atttypid, profile_key.atttypmod)
        );
    elsif pgscore._key_type(event_key.atttypid) is null then
        problem := format(
            'a key of type %s is not supported: smallint, integer, bigint, uuid, text and varchar are',
            format_type(event_key.atttypid, event_key.atttypmod)
        );
    elsif exists (
        select from pg_catalog.pg_collation c
        where c.oid in (event_key.attcollation, profile_key.attcollation) and not c.collisdeterministic
    ) then
        problem := 'keys with a nondeterministic collation are not supported';
    elsif not exists (
        select from pg_catalog.pg_index i
        where i.indrelid = b.profile and i.indisunique and i.indisvalid and i.indimmediate and i.indnkeyatts = 1
            and i.indkey[0] = profile_key.attnum and i.indpred is null
    ) then
        problem := format('column "%1$s" of table %2$s is not unique; run: alter table %2$s add unique (%1$I)', b.profile_key, b.profile);
    end if;
    if problem is null then
        select n.name, n.type into wrong
        from (values (b.score, 'double precision'), (b.version, 'integer'), (b.scored_at, 'timestamp with time zone')) n (name, type)
        left join lateral pgscore._column(b.profile, n.name) c on true
        where n.name is not null and (c.atttypid is null or c.atttypid <> n.type::regtype or c.attgenerated <> '' );
        if found then
            problem := case
                when (pgscore._column(b.profile, wrong.name)).attname is null then format(
                    'table %1$s has no column "%2$s"; run: alter table %1$s add column %2$I %3$s', b.profile, wrong.name, wrong.type
                )
                else format('column "%s" of table %s must be %s, and not generated', wrong.name, b.profile, wrong.type)
            end;
        end if;
    end if;
    if problem is not null then
        raise exception '%', problem using errcode = 'invalid_parameter_value';
    end if;
    if not has_schema_privilege('pgscore_owner', space, 'usage')
        or not has_schema_privilege('pgscore_applier', space, 'usage')
        or not has_schema_privilege(b.profile_owner, event_space, 'usage')
    then
        raise exception 'pgscore may not use schema %', space
            using errcode = 'insufficient_privilege', hint = case
                when has_schema_privilege(b.profile_owner, event_space, 'usage')
                then format('grant usage on schema %s to pgscore_owner, pgscore_applier', space)
                else format('grant usage on schema %s to %s', event_space, b.profile_owner)
            end;
    end if;
end
$$;

comment on function pgscore._check_tables(pgscore.binding) is
    'Refuses, with a sentence that says what to do, a binding whose tables do not fit';
