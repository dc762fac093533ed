-- What follows belongs to pgscore_owner.
set role pgscore_owner;

comment on schema pgscore is 'Scores of machine-learning models: API, tables, views';
comment on schema pgscore_models is 'Functions that pgscore generates for promoted models';

grant usage on schema pgscore, pgscore_models to pgscore_publisher, pgscore_operator, pgscore_reader;

-- What pgscore_owner makes later, generated functions included, is nobody's until it is granted.
alter default privileges revoke execute on functions from public;
alter default privileges revoke usage on types from public;
