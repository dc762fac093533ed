create schema pgscore authorization pgscore_owner;
create schema pgscore_models authorization pgscore_owner;
