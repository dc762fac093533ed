-- core/pin_path.sql
-- Names in SQL-standard bodies, defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- core/become_owner.sql
-- What follows belongs to pgscore_owner.
set role pgscore_owner;

-- What was exported last is forgotten: the next exports are full ones.
drop table pgscore.export;

-- What promotions have generated, anew.
select pgscore._regenerate_models();

-- core/become_oneself.sql
reset search_path;

reset role;
