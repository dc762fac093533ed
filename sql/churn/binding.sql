-- The counters hold complaints from before this table, so it does not tell them, and purging it takes nothing away.
select pgscore.attach(
    'churn', 'churn.complaints', 'churn.customer_profile', 'customer_id', 'customer_id',
    '[{"column": "number_customer_service_calls", "aggregate": "count", "deletes": "ignore"}]',
    'churn_score', 'churn_model_version', 'churn_scored_at'
);
