-- Columns of profile tables as inputs of models. This SQL stands in functions that are inlined, so it is parsed under
-- the search_path of whoever asks for a score: it names schemas, also of types and operators, and casts of the
-- grammar's own types only. Nor does it follow any other setting.

create function pgscore._real(value real) returns double precision
-- Cheap on paper only: a dear argument would keep scores from being inlined.
language plpgsql immutable strict parallel safe cost 1
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as $$
begin
    return value::text::double precision;
end
$$;

comment on function pgscore._real(real) is
    'A real as drivers and JSON show it, whatever the session''s extra_float_digits: 1.1 is 1.1, not 1.10000002384186';
grant execute on function pgscore._real(real) to pgscore_reader;

create function pgscore._column_expression(
    wanted text, type oid, modifier integer, reference text, out expression text, out compared text
)
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    base regtype := type;
    kind "char";
    category "char";
    is_domain boolean := false;
begin
    loop
        select t.typtype, t.typcategory into kind, category from pg_catalog.pg_type t where t.oid = base;
        exit when kind <> 'd';
        is_domain := true;
        select t.typbasetype, t.typtypmod into base, modifier from pg_catalog.pg_type t where t.oid = base;
    end loop;
    -- Of numeric: as PostgreSQL keeps precision and scale.
    modifier := modifier - 4;
    if wanted = 'text' and base = 'character'::regtype then
        -- Padded, as drivers hand it over; the cast would trim it.
        expression := format('pg_catalog.textin(pg_catalog.bpcharout(%s))', reference);
    elsif wanted = 'text' and category = 'E' and is_domain then
        expression := format('case when %1$s is not null then pg_catalog.concat(%1$s) end', reference);
    elsif wanted = 'text' and category = 'E' then
        -- Not by a cast: the type's owner may have made one.
        expression := format('pg_catalog.textin(pg_catalog.enum_out(%s))', reference);
    elsif wanted = 'text' and category = 'S' then
        expression := reference || '::pg_catalog.text';
    elsif wanted = 'boolean' and category = 'B' then
        expression := reference || '::pg_catalog.int4::pg_catalog.float8';
    elsif wanted = 'double precision' and base = 'real'::regtype then
        expression := format('pgscore._real(%s)', reference);
        compared := reference || '::pg_catalog.float8';
    elsif wanted = 'double precision' and base = 'numeric'::regtype and not (
        modifier >= 0
        -- Digits before the point, and behind it; the scale has a sign from PostgreSQL 15 on.
        and (modifier >> 16) - (((modifier & 2047) # 1024) - 1024) <= 308
        and (((modifier & 2047) # 1024) - 1024) <= 323
    ) then
        expression := format('pgscore._number(%s)', reference);
    elsif wanted = 'double precision' and base in (
        'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'double precision'::regtype
    ) then
        expression := reference || '::pg_catalog.float8';
    end if;
    -- Texts by their bytes: a model tells apart what a collation may hold for equal.
    compared := case wanted when 'text' then format('(%s) collate pg_catalog."C"', expression) else coalesce(compared, expression) end;
end
$$;

comment on function pgscore._column_expression(text, oid, integer, text) is
    'SQL for an input of that type of a contract, read from a column of a type and its modifier, and SQL to compare two of them by; NULL where the type cannot serve';

create function pgscore._profile_column(
    profile regclass, input jsonb, source text,
    out expression text, out compared text, out sqlstate text, out message text, out hint text
)
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant text := input ->> 'type';
    found_column record;
begin
    select a.attname, a.atttypid, a.atttypmod into found_column
    from pg_catalog.pg_attribute a
    where a.attrelid = profile and a.attname = input ->> 'name' and a.attnum > 0 and not a.attisdropped;
    if not found then
        sqlstate := '42703';
        message := format('table %s has no column "%s", which the model reads', profile, input ->> 'name');
        return;
    end if;
    select e.* into expression, compared
    from pgscore._column_expression(
        wanted, found_column.atttypid, found_column.atttypmod, source || '.' || quote_ident(found_column.attname)
    ) e;
    if expression is null then
        sqlstate := '42804';
        message := format(
            'column "%s" of table %s is of type %s, which cannot serve as %s', input ->> 'name', profile,
            format_type(found_column.atttypid, found_column.atttypmod), wanted
        );
        hint := 'Fit the model on the column as it is, or name a view or table that has the type it wants.';
    end if;
end
$$;

comment on function pgscore._profile_column(regclass, jsonb, text) is
    'SQL for one input of a contract, read from a row of the profile table that stands under the name in source, and SQL to compare two of them by; or why the table has none';

create function pgscore._profile_expression(profile regclass, input jsonb, source text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select c.expression from pgscore._profile_column(profile, input, source) c
$$;

comment on function pgscore._profile_expression(regclass, jsonb, text) is
    'SQL for one input of a contract, read from a row of a profile table; NULL where its columns cannot serve';

create function pgscore._profile_arguments(profile regclass, inputs jsonb, source text) returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(pgscore._profile_expression(profile, i.input, source) order by i.ordinal)
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
$$;

comment on function pgscore._profile_arguments(regclass, jsonb, text) is
    'SQL for each input of a contract, read from a row of the profile table that stands under the name in source';

create function pgscore._profile_problem(
    profile regclass, inputs jsonb, out sqlstate text, out message text, out hint text
)
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select c.sqlstate, c.message, c.hint
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal),
        pgscore._profile_column(profile, i.input, 'p') c
    where c.message is not null
    order by i.ordinal
    limit 1
$$;

comment on function pgscore._profile_problem(regclass, jsonb) is
    'Why a table''s rows cannot be scored by a model with these inputs; NULL where they can';
grant execute on function
    pgscore._column_expression(text, oid, integer, text), pgscore._profile_column(regclass, jsonb, text),
    pgscore._profile_problem(regclass, jsonb)
    to pgscore_reader;

create function pgscore._ordinary_columns(profile regclass, inputs jsonb) returns boolean[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(
        coalesce(
            a.atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'boolean'::regtype, 'real'::regtype)
                -- Of up to 38 digits before the point and 44 behind it, as PostgreSQL keeps precision and scale.
                or a.atttypid = 'numeric'::regtype and a.atttypmod >= 4
                and ((a.atttypmod - 4) & 2047) <= 44 and ((a.atttypmod - 4) >> 16) - ((a.atttypmod - 4) & 2047) <= 38,
            false
        )
        order by i.ordinal
    )
    from jsonb_array_elements(inputs) with ordinality as i (input, ordinal)
    left join pg_catalog.pg_attribute a
        on a.attrelid = profile and a.attname = i.input ->> 'name' and a.attnum > 0 and not a.attisdropped
$$;

comment on function pgscore._ordinary_columns(regclass, jsonb) is
    'For each input of a contract, whether its column in a profile table can hold neither a huge nor a tiny number';

create function pgscore._inputs_differ(profile regclass, inputs jsonb, former text, present text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Arrays hold NULL for equal to NULL, as IS DISTINCT FROM does, whose operator the search_path would choose.
    return (
        with compared as (
            select array_agg(f.compared order by i.ordinal) as former, array_agg(p.compared order by i.ordinal) as present
            from jsonb_array_elements(inputs) with ordinality as i (input, ordinal),
                pgscore._profile_column(profile, i.input, former) f,
                pgscore._profile_column(profile, i.input, present) p
        )
        select concat_ws(
            E'\n        or ',
            case when f.numbers <> 'null' then format('%s operator(pg_catalog.<>) %s', f.numbers, p.numbers) end,
            case when f.texts <> 'null' then format('%s operator(pg_catalog.<>) %s', f.texts, p.texts) end
        )
        from compared c, pgscore._split_arguments(inputs, c.former) f, pgscore._split_arguments(inputs, c.present) p
    );
end
$$;

comment on function pgscore._inputs_differ(regclass, jsonb, text, text) is
    'SQL that says whether two rows of a profile table differ in what a model reads of them';
