-- The roles stay: they are cluster-wide, and another database may use them. `drop role` when none does.
drop schema pgscore_models cascade;
drop schema pgscore cascade;
alter default privileges for role pgscore_owner grant execute on functions to public;
alter default privileges for role pgscore_owner grant usage on types to public;
