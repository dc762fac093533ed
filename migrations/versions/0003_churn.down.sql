-- As the owner, who is refused nothing: a superuser is, for tables of another role.
set role churn_owner;
select pgscore.detach('churn.complaints', 'churn.customer_profile');
reset role;
delete from pgscore.model_profile where profile = 'churn.customer_profile'::regclass;
-- With it go the functions that pgscore generated for the profile's row type.
drop schema churn cascade;
