delete from pgscore.binding where name = 'churn.complaints';
delete from pgscore.model_profile where profile = 'churn.customer_profile'::regclass;
-- With it go the functions that pgscore generated for the profile's row type.
drop schema churn cascade;
revoke insert (binding, keys, deltas) on pgscore.queue from churn_owner;
