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
