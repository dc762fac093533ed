create schema pgscore authorization pgscore_owner;
create schema pgscore_models authorization pgscore_owner;

comment on schema pgscore is 'Scores of machine-learning models: API, tables, views';
comment on schema pgscore_models is 'Functions that pgscore generates for promoted models';

grant usage on schema pgscore, pgscore_models to pgscore_publisher, pgscore_operator, pgscore_reader;

-- What pgscore_owner makes later, generated functions included, is nobody's until it is granted.
alter default privileges for role pgscore_owner revoke execute on functions from public;
alter default privileges for role pgscore_owner revoke usage on types from public;
