set role churn_owner;

comment on schema churn is 'Reference application of pgscore: customers of a telephone company and their complaints';
-- pgscore generates functions on the row type of the profile table.
grant usage on schema churn to pgscore_owner;
