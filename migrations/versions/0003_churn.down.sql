select pgscore.detach('churn.complaints', 'churn.customer_profile');
delete from pgscore.model_profile where profile = 'churn.customer_profile'::regclass;
-- With it go the functions that pgscore generated for the profile's row type.
drop schema churn cascade;
