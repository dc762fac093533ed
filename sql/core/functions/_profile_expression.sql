create function pgscore._profile_expression(profile regclass, input jsonb, source text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    wanted constant text := input ->> 'type';
    field record;
begin
    select
        source || '.' || quote_ident(a.attname) as reference,
        format_type(a.atttypid, a.atttypmod) as declared,
        coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text as type,
        -- Of numeric: as PostgreSQL keeps precision and scale.
        case t.typtype when 'd' then t.typtypmod else a.atttypmod end - 4 as modifier,
        t.typcategory as category
    into field
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
    where a.attrelid = profile and a.attname = input ->> 'name' and a.attnum > 0 and not a.attisdropped;
    if not found then
        raise exception 'table % has no column "%", which the model reads', profile, input ->> 'name'
            using errcode = 'undefined_column';
    end if;
    if wanted = 'text' and field.category in ('S', 'E') then
        return field.reference || '::text';
    elsif wanted = 'boolean' and field.category = 'B' then
        return field.reference || '::integer::double precision';
    elsif wanted = 'double precision' and field.type = 'real' then
        -- As drivers and JSON show it: 1.1 is 1.1, not 1.10000002384186.
        return field.reference || '::text::double precision';
    elsif wanted = 'double precision' and field.type = 'numeric' and not (
        field.modifier >= 0
        -- Digits before the point, and behind it; the scale has a sign from PostgreSQL 15 on.
        and (field.modifier >> 16) - (((field.modifier & 2047) # 1024) - 1024) <= 308
        and (((field.modifier & 2047) # 1024) - 1024) <= 323
    ) then
        return format('pgscore._number(%s)', field.reference);
    elsif wanted = 'double precision'
        and field.type in ('smallint', 'integer', 'bigint', 'numeric', 'double precision')
    then
        return field.reference || '::double precision';
    end if;
    raise exception 'column "%" of table % is of type %, which cannot serve as %',
        input ->> 'name', profile, field.declared, wanted
        using errcode = 'datatype_mismatch',
              hint = 'Fit the model on the column as it is, or bind a view or table that has the type it wants.';
end
$$;

comment on function pgscore._profile_expression(regclass, jsonb, text) is
    'SQL for one input of a contract, read from a row of the profile table that stands under the name in source';
