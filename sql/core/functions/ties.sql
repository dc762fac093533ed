-- Giving a table to a model to score, and taking it away: with the caller's rights, who may read the table.

create function pgscore._add_profile(model text, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    kind constant "char" := (select c.relkind from pg_catalog.pg_class c where c.oid = profile);
begin
    if kind is null then
        raise exception 'the table that model "%" is to score was dropped', model using errcode = 'undefined_table';
    elsif kind not in ('r', 'p', 'v', 'm', 'f') then
        raise exception '% is no table', profile using errcode = 'wrong_object_type';
    elsif pgscore._is_readable(profile) is null then
        raise exception 'table % is temporary or the system''s: its rows are scored without functions of their own', profile
            using errcode = 'wrong_object_type';
    elsif not pgscore._is_readable(profile) then
        raise exception '% may not read table %, and so has no model score its rows', current_user, profile
            using errcode = 'insufficient_privilege', hint = format('grant select on %s to %I', profile, current_user);
    end if;
    insert into pgscore.model_profile (model, profile, schema_name, table_name)
    select _add_profile.model, c.oid, n.nspname, c.relname
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = _add_profile.profile
    on conflict do nothing;
    -- Those of other models are theirs to look after.
    perform pgscore._generate_profile(profile, model);
end
$$;

comment on function pgscore._add_profile(text, regclass) is
    'Has a model, which need not be published yet, score rows of a table that the caller may read';
grant execute on function pgscore._add_profile(text, regclass) to pgscore_reader;

create function pgscore._drop_profile(model text, profile regclass) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
    if exists (
        select from pgscore.binding b join pg_catalog.pg_class c on c.oid = b.profile
        where b.model = _drop_profile.model and b.profile = _drop_profile.profile
    ) then
        raise exception 'a binding stores the scores that model "%" gives for rows of table %', model, profile
            using errcode = 'object_in_use', hint = '`pgscore detach` first.';
    end if;
    delete from pgscore.model_profile p where p.model = _drop_profile.model and p.profile = _drop_profile.profile;
    if not found and exists (
        select from pgscore.model_profile p where p.model = _drop_profile.model and p.profile = _drop_profile.profile
    ) then
        raise exception '% may not read table %, and so does not drop it', current_user, profile
            using errcode = 'insufficient_privilege', hint = 'Whoever may read it can, or a member of pgscore_operator.';
    elsif not found then
        raise exception 'model "%" does not score %', model, coalesce(
                'table ' || (select c.oid::regclass::text from pg_catalog.pg_class c where c.oid = profile), 'this table, which is not there'
            )
            using errcode = 'undefined_object', hint = format('`pgscore show %s` lists its tables.', model);
    end if;
    perform pgscore._generate_profile(profile);
end
$$;

comment on function pgscore._drop_profile(text, regclass) is
    'Has a model forget a table; its rows are scored like any other''s then';
grant execute on function pgscore._drop_profile(text, regclass) to pgscore_reader;

create function pgscore._forget_profile(model text, name text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
    parts text[];
    found_names text[];
begin
    if name ~ '^[0-9]+$' then
        parts := '{}';
    else
        begin
            parts := parse_ident(name);
        exception when invalid_parameter_value then
            raise exception '% is no name of a table', name
                using errcode = 'invalid_name', hint = 'It is written as in SQL: shop.customer, shop."Customer".';
        end;
    end if;
    -- By the names in the catalog: what they are is no secret, and the caller need not have rights on the schema.
    found_names := array(
        select distinct m.name
        from pgscore._model_profiles(model) m
        where m.profile::oid::text = _forget_profile.name
            or m.table_name = parts[cardinality(parts)]
                and (cardinality(parts) = 1 or cardinality(parts) = 2 and m.schema_name = parts[1])
        order by 1
    );
    if cardinality(found_names) = 0 then
        raise exception 'model "%" does not score table %', model, name
            using errcode = 'undefined_object', hint = format('`pgscore show %s` lists its tables.', model);
    elsif cardinality(found_names) > 1 then
        raise exception 'model "%" scores more than one table %: %', model, name, array_to_string(found_names, ', ')
            using errcode = 'ambiguous_parameter', hint = 'Name its schema too.';
    end if;
    -- What was dropped is anybody's to clear away.
    delete from pgscore.model_profile p
    using pgscore._model_profiles(_forget_profile.model) m
    where m.name = found_names[1] and m.is_gone and p.model = m.model and p.profile = m.profile;
    perform pgscore._drop_profile(m.model, m.profile)
    from pgscore._model_profiles(model) m
    where m.name = found_names[1] and not m.is_gone;
    return found_names[1];
end
$$;

comment on function pgscore._forget_profile(text, text) is
    'Has a model forget a table by its name, that of one that was dropped included; the name as it is known';
grant execute on function pgscore._forget_profile(text, text) to pgscore_reader;
