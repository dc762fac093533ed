-- What follows belongs to pgscore_owner.
set role pgscore_owner;
