create function pgscore._key_type(type oid) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when type in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) then 'bigint'
        when type in ('text'::regtype, 'varchar'::regtype) then 'text'
        when type = 'uuid'::regtype then 'uuid'
    end
$$;

comment on function pgscore._key_type(oid) is 'The type in which keys of a type are compared; NULL where it cannot be a key';
