-- churn/owner.sql
-- The application's own role. Not a superuser: its trigger functions run with its rights, and call what pgscore_owner may
-- replace.
do $$
declare
    newer constant boolean := current_setting('server_version_num')::integer >= 160000;
begin
    if to_regrole('churn_owner') is null then
        create role churn_owner nologin;
        comment on role churn_owner is 'Owns the reference application of pgscore';
    end if;
    -- As for pgscore_owner: from PostgreSQL 16 on who makes a role may grant it, and does not become it before.
    if not pg_has_role(current_user, 'churn_owner', case when newer then 'set' else 'member' end) then
        execute format('grant churn_owner to %I', current_user) || case when newer then ' with inherit true, set true' else '' end;
    end if;
    if not pg_has_role('churn_owner', 'pgscore_reader', 'member') then
        grant pgscore_reader to churn_owner;
    end if;
end
$$;

create schema churn authorization churn_owner;

-- churn/schema.sql
set role churn_owner;

comment on schema churn is 'Reference application of pgscore: customers of a telephone company and their complaints';
-- pgscore generates functions on the row type of the profile table.
grant usage on schema churn to pgscore_owner;

-- churn/customer_profile.sql
create table churn.customer_profile (
    customer_id bigint primary key,
    state text not null,
    account_length integer not null,
    area_code text not null,
    international_plan text not null,
    voice_mail_plan text not null,
    number_vmail_messages integer not null,
    total_day_minutes double precision not null,
    total_day_calls integer not null,
    total_day_charge double precision not null,
    total_eve_minutes double precision not null,
    total_eve_calls integer not null,
    total_eve_charge double precision not null,
    total_night_minutes double precision not null,
    total_night_calls integer not null,
    total_night_charge double precision not null,
    total_intl_minutes double precision not null,
    total_intl_calls integer not null,
    total_intl_charge double precision not null,
    number_customer_service_calls bigint not null default 0,
    churn_score double precision,
    churn_scored_at timestamptz,
    churn_model_version integer
);

comment on table churn.customer_profile is 'A customer: 19 predictors, and what the churn model says';
comment on column churn.customer_profile.customer_id is 'The customer';
comment on column churn.customer_profile.state is 'State of the USA, two letters';
comment on column churn.customer_profile.account_length is 'Days since the account was opened';
comment on column churn.customer_profile.area_code is 'Telephone area, as area_code_415';
comment on column churn.customer_profile.international_plan is 'yes or no';
comment on column churn.customer_profile.voice_mail_plan is 'yes or no';
comment on column churn.customer_profile.number_vmail_messages is 'Voice mail messages';
comment on column churn.customer_profile.total_day_minutes is 'Minutes of calls by day';
comment on column churn.customer_profile.total_day_calls is 'Calls by day';
comment on column churn.customer_profile.total_day_charge is 'Charge for calls by day';
comment on column churn.customer_profile.total_eve_minutes is 'Minutes of calls in the evening';
comment on column churn.customer_profile.total_eve_calls is 'Calls in the evening';
comment on column churn.customer_profile.total_eve_charge is 'Charge for calls in the evening';
comment on column churn.customer_profile.total_night_minutes is 'Minutes of calls by night';
comment on column churn.customer_profile.total_night_calls is 'Calls by night';
comment on column churn.customer_profile.total_night_charge is 'Charge for calls by night';
comment on column churn.customer_profile.total_intl_minutes is 'Minutes of international calls';
comment on column churn.customer_profile.total_intl_calls is 'International calls';
comment on column churn.customer_profile.total_intl_charge is 'Charge for international calls';
comment on column churn.customer_profile.number_customer_service_calls is 'Complaints: moved by pgscore when one is inserted';
comment on column churn.customer_profile.churn_score is 'Probability that the customer leaves; NULL until a model is promoted';
comment on column churn.customer_profile.churn_scored_at is 'When it was computed';
comment on column churn.customer_profile.churn_model_version is 'The version of the model that gave it';

-- churn/complaints.sql
create table churn.complaints (
    complaint_id bigint generated always as identity primary key,
    customer_id bigint not null references churn.customer_profile (customer_id),
    kind text not null,
    body text not null default '',
    created_at timestamptz not null default now()
);

create index complaints_customer on churn.complaints (customer_id);

comment on table churn.complaints is 'What customers complain about: the application only inserts';
comment on column churn.complaints.complaint_id is 'Counts up';
comment on column churn.complaints.customer_id is 'The customer who complains';
comment on column churn.complaints.kind is 'What about, in a word';
comment on column churn.complaints.body is 'In the customer''s words';
comment on column churn.complaints.created_at is 'When';

-- churn/binding.sql
-- The counters hold complaints from before this table, so it does not tell them, and purging it takes nothing away.
select pgscore.attach(
    'churn', 'churn.complaints', 'churn.customer_profile', 'customer_id', 'customer_id',
    '[{"column": "number_customer_service_calls", "aggregate": "count", "deletes": "ignore"}]',
    'churn_score', 'churn_model_version', 'churn_scored_at'
);

-- churn/become_oneself.sql
reset role;
