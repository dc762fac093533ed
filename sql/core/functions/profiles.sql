-- Which models score which profile tables. Whoever may read a table may add it, and drop it: pgscore.model_profile is written
-- with the caller's rights, under row-level security. Functions are generated with pgscore's, from what stands there.

create function pgscore._is_readable(profile regclass) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- current_user: never the login role, nor what it has set.
    select has_table_privilege(current_user, c.oid, 'select') or pg_has_role(current_user, c.relowner, 'usage')
    from pg_catalog.pg_class c
    where c.oid = profile and c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't'
$$;

comment on function pgscore._is_readable(regclass) is
    'Whether the current role may read a table, or owns it; NULL where there is none, or it is of the system or temporary';
grant execute on function pgscore._is_readable(regclass) to pgscore_reader;

alter table pgscore.model_profile enable row level security;
create policy everybody_reads on pgscore.model_profile for select to pgscore_reader using (true);
create policy who_may_read_the_table_adds_it on pgscore.model_profile for insert to pgscore_reader
    with check (pgscore._is_readable(profile));
create policy who_may_read_the_table_drops_it on pgscore.model_profile for delete to pgscore_reader
    using (
        pgscore._is_readable(profile) or pg_has_role(current_user, 'pgscore_operator', 'usage')
        or not exists (select from pg_catalog.pg_class c where c.oid = profile)
    );
grant insert, delete on pgscore.model_profile to pgscore_reader;

comment on policy everybody_reads on pgscore.model_profile is 'Which tables are scored is no secret';
comment on policy who_may_read_the_table_adds_it on pgscore.model_profile is 'Nobody has functions generated on what is not theirs to read';
comment on policy who_may_read_the_table_drops_it on pgscore.model_profile is
    'So do operators; and what was dropped is anybody''s to clear away';

create function pgscore._scored_tables() returns table (model text, profile regclass, is_bound boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- A table that is attached is scored too, also where that came before the model.
    select t.model, t.profile, bool_or(t.is_bound)
    from (
        select p.model, p.profile, false as is_bound from pgscore.model_profile p
        union all
        select b.model, b.profile, true from pgscore.binding b
    ) t
    join pg_catalog.pg_class c on c.oid = t.profile
    group by t.model, t.profile
$$;

comment on function pgscore._scored_tables() is 'Which models score which tables that are there; is_bound: a binding stores the scores';

create function pgscore._model_profiles(model text default null)
returns table (model text, profile regclass, name text, schema_name name, table_name name, is_gone boolean, is_made_anew boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select
        p.model, p.profile,
        coalesce(quote_ident(s.schema_name) || '.' || quote_ident(s.table_name), 'a table without a name'), s.schema_name, s.table_name,
        c.oid is null,
        c.oid is null and exists (
            select from pg_catalog.pg_class o join pg_catalog.pg_namespace m on m.oid = o.relnamespace
            where m.nspname = p.schema_name and o.relname = p.table_name and o.relkind in ('r', 'p', 'v', 'm', 'f')
        )
    from pgscore.model_profile p
    left join pg_catalog.pg_class c on c.oid = p.profile
    left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join lateral (
        select coalesce(n.nspname, p.schema_name) as schema_name, coalesce(c.relname, p.table_name) as table_name
    ) s
    where p.model = _model_profiles.model or _model_profiles.model is null
$$;

comment on function pgscore._model_profiles(text) is
    'The tables that were given to a model to score, or to any; is_gone: it was dropped, and the name is its last; is_made_anew: another table has that name now, and was not given to it';
grant execute on function pgscore._model_profiles(text) to pgscore_reader;

create function pgscore._note_tables() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Rows that somebody holds are left for the next time: nobody waits for them.
    with seen as (
        select p.model, p.profile, m.schema_name, m.table_name
        from pgscore.model_profile p
        join pgscore._model_profiles() m on m.model = p.model and m.profile = p.profile
        where (p.schema_name, p.table_name) is distinct from (m.schema_name, m.table_name)
        for update of p skip locked
    )
    update pgscore.model_profile p
    set schema_name = s.schema_name, table_name = s.table_name
    from seen s
    where s.model = p.model and s.profile = p.profile;
    -- What was made anew stays, until somebody who may read it gives it to the model again: `pgscore doctor` tells of it.
    with gone as (
        select p.model, p.profile
        from pgscore.model_profile p
        join pgscore._model_profiles() m on m.model = p.model and m.profile = p.profile
        where m.is_gone
            and (
                not m.is_made_anew
                or exists (select from pgscore._model_profiles(m.model) o where not o.is_gone and o.name = m.name)
            )
        for update of p skip locked
    )
    delete from pgscore.model_profile p using gone g where g.model = p.model and g.profile = p.profile;
exception when serialization_failure then
    -- Somebody else has done it since this transaction began.
    null;
end
$$;

comment on function pgscore._note_tables() is
    'Notes what the tables that models score are called now, and forgets those that are gone';

create function pgscore._drop_functions(profile regclass, models text[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    doomed regprocedure;
begin
    for doomed in
        select p.oid::regprocedure
        from pg_catalog.pg_class c
        join pg_catalog.pg_type t on t.oid = c.reltype
        join pg_catalog.pg_proc p on t.oid = any (p.proargtypes) or t.typarray = any (p.proargtypes)
        where c.oid = profile and p.proowner = current_user::regrole
            and (
                p.pronamespace = 'pgscore'::regnamespace and cardinality(models) = 0
                or p.pronamespace = 'pgscore_models'::regnamespace and split_part(p.proname, ' ', 1) <> all (models)
            )
    loop
        begin
            execute format('drop function %s', doomed);
        exception when dependent_objects_still_exist then
            -- A view of somebody's. It asks which version answers, and so is slow at worst.
            null;
        end;
    end loop;
end
$$;

comment on function pgscore._drop_functions(regclass, text[]) is
    'Drops what was generated for rows of a table, but for these models; what a view needs stays';

create function pgscore._replace_profile(profile regclass, models text[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    space constant regnamespace := (select c.relnamespace from pg_catalog.pg_class c where c.oid = profile);
    scored constant text[] := array(select t.model from pgscore._scored_tables() t where t.profile = _replace_profile.profile);
begin
    if space is null or cardinality(scored) = 0 and not has_schema_privilege(space, 'usage') then
        return;
    elsif not has_schema_privilege(space, 'usage') then
        raise exception 'pgscore_owner may not use schema %, and functions are generated on the row type of %', space, profile
            using errcode = 'insufficient_privilege', hint = format('grant usage on schema %s to pgscore_owner', space);
    end if;
    perform pgscore._create_function(f)
    from unnest(scored) as m (model), pgscore._profile_functions(m.model, profile) f
    -- A row about a binding is its owner's to write, and no other name is a model's.
    where m.model = any (models) and m.model ~ '^[a-z_][a-z0-9_]*$' and octet_length(m.model) <= 50;
    if cardinality(scored) > 0 or to_regprocedure(format('pgscore._score_rows(text, %s[])', profile)) is not null then
        perform pgscore._create_function(f) from pgscore._profile_dispatch(profile) f;
    end if;
    perform pgscore._drop_functions(profile, scored);
end
$$;

comment on function pgscore._replace_profile(regclass, text[]) is
    'Writes what is generated for rows of a table: of these models, as far as they score it, and what chooses among all; drops what is not needed';

create function pgscore._generate_profile(profile regclass, only_model text default null) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
    perform pgscore._note_tables();
    for attempt in 1 .. 3 loop
        begin
            perform pgscore._replace_profile(
                profile, array(
                    select t.model from pgscore._scored_tables() t
                    where t.profile = _generate_profile.profile and (t.model = only_model or only_model is null)
                )
            );
            return;
        exception
            -- Somebody else replaces the same functions: "tuple concurrently updated" is an internal error.
            when lock_not_available or unique_violation or internal_error then
                if attempt = 3 and to_regprocedure(format('pgscore._score_rows(text, %s[])', profile)) is null then
                    raise;
                end if;
        end;
    end loop;
    -- What stands there is slow at worst.
end
$$;

comment on function pgscore._generate_profile(regclass, text) is
    'Generates the functions for rows of a table anew, from the models that score it, or one of them; what is right stays as it is';
grant execute on function pgscore._generate_profile(regclass, text) to pgscore_reader;

create function pgscore._replace_quietly(profile regclass, models text[]) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $$
begin
    perform pgscore._replace_profile(profile, models);
    return null;
exception when others then
    -- Dropped meanwhile: nothing is slow, because nothing is there.
    return case when exists (select from pg_catalog.pg_class c where c.oid = profile) then sqlerrm end;
end
$$;

comment on function pgscore._replace_quietly(regclass, text[]) is
    'The same for a promotion, which fails because of no table: why it was not done, or NULL where it was';

create function pgscore._replace_profiles(model text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    began constant timestamptz := clock_timestamp();
    one record;
    problem text;
begin
    perform pgscore._note_tables();
    for one in
        select t.profile from pgscore._scored_tables() t where t.model = _replace_profiles.model order by t.is_bound desc, t.profile::oid
    loop
        problem := case
            when clock_timestamp() > began + interval '3 seconds' then 'there was no time left'
            else pgscore._replace_quietly(one.profile, array[model])
        end;
        if problem is not null then
            raise warning 'rows of table % are scored, but slowly: the functions for them could not be replaced: %', one.profile, problem
                using hint = format('select pgscore._generate_profile(%L); `pgscore doctor` lists such tables.', one.profile);
        end if;
    end loop;
    for one in select m.name from pgscore._model_profiles(model) m where m.is_made_anew order by m.name loop
        raise warning 'rows of table % are scored, but slowly: it was dropped and made anew', one.name
            using hint = format('select pgscore._add_profile(%L, %L)', model, one.name);
    end loop;
end
$$;

comment on function pgscore._replace_profiles(text) is
    'Replaces the functions for rows of the tables that a model scores, for three seconds at most: those of bindings first, and none that somebody holds';

create function pgscore._outdated_profiles(model text default null) returns table (model text, profile regclass)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select m.name, t.profile
    from pgscore._scored_tables() t
    join pgscore.model m on m.name = t.model
    join pg_catalog.pg_class c on c.oid = t.profile
    where (m.name = _outdated_profiles.model or _outdated_profiles.model is null)
        and case
            -- Without it not even the names of functions are found.
            when not has_schema_privilege(c.relnamespace, 'usage') then m.serving is not null
            -- Before a version is promoted only triggers call something.
            when m.serving is null and not t.is_bound then false
            else exists (
                select from pgscore._profile_functions(m.name, t.profile) f where not pgscore._is_generated(f)
                union all
                select from pgscore._profile_dispatch(t.profile) f where not pgscore._is_generated(f)
            )
        end
    order by m.name, t.profile::text
$$;

comment on function pgscore._outdated_profiles(text) is
    'Tables whose rows a model, or any, scores slowly, because the functions for them are not what would be generated now';
grant execute on function pgscore._outdated_profiles(text) to pgscore_reader;

create function pgscore._late_tables(model text) returns table (name text, cause text, remedy text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select
        o.profile::text,
        case when has_schema_privilege(c.relnamespace, 'usage') then 'held'
            else 'no usage' end,
        case when has_schema_privilege(c.relnamespace, 'usage') then format('select pgscore._generate_profile(%L)', o.profile)
            else format('grant usage on schema %s to pgscore_owner; select pgscore._generate_profile(%L)', c.relnamespace::regnamespace, o.profile) end
    from pgscore._outdated_profiles(model) o
    join pg_catalog.pg_class c on c.oid = o.profile
    union all
    select m.name, 'made anew', format('select pgscore._add_profile(%L, %L)', _late_tables.model, m.name)
    from pgscore._model_profiles(model) m
    where m.is_made_anew
    order by 1
$$;

comment on function pgscore._late_tables(text) is
    'Tables whose rows a model scores slowly, and what changes that; cause: held: somebody held the functions for them, or the table was changed; no usage: pgscore_owner may not use the schema; made anew: the table was dropped, and another has its name';
grant execute on function pgscore._late_tables(text) to pgscore_reader;
