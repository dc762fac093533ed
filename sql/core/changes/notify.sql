create function pgscore._prepares() returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Without a backslash, which a session may read otherwise.
    select '[[:<:]]prepare[[:>:]]([[:space:]]|/[*].*[*]/|--.*)+[[:<:]]transaction[[:>:]]'
$$;

comment on function pgscore._prepares() is 'The regular expression of PREPARE TRANSACTION';
grant execute on function pgscore._prepares() to pgscore_reader;

create function pgscore._notify(model text, key text, score double precision, version integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- All digits of the score, whatever the session has set.
set extra_float_digits = 1
as $$
begin
    -- PostgreSQL does not prepare a transaction that has notified: one that is prepared tells nobody. The command is all
    -- that says so before it is over.
    if current_setting('max_prepared_transactions') <> '0' and current_query() ~* pgscore._prepares() then
        return;
    end if;
    -- 8,000 bytes are too many for PostgreSQL, and a character is six of JSON at most.
    perform pg_notify('pgscore', case
        when octet_length(key) <= 1000 then json_build_object('model', model, 'key', key, 'score', score, 'version', version)
        else json_build_object('model', model, 'key', left(key, 1000), 'score', score, 'version', version, 'key_md5', md5(key))
    end::text);
end
$$;

comment on function pgscore._notify(text, text, double precision, integer) is
    'Tells whoever listens to the channel pgscore of a score; of a key of more than 1000 bytes the first 1000 characters and the md5';
grant execute on function pgscore._notify(text, text, double precision, integer) to pgscore_reader;
