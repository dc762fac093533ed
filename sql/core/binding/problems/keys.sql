create function pgscore._table_keys_problem(b pgscore.binding) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    part record;
begin
    for part in
        select e.name as event_name, p.name as profile_name, pgscore._column(b.events, e.name) as event, pgscore._column(b.profile, p.name) as profile
        from unnest(b.event_key) with ordinality as e (name, ordinal)
        join unnest(b.profile_key) with ordinality as p (name, ordinal) using (ordinal)
        order by ordinal
    loop
        if (part.event).attname is null then
            return format('table %s has no column "%s"', b.events, part.event_name);
        elsif (part.profile).attname is null then
            return format('table %s has no column "%s"', b.profile, part.profile_name);
        elsif pgscore._key_type((part.event).atttypid) is distinct from pgscore._key_type((part.profile).atttypid) then
            return format(
                'the keys do not match: "%s" of %s is %s, "%s" of %s is %s',
                part.event_name, b.events, format_type((part.event).atttypid, (part.event).atttypmod),
                part.profile_name, b.profile, format_type((part.profile).atttypid, (part.profile).atttypmod)
            );
        elsif pgscore._key_type((part.event).atttypid) is null then
            return format(
                'a key of type %s is not supported: smallint, integer, bigint, uuid, text and varchar are',
                format_type((part.event).atttypid, (part.event).atttypmod)
            );
        elsif exists (
            select from pg_catalog.pg_collation c
            where c.oid in ((part.event).attcollation, (part.profile).attcollation) and not c.collisdeterministic
        ) then
            return format('keys with a nondeterministic collation such as "%s" are not supported', part.profile_name);
        end if;
    end loop;
    if not exists (
        select from pg_catalog.pg_index i
        where i.indrelid = b.profile and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null
            and i.indnkeyatts = cardinality(b.profile_key)
            and (
                select array_agg(a.attname order by a.attname)
                from unnest(i.indkey::smallint[]) with ordinality as k (number, ordinal)
                join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
                where k.ordinal <= i.indnkeyatts
            ) = (select array_agg(k order by k) from unnest(b.profile_key) k)
    ) then
        return format(
            '%1$s of table %2$s is not unique; run: alter table %2$s add unique (%3$s)',
            case cardinality(b.profile_key) when 1 then 'column ' else 'the key of columns ' end
                || (select string_agg('"' || k || '"', ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o)),
            b.profile, (select string_agg(quote_ident(k), ', ' order by o) from unnest(b.profile_key) with ordinality u (k, o))
        );
    end if;
    return null;
end
$$;

comment on function pgscore._table_keys_problem(pgscore.binding) is
    'What is wrong with the keys by which events name profiles, in a sentence; NULL where nothing is';
grant execute on function pgscore._table_keys_problem(pgscore.binding) to pgscore_reader;
