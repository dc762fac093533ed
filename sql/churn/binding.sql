set role pgscore_owner;

grant insert (binding, keys, deltas) on pgscore.queue to churn_owner;

insert into pgscore.binding (
    name, events, profile, model, event_key, profile_key, reducers, score, version, scored_at,
    apply_schema, apply_function
) values (
    'churn.complaints', 'churn.complaints', 'churn.customer_profile', 'churn', 'customer_id', 'customer_id',
    '[{"column": "number_customer_service_calls", "aggregate": "count"}]',
    'churn_score', 'churn_model_version', 'churn_scored_at',
    'churn', '_complaints_apply'
);

select pgscore._add_profile('churn.customer_profile');

reset role;
