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
