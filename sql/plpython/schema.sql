create extension if not exists plpython3u;

-- Owned by the superuser who runs this; nobody else may create in it, so nobody else can put code in its functions' way.
create schema pgscore_trusted;

comment on schema pgscore_trusted is 'The part of pgscore that unpickles: owned by a superuser, and closed';
-- Readers: only to walk programs, which computes and nothing else.
grant usage on schema pgscore_trusted to pgscore_owner, pgscore_publisher, pgscore_operator, pgscore_reader;
