-- The extension stays: other functions of the database may use it.
drop schema pgscore_trusted cascade;
